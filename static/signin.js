// Signing in, where the service asks for accounts: tokens kept in this browser, refreshed in time, given up at the end.

import { h } from "./dom.js";
import { Problem, request, useSignIn } from "./api.js";
import { arrival, providerLink } from "./provider.js";
import { kept } from "./shared.js";

const TOKENS = "marquee:tokens";
const EARLY_MS = 30000; // before its end that an access token is refreshed
let asking = false;

const read = () => JSON.parse(kept.get(TOKENS) ?? "null");
const write = (pair) =>
  kept.set(TOKENS, pair && JSON.stringify({ ...pair, until: Date.now() + pair.expires_in * 1000 }));
const arrived = arrival.then((pair) => pair && write(pair));

/** The access token, refreshed where it ends soon; null for who is not signed in. @returns {Promise<string|null>} */
async function bearer() {
  await arrived;
  const tokens = read();
  if (!tokens || Date.now() < tokens.until - EARLY_MS) return tokens?.access_token ?? null;
  return navigator.locks.request("marquee-refresh", refreshed); // one tab at a time
}

async function refreshed() {
  const tokens = read(); // another tab may have been faster
  if (!tokens || Date.now() < tokens.until - EARLY_MS) return tokens?.access_token ?? null;
  try {
    write(await request("POST", "/auth/refresh", { body: { refresh_token: tokens.refresh_token }, open: true }));
  } catch (error) {
    if (!(error instanceof Problem) || error.passing) throw error;
    write(null);
  }
  return read()?.access_token ?? null;
}

async function tokensFor(username, password) {
  const body = new URLSearchParams({ username, password });
  return request("POST", "/auth/token", { body, open: true });
}

/** Asks who it is; the page starts again when that is known. */
function ask() {
  if (asking) return;
  asking = true;
  write(null);
  const name = h("input", { class: "field", autocomplete: "username", required: true, autofocus: true });
  const password = h("input", { class: "field", type: "password", autocomplete: "current-password", required: true });
  const code = h("input", { class: "field", autocomplete: "off" });
  const codeLabel = h("label", { hidden: true }, "Code for registration, if you were given one", code);
  const said = h("p", { class: "error", role: "alert" });
  const go = h("button", { class: "button primary" }, "Sign in");
  const other = h("button", { class: "button", type: "button", onclick: () => turn(!isNew) }, "Make an account");
  let isNew = false;
  const turn = (fresh) => {
    isNew = fresh;
    go.textContent = fresh ? "Make the account" : "Sign in";
    other.textContent = fresh ? "I have an account" : "Make an account";
    password.autocomplete = fresh ? "new-password" : "current-password";
    codeLabel.hidden = !fresh;
    said.textContent = "";
  };
  const onsubmit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    said.textContent = "";
    try {
      const made = { username: name.value.trim(), password: password.value, code: code.value || null };
      if (isNew) await request("POST", "/auth/register", { body: made, open: true });
      write(await tokensFor(made.username, made.password));
      location.reload();
    } catch (error) {
      said.textContent = error.errors?.map(({ message }) => message).join(" ") || error.message;
    } finally {
      go.disabled = false;
    }
  };
  const form = h("form", { onsubmit }, h("h2", null, "Sign in to Marquee"), h("label", null, "Name", name),
    h("label", null, "Password", password), codeLabel, said, h("div", { class: "row" }, other, go), providerLink(code));
  const dialog = h("dialog", { class: "sign-in", "aria-label": "Sign in", oncancel: (event) => event.preventDefault() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

/** Ends the sign-in, and with it what this browser keeps of it. */
async function leave() {
  await request("POST", "/auth/logout").catch(() => {});
  for (const keep of [localStorage, sessionStorage]) {
    for (const key of Object.keys(keep)) if (key !== "theme" && key !== "folded") keep.removeItem(key);
  }
  location.reload();
}

async function showAccount() {
  await arrived;
  if (!read()) return;
  const { name } = await request("GET", "/auth/me");
  const out = h("button", { class: "button", type: "button", onclick: leave }, "Sign out");
  document.getElementById("account").append(h("span", { class: "muted" }, name), out);
}

useSignIn({ bearer, ask });
addEventListener("storage", ({ key, newValue }) => key === TOKENS && Boolean(newValue) === asking && location.reload());

/** Shows who is signed in. */
export function start() {
  showAccount().catch(() => {});
}
