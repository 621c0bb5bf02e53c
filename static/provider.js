// Signing in with the provider that the service names: there by a link, back with a code that is changed for tokens.

import { h } from "./dom.js";
import { request } from "./api.js";

const ARRIVAL = "#code=";
const code = location.hash.startsWith(ARRIVAL) ? location.hash.slice(ARRIVAL.length) : null;
if (code) history.replaceState(null, "", location.pathname); // at once: it is good for one minute and one use

/** The tokens that the browser came back with; null where it did not. @returns {Promise<Object|null>} */
export const arrival = code
  ? request("POST", "/auth/oidc/token", { body: { code }, open: true }).catch(() => null)
  : Promise.resolve(null);

/** A link to the provider, shown where there is one. @param {HTMLInputElement} registration the field of its code */
export function providerLink(registration) {
  const link = h("a", { class: "button", href: "/auth/oidc/login", hidden: true });
  link.addEventListener("click", async (event) => {
    if (!registration.value) return;
    event.preventDefault();
    const body = { code: registration.value };
    try {
      location.assign((await request("POST", "/auth/oidc/login", { body, open: true })).address);
    } catch (error) {
      registration.setCustomValidity(error.message);
      registration.reportValidity();
      registration.setCustomValidity("");
    }
  });
  request("GET", "/auth/options", { open: true })
    .then(({ provider }) => {
      link.textContent = `Sign in with ${provider}`;
      link.hidden = !provider;
    })
    .catch(() => {});
  return link;
}
