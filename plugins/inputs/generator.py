"""The input generator."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from itertools import count as numbers

from ...dsl.reference import Event
from ..contract import Batch, Ecs, Input
from ..declaration import option

_BATCH = 1000


class Generator(Ecs, Input, name="generator"):
    """Make events from fixed texts, to try a pipeline or to measure it.

    Goes round through `lines` (or the one `message`), `count` times. Each event has the round as
    `[event][sequence]` (`sequence` without ECS) and the name of this machine. With `message =>
    "stdin"` the message is the first line of stdin.
    """

    count: int = option("How many rounds; 0 for no end.", default=0, at_least=0)
    lines: list[str] = option("The texts, in order; instead of `message`.", default=[])
    message: str = option("The text.", default="Hello world!")
    threads: int = option(
        "How many generators at once; each goes its own `count` rounds.", default=1, at_least=1
    )

    def prepare(self) -> None:
        if "lines" in self.given and "message" in self.given:
            self.problem(
                "message", "`lines` and `message` exclude each other", "keep one of the two"
            )

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        message = sys.stdin.readline().rstrip("\n") if self.message == "stdin" else self.message
        host = socket.gethostname()
        codec = self.new_codec({"host": {"name": host} if self.ecs else host})
        batch: list[Event] = []
        for sequence in range(self.count) if self.count else numbers():
            for text in (self.lines or [message]) * self.threads:
                batch += [
                    self._numbered(event, sequence)
                    for event in codec.complete(codec.decode(text.encode()))
                ]
            if len(batch) >= _BATCH:
                yield Batch(batch)
                batch = []
            if stopping():
                break
        if batch:
            yield Batch(batch)

    def _numbered(self, event: Event, sequence: int) -> Event:
        if self.ecs:
            event.setdefault("event", {})["sequence"] = sequence
        else:
            event["sequence"] = sequence
        return event
