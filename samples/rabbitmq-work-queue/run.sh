#!/bin/sh
# Starts a RabbitMQ of its own, publishes the jobs of input.jsonl, shows what becomes of them, then
# what a queue got of the slow ones. From the root of the repository.
set -eu
here=samples/rabbitmq-work-queue
RABBITMQ_PORT="${RABBITMQ_PORT:-5699}"
export RABBITMQ_PORT
directory=$(mktemp -d)
penstock="${PENSTOCK:-penstock}"

# The script in lib is started, since the one on the path changes the user; the port mapper would
# stay behind as a daemon.
printf 'listeners.tcp.1 = 127.0.0.1:%s\nlog.console = true\nlog.file = false\n' "$RABBITMQ_PORT" \
  > "$directory/rabbitmq.conf"
printf '[].\n' > "$directory/plugins"
ERL_EPMD_PORT=$((RABBITMQ_PORT + 1)) ERL_EPMD_ADDRESS=127.0.0.1
export ERL_EPMD_PORT ERL_EPMD_ADDRESS
epmd > "$directory/epmd.log" &
mapper=$!
HOME="$directory" RABBITMQ_NODENAME="sample$RABBITMQ_PORT@localhost" \
  RABBITMQ_DIST_PORT=$((RABBITMQ_PORT + 2)) RABBITMQ_CONFIG_FILE="$directory/rabbitmq.conf" \
  RABBITMQ_MNESIA_BASE="$directory/data" RABBITMQ_LOG_BASE="$directory" \
  RABBITMQ_ENABLED_PLUGINS_FILE="$directory/plugins" RABBITMQ_CONF_ENV_FILE=/dev/null \
  "${RABBITMQ_SERVER:-/usr/lib/rabbitmq/bin/rabbitmq-server}" > "$directory/server.log" 2>&1 &
server=$!
trap 'kill ${run:-} $server 2> /dev/null; wait $server; kill $mapper 2> /dev/null; wait
  rm -r "$directory"' EXIT

until $penstock check --connect -f $here/pipeline.conf -f $here/show.conf \
  > "$directory/check.log" 2>&1; do
  kill -0 $server
  sleep 1
done

$penstock run -f $here/fill.conf --path.data "$directory/fill" < $here/input.jsonl
$penstock run -f $here/pipeline.conf --path.data "$directory/data" &
run=$!
$penstock run -f $here/show.conf --path.data "$directory/show" > "$directory/slow" &
show=$!
until [ "$(wc -l < "$directory/slow")" -ge 2 ]; do sleep 0.2; done
kill $run $show && wait $run $show
run=
cat "$directory/slow"
