#!/bin/sh
# Fills a topic, starts the pipeline, and shows what a reader of committed messages sees of the
# other topic. From the root of the repository; Kafka is where KAFKA says, else on localhost:9092.
# WAIT says how many seconds the messages may take.
set -eu
here=samples/kafka-exactly-once
KAFKA="${KAFKA:-localhost:9092}"
TOPIC="${TOPIC:-orders-$$}"
export KAFKA TOPIC
penstock="${PENSTOCK:-penstock}"
data="$(mktemp -d)"

$penstock run --path.data "$data/fill" -f $here/fill.conf < $here/input.jsonl
$penstock run --path.data "$data/flow" -f $here/pipeline.conf &
flow=$!
$penstock run --path.data "$data/show" -f $here/show.conf > "$data/shown" &
show=$!
trap 'kill $flow $show 2> /dev/null || true; wait $flow $show || true; rm -rf "$data"' EXIT
end=$(($(date +%s) + ${WAIT:-300}))
while [ "$(wc -l < "$data/shown")" -lt 4 ]; do
  if [ "$(date +%s)" -ge $end ] || ! kill -0 $flow $show; then
    cat "$data/shown"
    echo "run.sh: $(wc -l < "$data/shown") of 4 messages came to $TOPIC-by-shop;" \
      "what the pipeline and its reader say stands above" >&2
    exit 1
  fi
  sleep 0.2
done
cat "$data/shown"
