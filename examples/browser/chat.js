// Streams an answer, and goes on where it was when the network comes back: the browser's own EventSource does that.
// `python3 -m http.server 5173` in this folder, CORS_ORIGINS=http://localhost:5173 for the service.
const service = new URLSearchParams(location.search).get("service") ?? "http://localhost:8000";
const page = document.querySelector("pre");

async function ask(content) {
  const session = await fetch(`${service}/sessions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify({ message: { content } }),
  });
  const begin = new TextDecoder().decode((await session.body.getReader().read()).value);
  const run = JSON.parse(begin.match(/^data: (.*)$/m)[1]).run;
  const events = new EventSource(`${service}/runs/${run.id}/events`);
  events.addEventListener("text.delta", ({ data }) => page.append(JSON.parse(data).delta));
  for (const end of ["completed", "cancelled", "failed", "interrupted", "requires_action"])
    events.addEventListener(`run.${end}`, () => (events.close(), page.append(`\n(${end})\n`)));
}

document.forms[0].onsubmit = (event) => (event.preventDefault(), ask(document.forms[0].content.value));
