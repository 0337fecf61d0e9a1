#!/bin/sh
# Starts moto, puts input.log into a bucket, runs the pipeline to its end, and shows what is in the
# archive. From the root of the repository.
set -eu
here=samples/s3-archive
port="${AWS_PORT:-5056}"
AWS_ENDPOINT="http://127.0.0.1:$port"
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
export AWS_ENDPOINT AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
directory=$(mktemp -d)

${MOTO:-moto_server} -H 127.0.0.1 -p "$port" > "$directory/server.log" 2>&1 &
server=$!
trap 'kill $server 2> /dev/null; wait; rm -r "$directory"' EXIT

${PYTHON:-python3} $here/buckets.py fill "$AWS_ENDPOINT" $here/input.log
${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$directory/data"
${PYTHON:-python3} $here/buckets.py show "$AWS_ENDPOINT"
