#!/bin/sh
# A conversation with nothing but curl: sh examples/curl.sh [URL] [QUESTION]
set -eu
url=${1:-http://127.0.0.1:8000}
question=${2:-recommend me three films like Heat}
key=example-$$-$(date +%s)

# The first field of that name, good enough for ids
field() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }
post() { curl -sS --fail-with-body -X POST -H 'Content-Type: application/json' "$@"; }

echo "# A session"
session=$(post "$url/sessions" -d '{"title": "By curl"}' | field id)
echo "$session"

echo "# A message, and its answer as it comes. The key makes it safe to send this a second time."
stream=$(mktemp)
trap 'rm -f "$stream"' EXIT
json=$(printf '{"content": "%s"}' "$(printf %s "$question" | sed 's/[\\"]/\\&/g')")
post -N "$url/sessions/$session/messages" -H "Idempotency-Key: $key" -d "$json" | tee "$stream" | sed -n 's/^event: /  /p'

echo "# Had the connection broken: the same request goes on after the last event that was seen, here the second"
post -N "$url/sessions/$session/messages" -H "Idempotency-Key: $key" -H 'Last-Event-ID: 2' -d "$json" |
  sed -n 's/^id: /  /p'

echo "# The run, and its events once more"
run=$(grep -o '"run":{"id":"[^"]*"' "$stream" | head -n 1 | cut -d '"' -f 6)
curl -sS --fail "$url/runs/$run" | field status
curl -sS --fail "$url/runs/$run/events?after=3" | sed -n 's/^event: /  /p'

echo "# Not streamed, but waited for"
post "$url/sessions/$session/messages" -H 'Accept: application/json' -d '{"content": "why the second one?"}' | field status

echo "# A rating, and the recommendations that follow from it"
movie=$(curl -sS --fail "$url/movies?q=Heat&limit=1" | grep -o '"movie_id":[0-9]*' | head -n 1 | cut -d : -f 2)
curl -sS --fail -X PUT "$url/ratings/$movie" -H 'Content-Type: application/json' -d '{"stars": 4.5}' | field title
post "$url/recommendations" -d "{\"liked\": [$movie], \"limit\": 1}" | field title

echo "# The whole conversation"
curl -sS --fail "$url/sessions/$session/export?format=markdown"
