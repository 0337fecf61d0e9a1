"""Several formats tried in turn, with a memory of texts: logs say the same second again and again."""

from __future__ import annotations

from collections.abc import Iterable

from ..timestamp import Timestamp
from .parse import Parser

_KEPT = 8192


class Formats:
    """Compiled formats in the order of trying. ``known`` has what texts were read as, empty for those that were not."""

    __slots__ = ("_parsers", "follows_clock", "known")

    def __init__(self, parsers: Iterable[Parser]) -> None:
        self._parsers = list(parsers)
        self.follows_clock = any(parser.follows_clock for parser in self._parsers)
        self.known: dict[str, str] = {}

    def read(self, text: str) -> str:
        """The Timestamp that the first fitting format reads, or empty text; either is known from then on."""
        if len(self.known) >= _KEPT:
            self.known.clear()
        stamp = self.known[text] = self._read(text)
        return stamp

    def _read(self, text: str) -> str:
        for parser in self._parsers:
            stamp = parser.read(text)
            if stamp is not None:
                return stamp
        return ""

    def read_number(self, value: float) -> Timestamp | None:
        """The instant that the first format which takes numbers makes of one."""
        for parser in self._parsers:
            stamp = parser.read_number(value)
            if stamp is not None:
                return stamp
        return None

    def forget(self) -> None:
        """Forget what held for the past month only."""
        self.known.clear()
        for parser in self._parsers:
            parser.forget()
