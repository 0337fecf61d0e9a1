"""What it costs to be watched: instructions an event of the apache job, without the API and with.

    python benchmarks/observed.py [--events 20000]

Instructions are counted by valgrind, which no neighbour disturbs; a run of no events is taken off,
so that what is left is the work on events alone. The figures go to `results/observed.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE / "baseline")]

from make_access_log import lines  # noqa: E402
from measure import PENSTOCK, instructions, run  # noqa: E402

WATCHED = ["-S", "api.enabled=true", "-S", "slowlog.threshold.warn=1h"]


def work(directory: Path, options: list[str], events: int) -> float:
    """Instructions an event, without those of start and end."""
    command = [*PENSTOCK, *options, "-f", str(HERE / "apache.conf")]
    counted = []
    for count in (0, events):
        log = directory / f"{count}.log"
        log.write_text("".join(f"{line}\n" for line in lines(count, 7)), encoding="utf-8")
        run(command, log)  # so that modules are compiled
        found = instructions(command, log)
        if found is None:
            raise SystemExit("valgrind is not installed: apt install valgrind")
        counted.append(found)
    return (counted[1] - counted[0]) / events


def main() -> None:
    """Count both, and write the figures down."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--events", type=int, default=20_000)
    events = parser.parse_args().events
    with tempfile.TemporaryDirectory() as directory:
        plain = work(Path(directory), [], events)
        watched = work(Path(directory), WATCHED, events)
    found = {
        "events": events,
        "instructions_an_event": round(plain),
        "watched": round(watched),
        "percent_more": round(100 * (watched / plain - 1), 2),
    }
    (HERE / "results" / "observed.json").write_text(json.dumps(found) + "\n", encoding="utf-8")
    print(*(f"{key}: {value}" for key, value in found.items()), sep="\n")


if __name__ == "__main__":
    main()
