// What the parts of the page tell each other, in this tab and in others.

import { request } from "./api.js";

const channel = new BroadcastChannel("marquee");
const local = new EventTarget();
channel.onmessage = ({ data }) => tellHere(data.type, { ...data, far: true });

/** Tells everyone, in every tab. @param {string} type @param {Object} [detail] */
export function tell(type, detail = {}) {
  tellHere(type, detail);
  channel.postMessage({ ...detail, type });
}

/** Tells this tab alone. @param {string} type @param {Object} detail */
export function tellHere(type, detail) {
  local.dispatchEvent(new CustomEvent(type, { detail }));
}

/** Listens; `detail.far` is true for what another tab told. @param {string} type @param {AbortSignal} [signal] ends it */
export function hear(type, listener, signal) {
  local.addEventListener(type, (event) => listener(event.detail), { signal });
}

/** Sends a message in the chat that is open, or in a new one. @param {string} text */
export const ask = (text) => tellHere("ask", { text });

let asked = null;

/** The state of the service, asked for once. @returns {Promise<Object>} GET /health */
export function health() {
  asked ??= request("GET", "/health").catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}

/** Texts that stay, silent where nothing is kept; null for none. */
function keeping(name) {
  const tried = (work) => {
    try {
      return work(window[name]); // a browser may refuse even to name it
    } catch {
      return null;
    }
  };
  return {
    get: (key) => tried((store) => store.getItem(key)),
    set: (key, value) => tried((store) => (value == null ? store.removeItem(key) : store.setItem(key, value))),
  };
}

/** In this browser. */
export const kept = keeping("localStorage");
/** In this tab, until it is closed. */
export const keptHere = keeping("sessionStorage");

/** True where this browser has tokens (signin.js keeps them). */
export const signedIn = () => kept.get("marquee:tokens") !== null;
