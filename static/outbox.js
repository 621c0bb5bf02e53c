// What is sent stays here until the service has it: a lost network or a reload neither loses nor doubles it.

import { follow, pause, request } from "./api.js";
import { keptHere, tell } from "./shared.js";

const NAME = "outbox";
const MOST_TRIES = 8;
const entries = new Map(); // by the letter's id

/**
 * Sends; what is not delivered when the page is left is sent again by `resume`. In the entry that comes back `sending`
 * has the events of the run that began, `listening` ends them or takes the letter back, `onwait` may be set to hear
 * that it has to be tried again, `stop` to stop the run as soon as there is one.
 * @param {{path: string, body: Object, sessionId: string|null, content: string, kind: "send"|"retry"|"edit"}} letter
 *     a message that is not stored yet; sessionId: null for a chat that is to be opened
 */
export function post(letter) {
  const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // the Idempotency-Key; no UUIDs over plain HTTP
  const entry = { letter: { id, role: "user", ...letter, words: null }, listening: new AbortController(), stop: false };
  entry.sending = deliver(entry).finally(() => entries.delete(entry.letter.id) && store());
  entry.sending.catch(() => {});
  entries.set(entry.letter.id, entry);
  store();
  return entry;
}

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
