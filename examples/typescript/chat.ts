// Streams an answer by the typed client: `node chat.ts [URL] [QUESTION …]`, with Node 22.18 or newer.
import { type Event, Marquee, Refused } from "./client.ts";

const [url = "http://127.0.0.1:8000", ...words] = process.argv.slice(2);

/** What is shown of an event; the compiler sees to it that none is forgotten. */
function shown(event: Event): string {
  switch (event.type) {
    case "text.delta":
      return event.delta;
    case "tool.call":
    case "action.call":
      return `[${event.name} ${JSON.stringify(event.arguments)}]\n`;
    case "tool.result":
      return event.ok ? "" : `[${event.error}]\n`;
    case "run.failed":
      return `\n[${event.type}] ${event.error?.detail}\n`;
    case "run.completed":
    case "run.cancelled":
    case "run.interrupted":
    case "run.requires_action":
      return `\n[${event.type}]\n`;
    case "run.created":
    case "reasoning.delta":
    case "session.updated":
      return "";
    default:
      return event satisfies never;
  }
}

const marquee = new Marquee(url);
try {
  const session = await marquee.open();
  const content = words.join(" ") || "recommend me three films like Heat";
  for await (const event of marquee.send(session.id, { content })) process.stdout.write(shown(event));
} catch (error) {
  const { message } = error as Error;
  console.error(error instanceof Refused ? message : `Nothing answers at ${url}: ${message}`);
  process.exitCode = 1;
}
