"""Processes that share a stream of Kinesis and write to a file each, which tests start, stop, kill and pause."""
from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from .kinesis import Stream
from .penstock_process import Penstock
from .written import events_in

METADATA = 'filter { mutate { copy => { "[@metadata]" => "meta" } } }'


class Group:
    """``more``: options of the input."""

    def __init__(self, directory: Path, stream: Stream, more: str = "", **settings: int) -> None:
        self._directory, self.stream = directory, stream
        self._input = stream.input(f"codec => json checkpoint_interval_seconds => 0.5 {more}", **settings)
        self._numbers: dict[str, int] = defaultdict(int)
        self.wanted: set[tuple[str, int]] = set()

    def put(self, count: int, *keys: str) -> None:
        """So many records for each key, numbered by key, in their order."""
        for _ in range(count):
            for key in keys:
                number = self._numbers[key]
                self._numbers[key] += 1
                self.wanted.add((key, number))
        for key in keys:
            numbers = range(self._numbers[key] - count, self._numbers[key])
            self.stream.put([json.dumps({"key": key, "number": number}) for number in numbers], key)

    def member(self, name: str, *options: str, filters: str = "") -> Penstock:
        path = self._directory / f"{name}.out"
        config = f'input {{ {self._input} }}\n{METADATA}\n{filters}\noutput {{ file {{ path => "{path}" }} }}'
        return Penstock(self._directory, config, *options, name=name)

    def of(self, name: str) -> list[dict[str, Any]]:
        """What a member has written."""
        return events_in(self._directory / f"{name}.out")

    def arrived(self) -> list[tuple[str, int]]:
        """What all members have written, each key and number."""
        names = sorted(path.stem for path in self._directory.glob("*.out"))
        return [(event["key"], event["number"]) for name in names for event in self.of(name)]

    def size(self) -> int:
        """How many bytes all members have written: it grows with each record, and costs nothing."""
        return sum(path.stat().st_size for path in self._directory.glob("*.out"))

    def has_all(self) -> bool:
        return set(self.arrived()) >= self.wanted

    def loads(self) -> dict[str, int]:
        """How many leases each process has; those of nobody have an empty name."""
        found: dict[str, int] = defaultdict(int)
        for owner in self.stream.owners():
            found[owner] += 1
        return dict(found)

    def is_even(self, members: int) -> bool:
        """Whether so many processes have about the same number of leases."""
        loads = self.loads()
        return "" not in loads and len(loads) == members and max(loads.values()) - min(loads.values()) <= 1


def out_of_order(events: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Events that came for the first time after a later one of their key."""
    last: dict[str, int] = {}
    seen: set[tuple[str, int]] = set()
    found = []
    for event in events:
        key, number = event["key"], event["number"]
        if (key, number) not in seen and number < last.get(key, -1):
            found.append((key, number))
        seen.add((key, number))
        last[key] = max(number, last.get(key, -1))
    return found
