// The service over HTTP: requests, event streams that resume, pages, and the state of the network.

/** An answer that is no success, as RFC 9457 has it; `status` 0 and code `offline` where none came. */
export class Problem extends Error {
  constructor({ status = 0, code = "offline", detail = "The service cannot be reached.", ...rest } = {}) {
    super(detail);
    Object.assign(this, { status, code, detail, errors: rest.errors ?? null, runId: rest.run_id ?? null });
    this.retryAfter = rest.retryAfter ?? null;
  }

  /** True where the request may have been carried out, or will be if it is sent again. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Tells `change` with `detail` "ok", "slow" or "offline". */
export const network = new (class extends EventTarget {
  state = "ok";
  #failures = 0;

  say(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new CustomEvent("change", { detail: state }));
  }

  succeeded() {
    this.#failures = 0;
    this.say("ok");
  }

  failed() {
    this.#failures += 1;
    this.say("offline");
  }

  slow() {
    if (this.state === "ok") this.say("slow");
  }

  /** Resolves after a pause that grows with failures in a row, or as soon as the browser says it is online. */
  async pause(signal) {
    const wait = Math.min(8000, 400 * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    await until(wait, signal);
  }
})();

addEventListener("offline", () => network.say("offline"));

let signIn = { bearer: async () => null, ask: () => {} };

/** Where tokens come from, and who is told that one is needed. @param {{bearer: () => Promise<string|null>, ask: () => void}} how */
export function useSignIn(how) {
  signIn = how;
}

const SLOW_MS = 4000;
const SILENCE_MS = 40000; // the service pings every 15 s

async function send(method, path, { body, query, headers, signal, open = false } = {}) {
  const url = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value != null && value !== "") url.searchParams.set(name, value);
  }
  const all = new Headers(headers);
  const token = open ? null : await signIn.bearer();
  if (token) all.set("Authorization", `Bearer ${token}`);
  const raw = body === undefined || body instanceof URLSearchParams || body instanceof Blob;
  if (!raw) all.set("Content-Type", "application/json");
  else if (body instanceof Blob) all.set("Content-Type", "application/octet-stream");
  const slow = setTimeout(() => network.slow(), SLOW_MS);
  try {
    const sent = { method, headers: all, signal, body: raw ? body : JSON.stringify(body) };
    const response = await fetch(url, sent);
    network.succeeded();
    if (response.status === 401 && !open) signIn.ask();
    if (!response.ok) throw await problemOf(response);
    return response;
  } catch (error) {
    if (error instanceof TypeError) {
      network.failed();
      throw new Problem();
    }
    throw error;
  } finally {
    clearTimeout(slow);
  }
}

async function problemOf(response) {
  const status = response.status;
  const told = await response.json().catch(() => ({}));
  const detail = `The service answered with status ${status}.`;
  return new Problem({ code: "internal", detail, ...told, status, retryAfter: response.headers.get("Retry-After") });
}

/**
 * The JSON of an answer, null for 204.
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, query?: Object, headers?: Object, signal?: AbortSignal}} [options]
 * @throws {Problem}
 */
export async function request(method, path, options = {}) {
  const response = await send(method, path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  return response.status === 204 ? null : response.json();
}

/** The body of an answer as a file. @param {string} path @returns {Promise<Blob>} */
export async function download(path, query) {
  return (await send("GET", path, { query })).blob();
}

/** The address of an image of the service: its own, or where it needs a token that of its bytes. @param {string} path */
export async function imageUrl(path) {
  return (await signIn.bearer()) ? URL.createObjectURL(await download(path)) : path;
}

/**
 * All entries of a paged list, a page at a time.
 * @param {string} path
 * @param {Object} [query]
 * @param {AbortSignal} [signal]
 */
export async function* pages(path, query = {}, signal) {
  let after = null;
  do {
    const page = await request("GET", path, { query: { ...query, after }, signal });
    yield page.data;
    after = page.next;
  } while (after);
}

/**
 * The events of one answer with `text/event-stream`; ends with the connection. Null where nothing is to come (204).
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, headers?: Object, signal?: AbortSignal}} [options]
 * @returns {Promise<AsyncGenerator<Object>|null>} the data of each event
 */
export async function events(method, path, options = {}) {
  const response = await send(method, path, { ...options, headers: { Accept: "text/event-stream", ...options.headers } });
  return response.status === 204 ? null : decoded(response.body.getReader());
}

async function* decoded(reader) {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await heard(reader);
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").filter((line) => line.startsWith("data:"));
        if (data.length) yield JSON.parse(data.map((line) => line.slice(5)).join("\n"));
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The next bytes; a connection that says nothing for long, not even a ping, is dead. */
async function heard(reader) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new TypeError("silence")), SILENCE_MS);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    if (error instanceof TypeError) {
      network.failed();
      throw new Problem();
    }
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The events of a run above `after`, to its end, over as many connections as it takes.
 * @param {string} runId
 * @param {number} after sequence of the last event that is known
 * @param {AbortSignal} signal
 */
export async function* follow(runId, after, signal) {
  let last = after;
  for (;;) {
    try {
      const headers = last ? { "Last-Event-ID": String(last) } : {};
      const stream = await events("GET", `/runs/${runId}/events`, { headers, signal });
      if (stream === null) return;
      for await (const event of stream) {
        last = event.sequence;
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      if (signal.aborted || !(error instanceof Problem) || !error.passing) throw error;
    }
    await network.pause(signal);
  }
}

/** True for the last event of a run. */
export function isLast(event) {
  return event.type.startsWith("run.") && event.type !== "run.created";
}

/** Waits; sooner where the browser is online again or the page is looked at. Throws where the signal aborts. */
export function until(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = (finish, value) => {
      clearTimeout(timer);
      removeEventListener("online", done);
      document.removeEventListener("visibilitychange", seen);
      signal?.removeEventListener("abort", stopped);
      finish(value);
    };
    const done = () => end(resolve);
    const seen = () => document.visibilityState === "visible" && done();
    const stopped = () => end(reject, signal.reason);
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
    document.addEventListener("visibilitychange", seen);
    signal?.addEventListener("abort", stopped);
    if (signal?.aborted) stopped();
  });
}
