#!/bin/sh
# Starts the pipeline, posts what stands in input.jsonl, and stops it. From the root of the
# repository.
set -eu
here=samples/webhooks
WEBHOOKS_PORT="${WEBHOOKS_PORT:-8080}"
export WEBHOOKS_PORT
url="http://127.0.0.1:$WEBHOOKS_PORT"

${PENSTOCK:-penstock} run -f $here/pipeline.conf &
trap 'kill $!; wait $! 2> /dev/null || true' EXIT
curl -s --retry 30 --retry-connrefused --retry-delay 1 -o /dev/null \
  -H "Content-Type: application/json" -d '{"event":"ping"}' "$url/"

while IFS= read -r line; do
  path=${line#*\"path\":\"}
  path=${path%%\"*}
  post=${line#*\"post\":}
  curl -fsS -o /dev/null -H "Content-Type: application/json" -d "${post%?}" "$url$path"
done < $here/input.jsonl
