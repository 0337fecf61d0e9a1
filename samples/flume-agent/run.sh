#!/bin/sh
# Starts Penstock and a Flume agent, has the agent read input.log, and shows the events, then what came back to the agent.
# From the root of the repository. FLUME_CLASSPATH: the jars of Flume, unless Maven is to fetch them.
set -eu
here=samples/flume-agent
PORT="${PORT:-4141}"
BACK="${BACK:-4142}"
AGENT="127.0.0.1:$BACK"
export PORT AGENT
folder=$(mktemp -d)
mkdir "$folder/spool" "$folder/errors"
trap 'kill ${run:-} ${agent:-} 2> /dev/null; wait; rm -r "$folder"' EXIT

if [ -z "${FLUME_CLASSPATH:-}" ]; then
  mvn -q -B -f $here/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies -DoutputDirectory="$folder/jars"
  FLUME_CLASSPATH="$folder/jars/*"
fi
sed "s|FOLDER|$folder|; s|TO\$|$PORT|; s|FROM\$|$BACK|" $here/agent.properties > "$folder/agent.properties"

${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$folder/penstock" > "$folder/events" &
run=$!
java -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$FLUME_CLASSPATH" \
  org.apache.flume.node.Application --no-reload-conf -n agent -f "$folder/agent.properties" > "$folder/agent.log" &
agent=$!

cp $here/input.log "$folder/input.part"
mv "$folder/input.part" "$folder/spool/input.log"
until [ "$(cat "$folder"/errors/* 2> /dev/null | wc -l)" -ge 2 ] && [ "$(wc -l < "$folder/events")" -ge 5 ]; do sleep 0.2; done
kill $run && wait $run
run=
cat "$folder/events"
cat "$folder"/errors/*
