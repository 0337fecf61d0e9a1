#!/bin/sh
# Fills a topic, starts the pipeline, and shows what a reader of committed messages sees of the other
# topic. From the root of the repository; Kafka is where KAFKA says, else on localhost:9092.
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
trap 'kill $flow $show; wait $flow $show 2> /dev/null || true; rm -rf "$data"' EXIT
tries=300
while [ "$(wc -l < "$data/shown")" -lt 4 ] && [ $tries -gt 0 ]; do
  sleep 0.2
  tries=$((tries - 1))
done
cat "$data/shown"
