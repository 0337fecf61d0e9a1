#!/bin/sh
# Starts the server, sends it the messages, and shows what they became. From the root of the
# repository.
set -eu
PORT="${PORT:-5514}"
export PORT
here=samples/syslog-server
${PENSTOCK:-penstock} run --log.level error ${SETTINGS:-} -f $here/pipeline.conf &
server=$!
trap 'kill $server 2>/dev/null || true' EXIT
${PYTHON:-python3} - "$PORT" $here/input.log <<'SEND'
import socket, sys, time

port, path = int(sys.argv[1]), sys.argv[2]
for _ in range(300):
    try:
        made = socket.create_connection(("127.0.0.1", port))
        break
    except OSError:
        time.sleep(0.1)
with made, open(path, "rb") as messages:
    made.sendall(messages.read())
SEND
sleep 1
kill $server
wait $server
