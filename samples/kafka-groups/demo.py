"""Starts a Kafka as the tests do, and run.sh against it; ``make demo-kafka``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))


def main() -> int:
    """The exit status of run.sh."""
    from servers import kafka

    with tempfile.TemporaryDirectory() as directory, kafka.server(Path(directory)) as broker:
        print(f"Kafka runs at {broker.address}; three processes count visits, one is killed:")
        environment = {**os.environ, "KAFKA": broker.address}
        environment["PENSTOCK"] = f"{sys.executable} -m penstock"
        command = ["sh", "samples/kafka-groups/run.sh"]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
