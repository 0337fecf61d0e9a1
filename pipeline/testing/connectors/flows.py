"""Whole processes that carry what an input gives to a target: a file, or a pipe that nobody reads.

The second is a target that hangs: a pipe holds some 64 KiB, then the run cannot write any more.
How much memory the run takes meanwhile is read from ``/proc``.
"""

from __future__ import annotations

import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from .case import ConnectorContract, Run, check, until

_LINES = 'codec => line { format => "%{message}" }'
_SAMPLE_EVERY = 0.25
_SAMPLES_OF_REST = 6
_NOISE = 1 << 20
"""How much the memory of a process at rest changes between two looks at it, in bytes."""


def flood(count: int, size: int) -> list[str]:
    """So many messages, no two alike, of so many bytes each."""
    return [f"message {number} ".ljust(size, "x") for number in range(count)]


class InputCases(ConnectorContract):
    """What the contracts of inputs and of listeners do with whole processes."""

    section = "input"

    flood: ClassVar[int] = 16_384
    """How many messages come while the target hangs: far more than a run may keep."""

    flood_bytes: ClassVar[int] = 4096
    """How long each of them is."""

    def flow(self, version: str, config: str = "") -> str:
        """A configuration that writes what the input gives to a file."""
        fields = f'filter {{ mutate {{ add_field => {{ "version" => "{version}" }} }} }}'
        path = self.directory / "arrived"
        return f'{self.text(config)}\n{fields}\noutput {{ file {{ path => "{path}" {_LINES} }} }}'

    def arrived(self) -> list[str]:
        """The messages that arrived in the file of ``flow``."""
        path = self.directory / "arrived"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @contextmanager
    def hanging(self) -> Iterator[HangingRun]:
        """The input in a run whose target hangs."""
        if not Path("/proc/self/statm").exists():
            pytest.skip("memory is measured in /proc")
        is_limited = "max_in_flight" in self.config
        config = self.config if is_limited else self.changed("max_in_flight => 2")
        text = f"{self.text(config)}\noutput {{ stdout {{ {_LINES} }} }}"
        with self.process(text, stdout=subprocess.PIPE) as run:
            yield HangingRun(run)


class HangingRun:
    """A run that writes to a pipe which nobody reads. ``came``: the messages that were read from
    there, once ``read_on`` was called.
    """

    def __init__(self, run: Run) -> None:
        assert run.process.stdout is not None
        self.run, self._pipe = run, run.process.stdout
        self.came: set[str] = set()

    def begins(self) -> None:
        """Wait for the first message, and remember how much memory the run takes by then."""
        until(self._has_written, "what was put comes to the target", self.run.said)
        self._before = self._memory()

    def _has_written(self) -> bool:
        return bool(select.select([self._pipe], [], [], 0)[0])

    def _memory(self) -> int:
        """Bytes that are resident."""
        text = Path(f"/proc/{self.run.process.pid}/statm").read_text(encoding="ascii")
        return int(text.split()[1]) * os.sysconf("SC_PAGESIZE")

    def check_memory(self, offered: int) -> None:
        """Look at the memory until it has come to rest: it must not grow with what is offered."""
        samples: list[int] = []

        def is_at_rest() -> bool:
            time.sleep(_SAMPLE_EVERY)
            grown = self._memory() - self._before
            demand = f"memory is bounded while the target hangs ({offered} bytes are offered)"
            check(grown < offered // 2, demand, f"{grown} bytes more")
            samples.append(grown)
            last = samples[-_SAMPLES_OF_REST:]
            return len(last) == _SAMPLES_OF_REST and max(last) - min(last) < _NOISE

        until(is_at_rest, "memory comes to rest while the target hangs", lambda: samples)

    def read_on(self) -> None:
        """The target takes what comes, from now on."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._pipe:
            self.came.add(line.decode().rstrip("\n"))
