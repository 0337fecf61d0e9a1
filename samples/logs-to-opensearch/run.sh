#!/bin/sh
# Sends the log to OpenSearch, and asks it which pages were not found. From the root of the
# repository.
set -eu
OPENSEARCH="${OPENSEARCH:-http://localhost:9200}"
export OPENSEARCH
here=samples/logs-to-opensearch
${PENSTOCK:-penstock} run -f $here/pipeline.conf < $here/input.log
curl -fsS -X POST "$OPENSEARCH/web-*/_refresh" > /dev/null
pages=aggregations.pages.buckets
shown=hits.total,$pages.key,$pages.doc_count,$pages.who.buckets.key
curl -fsS "$OPENSEARCH/web-*/_search?filter_path=$shown&pretty" \
  -H "Content-Type: application/json" -d @$here/search.json
