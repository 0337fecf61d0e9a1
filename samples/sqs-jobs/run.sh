#!/bin/sh
# Starts moto, puts the jobs of input.jsonl into a queue, shows what becomes of them, then the queue
# of slow ones. From the root of the repository.
set -eu
here=samples/sqs-jobs
port="${AWS_PORT:-5055}"
AWS_ENDPOINT="http://127.0.0.1:$port"
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_ENDPOINT AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
directory=$(mktemp -d)

${MOTO:-moto_server} -H 127.0.0.1 -p "$port" > "$directory/server.log" 2>&1 &
server=$!
trap 'kill ${run:-} $server 2> /dev/null; wait; rm -r "$directory"' EXIT

${PYTHON:-python3} $here/queues.py fill "$AWS_ENDPOINT" < $here/input.jsonl

${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$directory/data" &
run=$!
${PYTHON:-python3} $here/queues.py wait "$AWS_ENDPOINT"
kill $run && wait $run
run=
${PYTHON:-python3} $here/queues.py show "$AWS_ENDPOINT"
