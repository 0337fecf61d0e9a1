"""The output null."""

from __future__ import annotations

from ...dsl.reference import Event
from ..batch import Payload
from ..output import Output


class Null(Output, name="null"):
    """Throw events away."""

    immediate = True

    def pack(self, events: list[Event]) -> list[Payload]:
        """Nothing is kept."""
        return [Payload(b"", None, count=len(events))]

    def deliver(self, payload: Payload) -> None:
        """Nothing is left to do."""
