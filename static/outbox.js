// What is sent stays here until the service has it: a lost network or a reload neither loses nor doubles it.

import { follow, pause, request } from "./api.js";
import { keptHere, tell } from "./shared.js";

const NAME = "outbox";
const MOST_TRIES = 8;
const SETTLE_MS = 100; // until the browser has the address of what was sent, should it reload
const entries = new Map(); // by the letter's id

/**
 * Sends a letter {kind, content, path, body, sessionId}. In the entry that comes back `sending` has the events of the
 * run that began, `listening` ends them or takes the letter back; set `onwait` to hear of waits, `stop` to stop it.
 */
export function post(letter) {
  const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // the Idempotency-Key; no UUIDs over plain HTTP
  const whole = { id, role: "user", ...letter, words: null };
  const entry = { letter: whole, listening: new AbortController(), stop: false };
  entry.sending = deliver(entry).finally(() => entries.delete(id) && setTimeout(store, SETTLE_MS));
  entry.sending.catch(() => {});
  entries.set(id, entry);
  store();
  return entry;
}

function store() {
  keptHere.set(NAME, entries.size ? JSON.stringify([...entries.values()].map(({ letter }) => letter)) : null);
}

/** What a session, or with null a new chat, has on its way. */
export const onItsWay = (sessionId) => entries.values().find(({ letter }) => letter.sessionId === sessionId);

export function resume() {
  JSON.parse(keptHere.get(NAME) ?? "[]").forEach(post);
}

async function deliver(entry) {
  const { path, body, id: key } = entry.letter;
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
