#!/bin/sh
# Starts Kinesis and DynamoDB as emulators, fills a stream, and shows what the pipeline makes of it.
# From the root of the repository.
set -eu
here=samples/kinesis-clicks
kinesis_port="${KINESIS_PORT:-4567}"
dynamo_port="${DYNAMO_PORT:-4568}"
export KINESIS="http://127.0.0.1:$kinesis_port" DYNAMO="http://127.0.0.1:$dynamo_port"
export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
NODE_PATH="${NODE_PATH:-$(npm root)}"
export NODE_PATH
directory=$(mktemp -d)
penstock="${PENSTOCK:-penstock}"

node $here/services.js "$kinesis_port" "$dynamo_port" > "$directory/services" &
services=$!
trap 'kill ${run:-} $services 2> /dev/null; wait; rm -r "$directory"' EXIT
until grep -q ready "$directory/services"; do kill -0 $services; sleep 0.1; done

$penstock run --path.data "$directory/fill" -f $here/fill.conf < $here/input.jsonl
$penstock run --path.data "$directory/data" -f $here/pipeline.conf > "$directory/shown" &
run=$!
until [ "$(wc -l < "$directory/shown")" -ge 4 ]; do kill -0 $run; sleep 0.1; done
kill $run && wait $run
run=
cat "$directory/shown"
