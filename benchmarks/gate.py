#!/usr/bin/env python3
"""The one timing that CI judges: the CPU time of the apache job over that of the hand-written loop,
in one run.

usage: gate.py [LIMIT]       fails where the ratio is worse than LIMIT (1.8)
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import Bench


def main() -> int:
    limit = float(sys.argv[1]) if len(sys.argv) > 1 else 1.8
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), quick=True)
        bench.scale = 2
        row = bench.apache()
    print(
        f"apache job: {row['cpu_us']:.2f} µs of CPU an event, {row['ratio']:.2f} × the hand-written"
        f" loop (at most {limit:g} ×)"
    )
    return int(row["ratio"] > limit)


if __name__ == "__main__":
    sys.exit(main())
