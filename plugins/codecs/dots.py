"""A dot for an event: progress to look at, or the cheapest output to measure with."""

from __future__ import annotations

from typing import ClassVar

from ...dsl.reference import Event
from ..contract import Codec


class Dots(Codec, name="dots"):
    """A dot for each event; for outputs only."""

    decodes: ClassVar[bool] = False

    def encode(self, events: list[Event]) -> bytes:
        return b"." * len(events)
