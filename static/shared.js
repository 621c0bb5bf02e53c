// What the parts of the page tell each other, in this tab and in others.

import { request } from "./api.js";

const channel = new BroadcastChannel("marquee");
const local = new EventTarget();
channel.onmessage = ({ data }) => local.dispatchEvent(new CustomEvent(data.type, { detail: { ...data, far: true } }));

/** Tells everyone, in every tab. @param {string} type @param {Object} [detail] */
export function tell(type, detail = {}) {
  tellHere(type, detail);
  channel.postMessage({ ...detail, type });
}

/** Tells this tab alone. @param {string} type @param {Object} detail */
export function tellHere(type, detail) {
  local.dispatchEvent(new CustomEvent(type, { detail }));
}

/**
 * Listens; `detail.far` is true for what another tab told.
 * @param {string} type
 * @param {(detail: Object) => void} listener
 * @param {AbortSignal} [signal] ends it
 */
export function hear(type, listener, signal) {
  local.addEventListener(type, (event) => listener(event.detail), { signal });
}

/** Sends a message in the chat that is open, or in a new one. @param {string} text */
export function ask(text) {
  tellHere("ask", { text });
}

let asked = null;

/** The state of the service, asked for once. @returns {Promise<Object>} GET /health */
export function health() {
  asked ??= request("GET", "/health").catch((error) => {
    asked = null;
    throw error;
  });
  return asked;
}

/** Texts that stay in this browser; silent where it keeps none. */
export const kept = {
  get: (name) => tried(() => localStorage.getItem(name)),
  set: (name, value) => tried(() => (value == null ? localStorage.removeItem(name) : localStorage.setItem(name, value))),
};

/** The same for this tab, until it is closed. */
export const keptHere = {
  get: (name) => tried(() => sessionStorage.getItem(name)),
  set: (name, value) =>
    tried(() => (value == null ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, value))),
};

function tried(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
