// What is sent stays here until the service has it: a lost network or a reload neither loses nor doubles it.

import { events, network, Problem, request } from "./api.js";
import { stateOf } from "./runs.js";
import { keptHere, tell } from "./shared.js";

const NAME = "outbox";
const MOST_TRIES = 4; // where the service answers that it is overloaded; without an answer there is no limit

/**
 * @typedef {Object} Letter
 * @property {string} key the Idempotency-Key
 * @property {string} path of the POST
 * @property {Object} body
 * @property {string|null} sessionId null for a chat that is to be opened
 * @property {string} text as it was typed
 * @property {string} kind "send", "retry" or "edit"
 */

const letters = new Map(); // by key: {letter, sending: Promise, withdrawn: AbortController}

function save() {
  const open = [...letters.values()].map(({ letter }) => letter);
  keptHere.set(NAME, open.length ? JSON.stringify(open) : null);
}

/** Sends; what of it is not delivered when the page is left is sent again by `resume`. @param {Letter} letter */
export function post(letter) {
  const withdrawn = new AbortController();
  const entry = { letter, withdrawn, stop: false, waiting: null };
  letters.set(letter.key, entry);
  save();
  entry.sending = deliver(entry).finally(() => {
    letters.delete(letter.key);
    save();
  });
  entry.sending.catch(() => {});
  return entry;
}

/** A new letter. @returns {Letter} */
export function letter(fields) {
  return { key: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`, ...fields };
}

/** What a session, or with null a new chat, has on its way. */
export function onItsWay(sessionId) {
  return [...letters.values()].find((entry) => entry.letter.sessionId === sessionId) ?? null;
}

/** Sends what was on its way when the page was left. */
export function resume() {
  for (const old of JSON.parse(keptHere.get(NAME) ?? "[]")) if (!letters.has(old.key)) post(old);
}

/**
 * The run that a letter began, and its stream.
 * @returns {Promise<{state: import("./runs.js").RunState, stream: AsyncGenerator}>}
 * @throws {Problem} where the service refuses; AbortError where it was withdrawn
 */
async function deliver(entry) {
  const { letter: sent, withdrawn } = entry;
  for (let refused = 0; ; ) {
    try {
      return await begin(entry, sent, withdrawn.signal);
    } catch (error) {
      if (!(error instanceof Problem) || !error.passing) throw error;
      refused += error.status ? 1 : 0;
      if (refused >= MOST_TRIES) throw error;
      entry.waiting?.(error);
    }
    await network.pause(withdrawn.signal);
  }
}

async function begin(entry, { key, path, body }, signal) {
  const headers = { "Idempotency-Key": key };
  const stream = await events("POST", path, { body, headers, signal });
  const first = await stream.next();
  if (first.done) throw new Problem();
  const { run } = first.value;
  const state = stateOf(run.id);
  state.apply(first.value);
  tell("session", { id: run.session_id, run: run.id });
  if (entry.stop) await cancel(run.id);
  return { state, stream };
}

/** Stops a run; tries again while the service cannot be reached. @returns {Promise<Object>} the run */
export async function cancel(runId) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await request("POST", `/runs/${runId}/cancel`);
    } catch (error) {
      const elsewhere = error.status === 409; // another process of the service has it; the next connection may reach that
      if (!(error instanceof Problem) || !(error.passing || elsewhere) || tries >= 8) throw error;
    }
    await network.pause();
  }
}
