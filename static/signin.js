// Signing in, where the service asks for accounts: tokens kept in this browser, refreshed in time, given up at the end.

import { create, h, mount, textButton } from "./dom.js";
import { get, kept, request } from "./api.js";

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
export async function ask() {
  if (asking) return;
  asking = true;
  write(null);
  const dialog = create(h("dialog.sign-in", { label: "Sign in", oncancel: (event) => event.preventDefault() }));
  const state = { isNew: false, said: "", busy: false, provider: null };
  mount(dialog, () => form(state));
  document.body.append(dialog);
  dialog.showModal();
  state.provider = (await request("GET", "/auth/options", { open: true }).catch(() => ({}))).provider;
}

function form(state) {
  const { isNew, provider } = state;
  const field = (label, name, props) => h("label", { key: name }, label, h("input.field", { name, ...props }));
  const turn = () => Object.assign(state, { isNew: !isNew, said: "" });
  const onsubmit = (event) => {
    event.preventDefault();
    state.busy = true;
    return enter(new FormData(event.target), isNew).catch(({ errors, message }) => {
      state.busy = false;
      state.said = errors?.map((error) => error.message).join(" ") || message;
    });
  };
  const toProvider = async (event) => {
    const code = event.target.closest("form").elements.code?.value;
    if (!code) return;
    event.preventDefault();
    const said = await post("oidc/login", { code }).catch((error) => error);
    if (said.address) location.assign(said.address);
    else state.said = said.message;
  };
  return h("form", { onsubmit },
    h("h2", "Sign in to Marquee"),
    field("Name", "username", { autocomplete: "username", required: true, autofocus: true }),
    field("Password", "password", {
      type: "password", required: true, autocomplete: isNew ? "new-password" : "current-password",
    }),
    isNew && field("Code for registration, if you were given one", "code", { autocomplete: "off" }),
    h("p.error", { role: "alert" }, state.said),
    h("div.row",
      textButton(null, isNew ? "I have an account" : "Make an account", turn),
      h("button.button.primary", { disabled: state.busy }, isNew ? "Make the account" : "Sign in")),
    provider && h("a.button", { href: "/auth/oidc/login", onclick: toProvider }, `Sign in with ${provider}`));
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

let name = null; // of the account

/** Who is signed in, with the way out. */
export const account = () =>
  name && h("div.side-foot", h("span.muted", name), textButton(null, "Sign out", leave));

export async function load() {
  if (read()) name = (await get("/auth/me")).name;
}

addEventListener("storage", ({ key, newValue }) => key === TOKENS && Boolean(newValue) === asking && location.reload());
