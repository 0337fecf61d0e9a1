"""How far the inputs of a stream have come, as its checkpoint keeps it: plain data."""

from __future__ import annotations

from typing import Any

from ....plugins.inputs.file import File
from ...compile.instantiate import Assembly
from .growth import FileEnds
from .pieces import Piece, Positions
from .read import inputs_of


class SourceEnds:
    """Asks the inputs of a configuration where they end. ``most``: of a partition of a topic, the
    most messages in a batch.
    """

    def __init__(self, assembly: Assembly, most: int) -> None:
        self._ends: dict[str, Any] = {}
        for number, source in enumerate(inputs_of(assembly)):
            if isinstance(source, File):
                self._ends[str(number)] = FileEnds(number, source)
            elif source.name == "kafka":
                from .topics import TopicEnds

                self._ends[str(number)] = TopicEnds(number, source, most)
            else:
                self._ends[str(number)] = Once(number)

    def starts(self) -> Positions:
        """Where to begin without a checkpoint."""
        return {number: each.starts() for number, each in self._ends.items()}

    def ends(self, before: Positions) -> Positions:
        """Where the next batch ends, behind one that ended at ``before``."""
        return {number: each.ends(before.get(number, {})) for number, each in self._ends.items()}

    def pieces(self, start: Positions, end: Positions) -> list[Piece]:
        """What lies between two positions."""
        found: list[Piece] = []
        for number, each in self._ends.items():
            found += each.pieces(start.get(number, {}), end.get(number, {}))
        return found

    def close(self) -> None:
        """Let go of servers."""
        for each in self._ends.values():
            each.close()


class Once:
    """An input that ends, beside others that do not: it is one piece of the first batch."""

    def __init__(self, number: int) -> None:
        self._number = number

    def starts(self) -> Positions:
        """Nothing of it was read."""
        return {"read": 0}

    def ends(self, before: Positions) -> Positions:
        """All of it."""
        return {"read": 1}

    def pieces(self, start: Positions, end: Positions) -> list[Piece]:
        """The whole input, once."""
        return [Piece(self._number)] if start.get("read", 0) < end.get("read", 0) else []

    def close(self) -> None:
        """Nothing is held."""
