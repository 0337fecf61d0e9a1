"""The input generator."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from itertools import count as numbers

from ...dsl.reference import Event
from ..batch import Batch, Part
from ..contract import Ecs, EndOfInput, Input
from ..declaration import option

_BATCH = 1000


class Generator(Ecs, Input, name="generator"):
    """Make events from fixed strings, to try a pipeline or to measure it.

    Goes round through `lines` (or the one `message`), `count` times. Each event has the round as
    `[event][sequence]` (`sequence` without ECS) and the name of this machine. With `message =>
    "stdin"` the message is the first line of stdin.
    """

    local = True

    count: int = option("How many rounds; 0 for no end.", default=0, at_least=0)
    lines: list[str] = option("The messages, in order; instead of `message`.", default=[])
    message: str = option("The text.", default="Hello world!")
    threads: int = option(
        "How many generators at once; each goes its own `count` rounds.", default=1, at_least=1
    )

    def prepare(self) -> None:
        if "lines" in self.given and "message" in self.given:
            self.problem(
                "message", "`lines` and `message` cannot both be given", "keep one of the two"
            )

    @property
    def bounded(self) -> bool:
        return self.count > 0

    def open(self) -> None:
        self._batches = self._made()

    def read(self, timeout: float) -> Batch | None:
        for events in self._batches:
            return Batch(events, parts=[Part(self.name, events=len(events))])
        raise EndOfInput

    def _made(self) -> Iterator[list[Event]]:
        host = socket.gethostname()
        codec = self.new_codec({"host": {"name": host} if self.ecs else host})
        texts = [text.encode() for text in self._texts() * self.threads]
        batch: list[Event] = []
        for sequence in range(self.count) if self.count else numbers():
            for text in texts:
                events = codec.complete(codec.decode(text))
                batch += [self._numbered(event, sequence) for event in events]
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _texts(self) -> list[str]:
        if self.lines:
            return self.lines
        if self.message != "stdin":
            return [self.message]
        return [sys.stdin.readline().rstrip("\n") if sys.stdin is not None else ""]

    def _numbered(self, event: Event, sequence: int) -> Event:
        if self.ecs:
            event.setdefault("event", {})["sequence"] = sequence
        else:
            event["sequence"] = sequence
        return event
