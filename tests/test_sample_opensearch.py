"""The sample logs-to-opensearch runs as a user runs it, against a real OpenSearch."""
import json
import os
import subprocess
import sys
from pathlib import Path

from servers import opensearch

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "logs-to-opensearch"


def test_the_search_shows_what_was_not_found_however_often_it_runs() -> None:
    port = opensearch.node().port
    environment = {
        **os.environ,
        "OPENSEARCH": f"http://127.0.0.1:{port}",
        "PENSTOCK": f"{sys.executable} -m penstock",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    for _ in range(2):
        done = subprocess.run(["sh", SAMPLE / "run.sh"], capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == json.loads((SAMPLE / "found.json").read_text())
    assert len(opensearch.documents(port, "web-*", "_id")) == 9
