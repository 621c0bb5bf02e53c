#!/usr/bin/env bash
# Clients generated from /openapi.json by others' generators: they compile strictly, and their default calls work.
# Needs the project's .venv, Node 20 or newer with npm, and the package registries of npm and PyPI. Takes about a minute:
#   bash tests/support/generated_clients.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
project=$PWD
work=$(mktemp -d)
port=${PORT:-8765}
service=http://127.0.0.1:$port
DATA_DIR=$work/data .venv/bin/uvicorn main:app --port "$port" --log-level warning 2>"$work/log" &
trap 'kill %1; rm -rf "$work"' EXIT
for _ in $(seq 100); do curl -fs "$service/health" >/dev/null && break || sleep 0.2; done
curl -fs "$service/openapi.json" >"$work/openapi.json"
cd "$work"

echo "== openapi-python-client"
python3 -m venv generator && generator/bin/pip install -q 'openapi-python-client>=0.29,<1' ruff
PATH=$work/generator/bin:$PATH openapi-python-client generate --path openapi.json --fail-on-warning >/dev/null
PYTHONPATH=marquee-client generator/bin/python - "$service" <<'PYTHON'
import sys

from marquee_client import Client
from marquee_client.api.chat import create_session, list_messages, send_message
from marquee_client.api.movies import list_movies
from marquee_client.models import Answer, MessageCreate, Session, SessionCreate

client = Client(base_url=sys.argv[1], raise_on_unexpected_status=True)
session = create_session.sync(client=client, body=SessionCreate())
assert isinstance(session, Session), session
streamed = send_message.sync(session.id, client=client, body=MessageCreate(content="recommend me three films like Heat"))
assert isinstance(streamed, str) and "event: run.completed" in streamed, streamed
waiting = client.with_headers({"Accept": "application/json"})
answer = send_message.sync(session.id, client=waiting, body=MessageCreate(content="another one"))
assert isinstance(answer, Answer) and answer.messages[-1].content, answer
assert len(list_messages.sync(session.id, client=client).data) == 8
assert list_movies.sync(client=client, q="heat").data[0].title == "Heat"
print("the calls work")
PYTHON

echo "== openapi-typescript, tsc --strict"
npm init -y >/dev/null
npm install --silent openapi-typescript@7 openapi-fetch@0 typescript@5 @types/node@20 2>/dev/null
npx openapi-typescript openapi.json -o schema.d.ts >/dev/null
cat >client.ts <<'TYPESCRIPT'
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";

type Event = components["schemas"]["Event"];

const client = createClient<paths>({ baseUrl: process.argv[2]! });

function said(event: Event): string {
  switch (event.type) {
    case "text.delta":
      return event.delta;
    case "run.completed":
      return event.message?.content ? "\n" : "";
    default:
      return "";
  }
}

const { data: session, error } = await client.POST("/sessions", { body: { title: "Typed" } });
if (error || typeof session !== "object" || !("created_at" in session)) throw new Error(JSON.stringify(error));
const path = { session_id: session.id };
const streamed = await client.POST("/sessions/{session_id}/messages", {
  params: { path },
  body: { content: "recommend me three films like Heat" },
  parseAs: "text",
});
let text = "";
for (const line of String(streamed.data).split("\n"))
  if (line.startsWith("data: ")) text += said(JSON.parse(line.slice(6)) as Event);
if (!text.includes("(")) throw new Error(text);
const history = await client.GET("/sessions/{session_id}/messages", { params: { path } });
if (history.data?.data.length !== 4) throw new Error(JSON.stringify(history));
const movies = await client.GET("/movies", { params: { query: { q: "heat" } } });
if (movies.data?.data[0]?.title !== "Heat") throw new Error(JSON.stringify(movies));
console.log("the calls work");
TYPESCRIPT
npm pkg set type=module >/dev/null
npx tsc --strict --noEmit --noUncheckedIndexedAccess --module nodenext --moduleResolution nodenext --target es2022 \
  --allowImportingTsExtensions --skipLibCheck false --types node client.ts
npx tsc --strict --module nodenext --moduleResolution nodenext --target es2022 --rewriteRelativeImportExtensions \
  --types node client.ts
node client.js "$service"
