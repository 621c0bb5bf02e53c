// What is sent stays here until the service has it: a lost network or a reload neither loses nor doubles it.

import { follow, pause, request } from "./api.js";
import { keptHere, tell } from "./shared.js";

const NAME = "outbox";
const MOST_TRIES = 8;
const entries = new Map(); // by the letter's key

/**
 * @typedef {Object} Letter
 * @property {string} key the Idempotency-Key
 * @property {string} path of the POST
 * @property {Object} body
 * @property {string|null} sessionId null for a chat that is to be opened
 * @property {string} text as it was typed
 * @property {string} kind "send", "retry" or "edit"
 *
 * @typedef {Object} Entry
 * @property {Letter} letter
 * @property {Promise<{first: Object, events: AsyncGenerator}>} sending the events of the run that it began
 * @property {AbortController} listening takes the letter back; once it is sent, ends the events
 * @property {(() => void)|null} onwait told when it has to be tried again
 * @property {boolean} stop stops the run as soon as there is one
 */

/** Sends; what is not delivered when the page is left is sent again by `resume`. @returns {Entry} */
export function post(letter) {
  const entry = { letter: { key: newKey(), ...letter }, listening: new AbortController(), onwait: null, stop: false };
  const { key } = entry.letter;
  entry.sending = deliver(entry).finally(() => entries.delete(key) && store());
  entry.sending.catch(() => {});
  entries.set(key, entry);
  store();
  return entry;
}

const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // none over plain HTTP

function store() {
  keptHere.set(NAME, entries.size ? JSON.stringify([...entries.values()].map(({ letter }) => letter)) : null);
}

/** What a session, or with null a new chat, has on its way. */
export const onItsWay = (sessionId) => entries.values().find(({ letter }) => letter.sessionId === sessionId);

/** Sends what was on its way when the page was left. */
export function resume() {
  JSON.parse(keptHere.get(NAME) ?? "[]").forEach(post);
}

async function deliver(entry) {
  const { path, body, key } = entry.letter;
  const { signal } = entry.listening;
  const events = follow("POST", path, { body, key, signal, onwait: () => entry.onwait?.() });
  const { value: first } = await events.next();
  tell("session", { id: first.run.session_id, run: first.run.id });
  if (entry.stop) await cancel(first.run.id);
  return { first, events };
}

/** Stops a run; tries again while the service cannot be reached, or where another process of it has the run. */
export async function cancel(runId) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request("POST", `/runs/${runId}/cancel`);
    } catch (error) {
      if (!(error.passing || error.status === 409) || tries > MOST_TRIES) throw error;
    }
    await pause();
  }
}
