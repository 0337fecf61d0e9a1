#!/bin/sh
# Starts a Redis of its own, puts the jobs of input.jsonl into its queue, shows what becomes of
# them, then the stream of slow ones. From the root of the repository.
set -eu
here=samples/redis-queue
REDIS_PORT="${REDIS_PORT:-6399}"
export REDIS_PORT
directory=$(mktemp -d)

redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$directory" --save "" \
  > "$directory/server.log" &
server=$!
trap 'kill ${run:-} $server 2> /dev/null; wait; rm -r "$directory"' EXIT
ask() { redis-cli -p "$REDIS_PORT" "$@"; }
until [ "$(ask ping 2> /dev/null)" = PONG ]; do sleep 0.1; done

while IFS= read -r line; do ask rpush jobs "$line" > /dev/null; done < $here/input.jsonl

${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$directory/data" &
run=$!
until [ "$(ask exists jobs)$(ask exists slow-mail)" = 01 ]; do sleep 0.1; done
kill $run && wait $run
run=
ask xlen slow-images
ask xlen slow-mail
