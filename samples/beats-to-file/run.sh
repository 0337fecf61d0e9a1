#!/bin/sh
# Starts the server, sends it events as a Beat does, and shows what they became. From the root of
# the repository.
set -eu
PORT="${PORT:-5044}"
OUT="$(mktemp -d)"
export PORT OUT
here=samples/beats-to-file
penstock="${PENSTOCK:-penstock}"
$penstock run --log.level error -f $here/pipeline.conf --path.data "$OUT/data" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -rf "$OUT"' EXIT
$penstock run --log.level fatal --path.data "$OUT/sender" -e "
  input { stdin { codec => json_lines } }
  filter { mutate { remove_field => '[host][hostname]' } }
  output { lumberjack { hosts => '127.0.0.1' port => $PORT ssl_enabled => false format => event } }
" < $here/input.jsonl
kill $server
wait $server
cat "$OUT"/web-1.jsonl "$OUT"/web-2.jsonl "$OUT"/not-understood.jsonl
