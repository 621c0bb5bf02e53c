// Streams an answer with nothing but Node (18 or newer): node examples/node/stream.mjs [URL] [QUESTION …]
// When the connection breaks, it goes on after the last event that it saw, also after a restart of the service.
import { randomUUID } from "node:crypto";

const [url = "http://127.0.0.1:8000", ...words] = process.argv.slice(2);
const SILENCE = Number(process.env.SILENCE ?? 40) * 1000; // the service sends a comment every 15 seconds
const ATTEMPTS = 8; // without a sign of life

/** The events of one response: blocks of lines, parted by an empty one (WHATWG HTML, section 9.2). */
async function* events(response) {
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const blocks = text.split("\n\n");
    text = blocks.pop(); // perhaps cut in the middle
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

/** Throws what a fetch throws after so much silence; every byte begins the wait anew. */
async function* unlessSilent(start) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(), SILENCE);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(), SILENCE);
  };
  try {
    const response = await start(abort.signal);
    if (response.status === 204) return; // nothing left
    if (!response.ok) throw Object.assign(new Error((await response.json()).detail), { refused: true });
    const body = response.body.pipeThrough(
      new TransformStream({ transform: (part, controller) => (heard(), controller.enqueue(part)) }),
    );
    yield* events({ body });
  } finally {
    clearTimeout(timer);
  }
}

/** The events of a run, to its last: the POST is repeated with its key until the run is known, then it is followed. */
async function* send(session, content) {
  const headers = { "Content-Type": "application/json", "Idempotency-Key": randomUUID() };
  let request = { path: `/sessions/${session}/messages`, method: "POST", headers, body: JSON.stringify({ content }) };
  let seen = 0;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const { path, ...options } = request;
      const resumed = seen ? { "Last-Event-ID": String(seen) } : {};
      const start = (signal) => fetch(url + path, { ...options, headers: { ...options.headers, ...resumed }, signal });
      for await (const event of unlessSilent(start)) {
        attempt = 0;
        seen = event.sequence;
        if (event.type === "run.created") request = { path: `/runs/${event.run.id}/events`, method: "GET", headers: {} };
        yield event;
        if (/^run\.(?!created)/.test(event.type)) return;
      }
    } catch (error) {
      if (error.refused) throw error;
    }
    process.stderr.write("(the connection broke; going on)\n");
    await new Promise((wait) => setTimeout(wait, 250 * 2 ** attempt));
  }
  throw new Error(`Nothing answers at ${url}.`);
}

try {
  const opened = await fetch(`${url}/sessions`, { method: "POST", headers: { "Idempotency-Key": randomUUID() } });
  const session = await opened.json();
  for await (const event of send(session.id, words.join(" ") || "recommend me three films like Heat")) {
    if (event.type === "text.delta") process.stdout.write(event.delta);
    if (event.type === "tool.call") console.log(`[${event.name} ${JSON.stringify(event.arguments)}]`);
    if (event.type === "run.failed") console.error(event.error.detail);
    if (/^run\.(?!created)/.test(event.type)) console.log(`\n[${event.type}]`);
  }
} catch (error) {
  console.error(error.cause?.code === "ECONNREFUSED" ? `Nothing answers at ${url}.` : error.message);
  process.exitCode = 1;
}
