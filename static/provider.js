// Signing in with the provider that the service names: there by a link, back with a code that is changed for tokens.

import { h } from "./dom.js";
import { request } from "./api.js";

const code = /^#code=(.+)/.exec(location.hash)?.[1];
if (code) history.replaceState(null, "", "/"); // it is good for one minute and one use
const post = (path, body) => request("POST", `/auth/oidc/${path}`, { body, open: true });

/** The tokens that the browser came back for; null where it did not. @returns {Promise<Object|null>} */
export const arrival = Promise.resolve(code ? post("token", { code }).catch(() => null) : null);

/** A link to the provider, if there is one. @param {HTMLInputElement} registration the field of the code for it */
export function providerLink(registration) {
  const onclick = async (event) => {
    if (!registration.value) return;
    event.preventDefault();
    const said = await post("login", { code: registration.value }).catch((error) => error);
    if (said.address) location.assign(said.address);
    else link.textContent = said.message;
  };
  const link = h("a.button", { href: "/auth/oidc/login", hidden: true, onclick });
  const show = ({ provider }) => {
    link.textContent = `Sign in with ${provider}`;
    link.hidden = !provider;
  };
  request("GET", "/auth/options", { open: true }).then(show, () => {});
  return link;
}
