#!/bin/sh
# Fills a topic, has it repartitioned, counts in three processes, of which one is killed, and shows
# the results, sorted. From the root of the repository; Kafka is where KAFKA says, else on
# localhost:9092. WAIT says how many seconds the results may take.
set -eu
here=samples/kafka-groups
KAFKA="${KAFKA:-localhost:9092}"
TOPIC="${TOPIC:-visits-$$}"
export KAFKA TOPIC
penstock="${PENSTOCK:-penstock}"
data="$(mktemp -d)"
started=""
trap 'kill $started 2> /dev/null || true; wait; rm -rf "$data"' EXIT

start() {  # NAME: a process that runs NAME's configuration, with a directory for its own data
  $penstock run --path.data "$data/$1" -f "$here/$2" > "$data/$1.out" &
  started="$started $!"
}

$penstock run --path.data "$data/fill" -f $here/fill.conf < $here/input.jsonl
start repartition repartition.conf
start windows1 pipeline.conf
start windows2 pipeline.conf
start windows3 pipeline.conf
killed=$!
start show show.conf

wanted=$(wc -l < $here/expected.jsonl)
end=$(($(date +%s) + ${WAIT:-300}))
while [ "$(wc -l < "$data/show.out")" -lt "$wanted" ]; do
  if [ "$(date +%s)" -ge $end ]; then
    echo "run.sh: $(wc -l < "$data/show.out") of $wanted results came to $TOPIC-counted;" \
      "what the processes say stands above" >&2
    exit 1
  fi
  if [ -n "$killed" ] && [ "$(wc -l < "$data/show.out")" -gt 0 ]; then
    kill -9 "$killed"
    killed=""
  fi
  sleep 0.2
done
sort "$data/show.out"
