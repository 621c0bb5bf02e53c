#!/usr/bin/env bash
# A client generated from /openapi.json by another's generator: its default calls work. For TypeScript: examples/typescript.
# Needs the project's .venv and PyPI. Takes about half a minute:
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
