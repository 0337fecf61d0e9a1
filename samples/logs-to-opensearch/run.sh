#!/bin/sh
# Sends the log to OpenSearch, and asks it which pages were not found. From the root of the
# repository.
set -eu
OPENSEARCH="${OPENSEARCH:-http://localhost:9200}"
export OPENSEARCH
here=samples/logs-to-opensearch
${PENSTOCK:-penstock} run -f $here/pipeline.conf < $here/input.log
curl -fsS -X POST "$OPENSEARCH/web-*/_refresh" > /dev/null
shown=hits.total,aggregations.pages.buckets.key,aggregations.pages.buckets.doc_count,aggregations.pages.buckets.who.buckets.key
curl -fsS "$OPENSEARCH/web-*/_search?filter_path=$shown&pretty" \
  -H "Content-Type: application/json" -d @$here/search.json
