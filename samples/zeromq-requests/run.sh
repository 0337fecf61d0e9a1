#!/bin/sh
# Starts the pipeline, has a client send the lines of input.jsonl, and shows its answers and the
# events. From the root of the repository.
set -eu
here=samples/zeromq-requests
ZEROMQ_PORT="${ZEROMQ_PORT:-2199}"
directory=$(mktemp -d)
EVENTS="$directory/events"
export ZEROMQ_PORT EVENTS

${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$directory/data" &
run=$!
trap 'test -z "$run" || kill $run; wait; rm -r "$directory"' EXIT
${PYTHON:-python} $here/client.py "tcp://127.0.0.1:$ZEROMQ_PORT" < $here/input.jsonl
kill $run && wait $run
run=
cat "$EVENTS"
