"""What an input reads, or an output is given, through ``penstock run`` in processes of their own."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from .penstock_process import Penstock
from .written import events_in, size_of

_COPY = 'filter { mutate { copy => { "[@metadata]" => "meta" } } }'


class Arrivals:
    """What a pipeline with an input reads, as lines of JSON; ``meta`` is its metadata. ``name``: of a pipeline with a data directory of its own."""

    def __init__(self, directory: Path, source: str, name: str = "reads") -> None:
        self._directory, self._name = directory, name
        self.path = directory / f"{name}.arrived"
        self.config = f'input {{ {source} }}\n{_COPY}\noutput {{ file {{ path => "{self.path}" }} }}'

    def process(self, *options: str) -> Penstock:
        return Penstock(self._directory, self.config, *options, name=self._name)

    def events(self) -> list[Any]:
        return events_in(self.path)

    def size(self) -> int:
        """How many bytes have arrived."""
        return size_of(self.path)

    def messages(self) -> list[str]:
        return [event["message"] for event in self.events()]

    def all(self, count: int, *options: str) -> list[Any]:
        """So many events, read by a process."""
        with self.process(*options) as run:
            run.until(lambda: len(self.events()) >= count, f"{count} events are read")
            run.stop()
        return self.events()


def write(directory: Path, target: str, lines: list[str], *options: str) -> str:
    """Write lines of JSON through a pipeline with an output; what it said."""
    config = f"input {{ stdin {{ codec => json_lines }} }}\noutput {{ {target} }}"
    with Penstock(directory, config, *options, name="writes", stdin="".join(f"{line}\n" for line in lines).encode()) as run:
        assert run.wait() == 0, run.said()
        return run.said()
