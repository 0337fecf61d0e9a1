#!/bin/sh
# Starts a Mosquitto of its own, publishes the messages of input.txt, shows what becomes of them,
# then what the broker has kept. From the root of the repository.
set -eu
here=samples/mqtt-sensors
MQTT_PORT="${MQTT_PORT:-1899}"
export MQTT_PORT
directory=$(mktemp -d)
PATH="$PATH:/usr/sbin"

printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$MQTT_PORT" > "$directory/mosquitto.conf"
mosquitto -c "$directory/mosquitto.conf" > "$directory/server.log" 2>&1 &
server=$!
trap 'kill ${run:-} $server 2> /dev/null; wait; rm -r "$directory"' EXIT
client() { command=$1; shift; "mosquitto_$command" -h 127.0.0.1 -p "$MQTT_PORT" "$@"; }

# A session as the pipeline leaves it behind: the broker keeps messages for it until it comes.
until client sub -i penstock-sensors -c -q 1 -t "sensors/+/+" -E 2> /dev/null; do sleep 0.1; done
while read -r topic message; do client pub -q 1 -t "$topic" -m "$message"; done < $here/input.txt

${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$directory/data" \
  > "$directory/shown" &
run=$!
until [ "$(wc -l < "$directory/shown")" -ge 4 ]; do sleep 0.1; done
kill $run && wait $run
run=
cat "$directory/shown"
client sub -t "averages/+/+" -C 3 -v -W 10 | sort
