// A typed client of the service's own interface: every route, and answers that are streamed and resumed.
import type { components, paths } from "./schema.d.ts";

export type Event = components["schemas"]["Event"];
export type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Json<R> = R extends { content: { "application/json": infer T } } ? T : R extends { content?: never } ? undefined : never;
type Answers<O> = O extends { responses: infer R } ? { [S in keyof R & (200 | 201 | 204)]: Json<R[S]> } : never;
type Answer<O> = Answers<O>[keyof Answers<O>];
type PathOf<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, object> ? P : never }[keyof paths];
type Options = { headers?: Record<string, string>; signal?: AbortSignal };
type Untyped = Options & { path?: Record<string, unknown>; query?: Record<string, unknown>; body?: unknown };
type Parameters<O> = O extends { parameters: infer P } ? Pick<P, ("path" | "query") & keyof P> : object;
type Content<T> = { content: { "application/json": T } };
type Body<O> =
  O extends { requestBody: Content<infer T> } ? { body: T } : O extends { requestBody?: Content<infer T> } ? { body?: T } : object;
/** What an operation takes, by the places where it takes it; left out where it needs nothing. */
type Given<O> = Options & Parameters<O> & Body<O>;
type Arguments<O> = object extends Given<O> ? [given?: Given<O>] : [given: Given<O>];

/** The service said no: its problem (RFC 9457). */
export class Refused extends Error {
  readonly problem: Schemas["Problem"];

  constructor(problem: Schemas["Problem"]) {
    super(problem.detail);
    this.problem = problem;
  }
}

const SILENCE = 40_000; // milliseconds: the service sends a comment every 15 seconds
const ATTEMPTS = 8; // without a sign of life
const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

export class Marquee {
  readonly #url: string;
  readonly #headers: Record<string, string>;

  /** `token`: of an account's, or an API key, where AUTH=on. */
  constructor(url = "http://127.0.0.1:8000", token?: string) {
    this.#url = url.replace(/\/$/, "");
    this.#headers = token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** What an operation answers: `await marquee.call("get", "/movies", { query: { q: "heat" } })`. */
  async call<M extends Method, P extends PathOf<M>>(
    method: M, path: P, ...[given]: Arguments<paths[P][M]>
  ): Promise<Answer<paths[P][M]>> {
    const response = await this.#fetch(method, path, (given ?? {}) as Untyped);
    return (response.status === 204 ? undefined : await response.json()) as Answer<paths[P][M]>;
  }

  /** A new session, opened once however often the request has to be sent. */
  async open(body: Omit<Schemas["SessionCreate"], "message"> = {}): Promise<Schemas["Session"]> {
    const headers = { "Idempotency-Key": crypto.randomUUID() };
    return (await this.call("post", "/sessions", { body, headers })) as Schemas["Session"];
  }

  /** The events of an answer to their end, through broken connections and restarts of the service. */
  async *send(session: string, body: Schemas["MessageCreate"], signal?: AbortSignal): AsyncGenerator<Event> {
    const headers = { Accept: "text/event-stream", "Idempotency-Key": crypto.randomUUID() };
    const path = `/sessions/${session}/messages`;
    yield* this.#whole((signal) => this.#fetch("post", path, { body, headers, signal }), 0, signal);
  }

  /** The events of a run behind `after`, to its end: `Last-Event-ID` names the last one that was seen. */
  async *follow(run: string, after = 0, signal?: AbortSignal): AsyncGenerator<Event> {
    yield* this.#whole((signal) => this.#events(run, after, signal), after, signal);
  }

  #events(run: string, after: number, signal: AbortSignal): Promise<Response> {
    const headers = { Accept: "text/event-stream", "Last-Event-ID": String(after) };
    return this.#fetch("get", `/runs/${run}/events`, { headers, signal });
  }

  /** Events, over as many connections as they take: from where they begin, then behind the last one of their run. */
  async *#whole(begin: (signal: AbortSignal) => Promise<Response>, seen: number, signal?: AbortSignal) {
    let start = begin;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      try {
        for await (const event of heard(start, signal)) {
          attempt = 0;
          seen = event.sequence;
          if (event.type === "run.created") {
            const { id } = event.run;
            start = (signal) => this.#events(id, seen, signal);
          }
          yield event;
          if (event.type.startsWith("run.") && event.type !== "run.created") return;
        }
      } catch (error) {
        if (error instanceof Refused || signal?.aborted) throw error;
      }
      await pause(250 * 2 ** attempt);
    }
    throw new Error(`Nothing answers at ${this.#url}.`);
  }

  async #fetch(method: Method, path: string, given: Untyped): Promise<Response> {
    const filled = path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(String(given.path?.[name])));
    const url = new URL(this.#url + filled);
    for (const [name, value] of Object.entries(given.query ?? {}))
      for (const each of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(each));
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers: { ...this.#headers, ...(given.body ? { "Content-Type": "application/json" } : {}), ...given.headers },
      body: given.body === undefined ? null : JSON.stringify(given.body),
      signal: given.signal ?? null,
    });
    if (!response.ok) throw new Refused((await response.json()) as Schemas["Problem"]);
    return response;
  }
}

/** The events of one connection, which is given up after so much silence. */
async function* heard(start: (signal: AbortSignal) => Promise<Response>, outer?: AbortSignal): AsyncGenerator<Event> {
  const silence = new AbortController();
  const abort = () => silence.abort();
  let timer = setTimeout(abort, SILENCE);
  try {
    const response = await start(AbortSignal.any([silence.signal, ...(outer ? [outer] : [])]));
    let text = "";
    for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      clearTimeout(timer);
      timer = setTimeout(abort, SILENCE);
      const blocks = (text + part).split("\n\n");
      text = blocks.pop() ?? ""; // perhaps cut in the middle
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data: "));
        if (data) yield JSON.parse(data.slice(6)) as Event;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
