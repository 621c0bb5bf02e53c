// What the page talks to: the service over HTTP, its other tabs, and what the browser keeps for it.

import { redraw } from "./dom.js";

const SLOW_MS = 4000;
const SILENCE_MS = 40000; // the service pings every 15 s
const MOST_REFUSALS = 4; // of a POST by an overloaded service; without an answer there is no limit
const OUTBOX = "outbox";
const MOST_TRIES = 8; // to stop an answer
const SETTLE_MS = 100; // until the browser has the address of what was sent, should it reload
const OFFLINE = { status: 0, code: "offline", detail: "The service cannot be reached." };

/** An answer that is no success, with the fields of RFC 9457; `status` 0 where none came. */
class Problem extends Error {
  constructor(fields = OFFLINE) {
    super(fields.detail);
    Object.assign(this, fields);
  }

  /** True where the request may have been carried out, or will be if it is sent again. */
  get passing() {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }
}

// Other parts and tabs, and what stays

const channel = new BroadcastChannel("marquee");
const local = new EventTarget();
channel.onmessage = ({ data }) => tellHere(data.type, { ...data, far: true });

/** Tells everyone, in every tab. */
export function tell(type, detail) {
  tellHere(type, detail);
  channel.postMessage({ ...detail, type });
}

/** Tells this tab alone. */
export function tellHere(type, detail) {
  local.dispatchEvent(new CustomEvent(type, { detail }));
  redraw();
}

/** Listens until the signal ends it; `detail.far` is true for what another tab told. */
export const hear = (type, listener, signal) =>
  local.addEventListener(type, ({ detail }) => listener(detail), { signal });

/** Sends a message in the chat that is open, or in a new one. */
export const ask = (text) => tellHere("ask", { text });

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

export const kept = keeping("localStorage");
const keptHere = keeping("sessionStorage");

/** True where this browser has tokens: signin.js keeps them. */
export const signedIn = () => kept.get("marquee:tokens") !== null;

// The network: "network" is told with "ok", "slow" or "offline"

let state = "ok";
let failures = 0;

function become(now) {
  if (now !== state) tellHere("network", (state = now));
}

/** The error as the page knows it: what `fetch` throws without a network is a Problem. */
function known(error) {
  if (!(error instanceof TypeError)) return error;
  failures += 1;
  become("offline");
  return new Problem();
}

addEventListener("offline", () => become("offline"));

/** Waits, longer with each failure. */
export const pause = (signal) => until(Math.min(8000, 400 * 2 ** failures) * (0.75 + Math.random() / 2), signal);

/** Waits; sooner where the browser is online again or the page is looked at. Throws where the signal aborts. */
export function until(ms, signal) {
  const over = new AbortController();
  const waited = new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    setTimeout(resolve, ms);
    addEventListener("online", resolve, { signal: over.signal });
    document.addEventListener("visibilitychange", () => document.hidden || resolve(), { signal: over.signal });
    signal?.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
  });
  return waited.finally(() => over.abort());
}

// Requests

const signIn = () => import("./signin.js"); // where somebody is signed in, or has to be

async function send(method, path, { body, query = {}, headers, signal, open = false } = {}) {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value != null && value !== ""));
  const json = body?.constructor === Object;
  const slow = setTimeout(() => state === "ok" && become("slow"), SLOW_MS);
  try {
    const token = !open && signedIn() && (await (await signIn()).bearer());
    const response = await fetch(given.size ? `${path}?${given}` : path, {
      method,
      signal,
      headers: { ...headers, ...(token && { Authorization: `Bearer ${token}` }) },
      body: json ? new Blob([JSON.stringify(body)], { type: "application/json" }) : body,
    });
    failures = 0;
    become("ok");
    if (response.status === 401 && !open) signIn().then((it) => it.ask());
    if (response.ok) return response;
    const { status } = response;
    const told = await response.json().catch(() => ({}));
    throw new Problem({ code: "internal", detail: `The service answered with status ${status}.`, ...told, status });
  } catch (error) {
    throw known(error);
  } finally {
    clearTimeout(slow);
  }
}

/** The JSON of an answer, null for 204; all is drawn again for it, but where it is `quiet`. `open`: without a token. */
export async function request(method, path, { quiet, ...options } = {}) {
  try {
    const response = await send(method, path, { ...options, headers: { Accept: "application/json" } });
    return response.status === 204 ? null : await response.json();
  } finally {
    if (!quiet) redraw();
  }
}

export const get = (path, query, signal) => request("GET", path, { query, signal });

let asked = null;

/** The state of the service, asked for once. */
export function health() {
  asked ??= get("/health");
  asked.catch(() => (asked = null));
  return asked;
}

export const download = async (path, query) => (await send("GET", path, { query })).blob();

export async function save(path, query, name) {
  const href = URL.createObjectURL(await download(path, query));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}

// Events

/**
 * The events of a run to its end, over as many connections as it takes: each goes on `after` the last event that came.
 * A POST, with its Idempotency-Key, begins the run.
 */
export async function* follow(method, path, { signal, body, key, after = 0, onwait }) {
  const headers = { Accept: "text/event-stream", ...(key && { "Idempotency-Key": key }) };
  for (let refusals = 0; ; await pause(signal)) {
    try {
      if (after) headers["Last-Event-ID"] = after;
      for await (const event of events(method, path, { headers, body, signal })) {
        if (event === null) return;
        after = event.sequence;
        yield event;
        if (isLast(event)) return;
        if (event.type === "run.created") [method, path, body] = ["GET", `/runs/${event.run.id}/events`];
      }
    } catch (error) {
      if (signal.aborted || !error.passing) throw error;
      if (method === "POST" && error.status && ++refusals >= MOST_REFUSALS) throw error;
    }
    onwait?.();
  }
}

export const isLast = ({ type }) => type.startsWith("run.") && type !== "run.created";

/** The events of one connection, null where there are none to come; one that is silent for long is dead. */
async function* events(method, path, options) {
  const dead = new AbortController();
  const signal = AbortSignal.any([options.signal, dead.signal]);
  const response = await send(method, path, { ...options, signal });
  if (response.status === 204) return yield null;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = ""; ; ) {
      const timer = setTimeout(() => dead.abort(new TypeError("silence")), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(timer));
      if (done) return null;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const data = /^data: ?(.*)$/m.exec(block);
        if (data) yield JSON.parse(data[1]);
      }
    }
  } catch (error) {
    throw known(error);
  } finally {
    reader.cancel().catch(() => {});
  }
}

// What is sent: a lost network or a reload neither loses nor doubles it

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
  keptHere.set(OUTBOX, entries.size ? JSON.stringify([...entries.values()].map(({ letter }) => letter)) : null);
}

/** What a session, or with null a new chat, has on its way. */
export const onItsWay = (sessionId) => entries.values().find(({ letter }) => letter.sessionId === sessionId);

export function resume() {
  JSON.parse(keptHere.get(OUTBOX) ?? "[]").forEach(post);
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
