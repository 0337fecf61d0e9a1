"""Several formats tried in turn, with a memory of texts: logs say the same second again and
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..timestamp import Timestamp
from .parse import Parser

_KEPT = 8192


class Formats:
    """Compiled formats in the order of trying. ``known`` has what texts were read as, empty for
    those that were not.

    ``read`` gives the Timestamp that the first fitting format reads, or empty text; either is known
    from then on.
    """

    __slots__ = ("_parsers", "follows_clock", "known", "read")

    def __init__(self, parsers: Iterable[Parser]) -> None:
        self._parsers = list(parsers)
        self.follows_clock = any(parser.follows_clock for parser in self._parsers)
        self.known: dict[str, str] = {}
        self.read = _remembering(self._parsers, self.known)

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


def _remembering(parsers: Sequence[Parser], known: dict[str, str]) -> Callable[[str], str]:
    first, others = (
        parsers[0].read if parsers else _nothing,
        [parser.read for parser in parsers[1:]],
    )

    def read(text: str) -> str:
        if len(known) >= _KEPT:
            known.clear()
        stamp: str | None = first(text)
        if stamp is None:
            stamp = next((found for other in others if (found := other(text)) is not None), "")
        known[text] = stamp
        return stamp

    return read


def _nothing(text: str) -> None:
    return None
