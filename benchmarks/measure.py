"""Measuring commands as whole processes: CPU time and memory as the operating system counts them,
the median of several runs.

The machine is assumed to be shared and noisy: commands that are compared run in turn, and ratios
are taken pair by pair.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PENSTOCK = [sys.executable, "-m", "penstock", "run"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used: CPU seconds (its children's included), seconds on the wall, peak memory
    in MiB.
    """

    cpu: float
    wall: float
    memory: float


def run(command: Sequence[str], stdin: Path | None = None, **environment: str) -> Usage:
    """Run a command to its end, its output thrown away; raises where it fails."""
    return run_together(command, [stdin], **environment)


def run_together(
    command: Sequence[str], inputs: Sequence[Path | None], **environment: str
) -> Usage:
    """Run a command on several inputs at the same time, outputs thrown away: the CPU of all, until
    the last has ended, and the largest; raises where one fails.
    """
    started = time.perf_counter()
    processes = [_started(command, stdin, environment) for stdin in inputs]
    cpu = memory = 0.0
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        cpu += usage.ru_utime + usage.ru_stime
        memory = max(memory, usage.ru_maxrss / 1024)
    return Usage(cpu, time.perf_counter() - started, memory)


def _started(
    command: Sequence[str], stdin: Path | None, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with Path(stdin or os.devnull).open("rb") as source, Path(os.devnull).open("wb") as sink:
        return subprocess.Popen(
            command, stdin=source, stdout=sink, env={**os.environ, **environment}
        )


_FRAME = re.compile(r"==\d+==    (at|by) 0x")
_INSTRUCTIONS = re.compile(r"I\s+refs:\s+([\d,]+)")


def instructions(command: Sequence[str], stdin: Path) -> int | None:
    """How many instructions a command executes, which no neighbour disturbs; None without
    valgrind.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    counting = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    with stdin.open("rb") as source:
        ended = subprocess.run(
            [*counting, *command],
            stdin=source,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
    found = _INSTRUCTIONS.search(ended.stderr)
    if ended.returncode or found is None:
        said = "\n".join(line for line in ended.stderr.splitlines() if not _FRAME.match(line))
        raise RuntimeError(
            f"{' '.join(command)} ended with {ended.returncode} under valgrind:\n{said[-2000:]}"
        )
    return int(found[1].replace(",", ""))


def in_turn(rounds: int, *runs: Callable[[], Usage]) -> list[list[Usage]]:
    """Each run ``rounds`` times, in turn: A B A B …; the usages of each."""
    found: list[list[Usage]] = [[] for _ in runs]
    for _ in range(rounds):
        for one, usages in zip(runs, found, strict=True):
            usages.append(one())
    return found


def median(usages: Sequence[Usage]) -> Usage:
    """The median of each figure."""
    return Usage(
        *(
            statistics.median(getattr(usage, figure) for usage in usages)
            for figure in ("cpu", "wall", "memory")
        )
    )


def ratio(ours: Sequence[Usage], theirs: Sequence[Usage], figure: str = "cpu") -> float:
    """The median of our figure over theirs, pair by pair."""
    return statistics.median(
        getattr(a, figure) / getattr(b, figure) for a, b in zip(ours, theirs, strict=True)
    )
