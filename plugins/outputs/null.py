"""The output null."""

from __future__ import annotations

from ...dsl.reference import Event
from ..contract import Output


class Null(Output, name="null"):
    """Throw events away."""

    def pack(self, events: list[Event]) -> None:
        """Nothing is kept."""

    def deliver(self, packed: None) -> None:
        """Nothing is left to do."""
