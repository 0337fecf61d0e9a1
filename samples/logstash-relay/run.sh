#!/bin/sh
# Starts the centre, sends it events as a site does, and shows what they became. From the root of
# the repository.
set -eu
PORT="${PORT:-9800}"
OUT="$(mktemp -d)"
export PORT OUT
here=samples/logstash-relay
penstock="${PENSTOCK:-penstock}"
$penstock run --log.level error -f $here/pipeline.conf --path.data "$OUT/data" &
centre=$!
trap 'kill $centre 2>/dev/null || true; rm -rf "$OUT"' EXIT
$penstock run --log.level fatal -f $here/edge.conf --path.data "$OUT/site" < $here/input.jsonl
kill $centre
wait $centre
cat "$OUT"/events.jsonl
