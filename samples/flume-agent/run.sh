#!/bin/sh
# Starts Penstock and a Flume agent, has the agent read input.log, and shows the events, then what
# came back to the agent. From the root of the repository. FLUME_CLASSPATH: the jars of Flume,
# unless Maven is to fetch them.
set -eu
here=samples/flume-agent
PORT="${PORT:-4141}"
BACK="${BACK:-4142}"
AGENT="127.0.0.1:$BACK"
export PORT AGENT
directory=$(mktemp -d)
mkdir "$directory/spool" "$directory/errors"
trap 'kill ${run:-} ${agent:-} 2> /dev/null; wait; rm -r "$directory"' EXIT

if [ -z "${FLUME_CLASSPATH:-}" ]; then
  mvn -q -B -f $here/pom.xml -DoutputDirectory="$directory/jars" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies
  FLUME_CLASSPATH="$directory/jars/*"
fi
sed "s|DIRECTORY|$directory|; s|TO\$|$PORT|; s|FROM\$|$BACK|" $here/agent.properties \
  > "$directory/agent.properties"

${PENSTOCK:-penstock} run -f $here/pipeline.conf --path.data "$directory/penstock" \
  > "$directory/events" &
run=$!
java -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$FLUME_CLASSPATH" \
  org.apache.flume.node.Application --no-reload-conf -n agent -f "$directory/agent.properties" \
  > "$directory/agent.log" &
agent=$!

cp $here/input.log "$directory/input.part"
mv "$directory/input.part" "$directory/spool/input.log"
until [ "$(cat "$directory"/errors/* 2> /dev/null | wc -l)" -ge 2 ] &&
  [ "$(wc -l < "$directory/events")" -ge 5 ]; do sleep 0.2; done
kill $run && wait $run
run=
cat "$directory/events"
cat "$directory"/errors/*
