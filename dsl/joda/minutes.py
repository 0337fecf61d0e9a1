"""Reading texts that differ in their seconds only, without reading them anew.

The one hard idea: of two texts that are alike but for two digits where the seconds stand, the
second needs no parsing. Offsets are whole minutes (for all that happened since 1970), so the
seconds go over into the result as they are. Where the seconds stand is learned from the first text
of each length that is read the long way.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ..timestamp import Timestamp

Evaluate = Callable[[re.Match[str]], int | None]
"""From a match to milliseconds since 1970; None for a date that does not exist."""

_LONGEST = 64
_KEPT = 4096
_TAILS = {f"{second:02d}": f"{second:02d}.000Z" for second in range(60)}


def _tail_after(separator: str) -> Callable[[str], str | None]:
    """From seconds with a fraction, told apart by this character, to how they end a canonical
    text.
    """
    fits = re.compile(f"[0-5][0-9]{re.escape(separator)}[0-9]+").fullmatch
    return lambda piece: f"{piece[:2]}.{piece[3:6]:0<3}Z" if fits(piece) else None


_QuickWay = tuple[int, int, Callable[[str], str | None], Callable[[str], str | None]]
"""Of a place: its start, its end, from a text without what stands there to its minute, from what
stands there to its tail.
"""


class _Place:
    """Where the seconds (and perhaps their fraction) stand in texts of one length, and the minutes
    known so far.
    """

    __slots__ = ("end", "known", "start", "tail")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.known: dict[str, str] = {}
        self.tail: Callable[[str], str | None] = (
            _TAILS.get if end - start == 2 else _tail_after(text[start + 2])
        )

    def learn(self, text: str, stamp: Timestamp) -> None:
        """Keep the minute of a text that was read, if its seconds could have been copied."""
        if (
            len(stamp) != 24
            or stamp < "1970"
            or stamp[17:] != self.tail(text[self.start : self.end])
        ):
            return
        if len(self.known) >= _KEPT:
            self.known.clear()
        self.known[text[: self.start] + text[self.end :]] = stamp[:17]


class Reader:
    """Texts to instants by a regular expression and arithmetic; ``forget`` when the arithmetic has
    changed.

    ``second`` and ``fraction`` are the groups of the seconds and of their fraction, 0 where there
    is none.
    """

    __slots__ = ("_places", "_quick_ways", "read")

    def __init__(self, regex: str, evaluate: Evaluate, second: int, fraction: int) -> None:
        self._places: dict[int, _Place] = {}
        self._quick_ways: dict[int, _QuickWay] = {}
        slow = self._slow(re.compile(regex), evaluate, second, fraction)
        self.read = self._quick(slow) if second else slow

    def forget(self) -> None:
        self._places.clear()
        self._quick_ways.clear()

    def _quick(self, slow: Callable[[str], Timestamp | None]) -> Callable[[str], Timestamp | None]:
        way_of = self._quick_ways.get

        def read(text: str) -> Timestamp | None:
            way = way_of(len(text))
            if way is not None:
                start, end, minute_of, tail_of = way
                minute = minute_of(text[:start] + text[end:])
                if minute is not None:
                    tail = tail_of(text[start:end])
                    if tail is not None:
                        return Timestamp(minute + tail)
            return slow(text)

        return read

    def _slow(
        self, regex: re.Pattern[str], evaluate: Evaluate, second: int, fraction: int
    ) -> Callable[[str], Timestamp | None]:
        fullmatch = regex.fullmatch

        def read(text: str) -> Timestamp | None:
            match = fullmatch(text)
            millis = None if match is None else evaluate(match)
            if match is None or millis is None:
                return None
            stamp = Timestamp.of_millis(millis)
            if second:
                self._learn(text, stamp, *_span(match, second, fraction))
            return stamp

        return read

    def _learn(self, text: str, stamp: Timestamp, start: int, end: int) -> None:
        if start < 0 or len(text) > _LONGEST:
            return
        place = self._places.get(len(text))
        if place is None:
            place = self._places[len(text)] = _Place(text, start, end)
            self._quick_ways[len(text)] = start, end, place.known.get, place.tail
        if (place.start, place.end) == (start, end):
            place.learn(text, stamp)


def _span(match: re.Match[str], second: int, fraction: int) -> tuple[int, int]:
    """Where the two digits of the seconds stand, with the fraction if it follows after one
    character.
    """
    start, end = match.span(second)
    if end - start != 2:
        return -1, -1
    if fraction and match.start(fraction) == end + 1:
        end = match.end(fraction)
    return start, end
