// Signing in, where the service asks for accounts: tokens kept in this browser, refreshed in time, given up at the end.

import { h, textButton } from "./dom.js";
import { get, request } from "./api.js";
import { kept } from "./shared.js";

const TOKENS = "marquee:tokens";
const EARLY_MS = 30000; // before its end that an access token is refreshed
const STAY = ["theme", "folded"]; // what is nobody's own
let asking = false;

const post = (path, body) => request("POST", `/auth/${path}`, { body, open: true });
const read = () => JSON.parse(kept.get(TOKENS));
const until = ({ expires_in: seconds }) => Date.now() + seconds * 1000;
const write = (pair) => kept.set(TOKENS, pair && JSON.stringify({ ...pair, until: until(pair) }));
const fresh = (tokens) => !tokens || Date.now() < tokens.until - EARLY_MS;

export async function arrive() {
  const code = /^#code=(.+)/.exec(location.hash)?.[1];
  if (!code) return;
  history.replaceState(null, "", "/"); // it is good for one minute and one use
  await post("oidc/token", { code }).then(write, () => {});
}

export async function bearer() {
  if (!fresh(read())) await navigator.locks.request("marquee-refresh", refresh); // one tab at a time
  return read()?.access_token;
}

async function refresh() {
  const tokens = read();
  if (fresh(tokens)) return; // another tab was faster
  try {
    write(await post("refresh", { refresh_token: tokens.refresh_token }));
  } catch (error) {
    if (error.passing ?? true) throw error;
    write(null);
  }
}

/** Asks who it is; the page starts again when that is known. */
export function ask() {
  if (asking) return;
  asking = true;
  write(null);
  const field = (label, name, props) => h("label", label, h("input.field", { name, ...props }));
  const code = field("Code for registration, if you were given one", "code", { autocomplete: "off" });
  const said = h("p.error", { role: "alert" });
  const go = h("button.button.primary");
  const other = textButton(null, "", () => turn(code.hidden));
  const onsubmit = (event) => {
    event.preventDefault();
    go.disabled = true;
    enter(new FormData(form), !code.hidden).catch(({ errors, message }) => {
      go.disabled = false;
      said.textContent = errors?.map((error) => error.message).join(" ") || message;
    });
  };
  const form = h("form", { onsubmit },
    h("h2", "Sign in to Marquee"),
    field("Name", "username", { autocomplete: "username", required: true, autofocus: true }),
    field("Password", "password", { type: "password", required: true }),
    code, said, h("div.row", other, go), providerLink(code.querySelector("input")));
  const turn = (isNew) => {
    go.textContent = isNew ? "Make the account" : "Sign in";
    other.textContent = isNew ? "I have an account" : "Make an account";
    form.elements.password.autocomplete = isNew ? "new-password" : "current-password";
    code.hidden = !isNew;
    said.textContent = "";
  };
  turn(false);
  const dialog = h("dialog.sign-in", { label: "Sign in", oncancel: (event) => event.preventDefault() }, form);
  document.body.append(dialog);
  dialog.showModal();
}

function providerLink(registration) {
  const onclick = async (event) => {
    if (!registration.value) return;
    event.preventDefault();
    const said = await post("oidc/login", { code: registration.value }).catch((error) => error);
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

async function enter(form, isNew) {
  const [username, password, code] = [form.get("username").trim(), form.get("password"), form.get("code") || null];
  if (isNew) await post("register", { username, password, code });
  write(await post("token", new URLSearchParams({ username, password })));
  location.reload();
}

/** Ends the sign-in, and with it what this browser keeps of it. */
async function leave() {
  await request("POST", "/auth/logout").catch(() => {});
  for (const keep of [localStorage, sessionStorage]) {
    for (const key of Object.keys(keep)) if (!STAY.includes(key)) keep.removeItem(key);
  }
  location.reload();
}

export async function show(root) {
  const account = read() && (await get("/auth/me").catch(() => null));
  if (account) root.append(h("span.muted", account.name), textButton(null, "Sign out", leave));
}

addEventListener("storage", ({ key, newValue }) => key === TOKENS && Boolean(newValue) === asking && location.reload());
