"""Several formats tried in turn, with a memory of texts: logs say the same second again and again.

The hard idea: where a day is known (see ``minutes``) its texts need no format any more, so what is
known of days is kept for all formats together. A day that another format than the first has read is
kept if those before it refuse it at two times of the day, and so at any. Where a text of such a day
is its own instant, as most of ISO 8601 is, all texts of its length on that day are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ..timestamp import Timestamp
from .columns import Column
from .minutes import Day, KnownDay
from .parse import COUNTS, Parser
from .spots import Spot

Stamp = TypeVar("Stamp", bound=str)

_KEPT = 8192
_KEPT_OF_DAYS = 512
"""Texts of known days that are kept: more of them would cost more of the processor's cache than it
costs to read them.
"""

_DAYS_KEPT = 4096
_PAUSE = 4
"""Batches that are read text by text after one that could not be read at once."""

_PROBES = {
    1: (("5", "05", "05"), ("1", "55", "55")),
    2: (("05", "05", "05"), ("11", "55", "55")),
}
"""Two times of the day, with so many digits of hours."""

Tail = Callable[[str], str | None]
_Way = tuple[int, int, int, Callable[[str], Day | None], Tail]
"""For texts of one length: where hours and seconds start and seconds end; from a text without its
time to its day, and from its seconds to their canonical text.
"""


_CANONICAL = 24
_DATE = 11
_own_time = re.compile(
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}(?:[0-9]{3})?Z"
).fullmatch
"""Matches behind the date of a text that may be its own instant, with milliseconds or finer."""


def _own_stamp(text: str) -> str:
    """The instant of a text that is its own, without what is finer than milliseconds."""
    return text if len(text) == _CANONICAL else f"{text[: _CANONICAL - 1]}Z"


class Formats:
    """Compiled formats in the order of trying. ``known`` has what texts were read as, empty for
    those that were not.

    ``read`` gives the Timestamp that the first fitting format reads, or empty text; either is known
    from then on. ``read_all`` reads many at once.
    """

    __slots__ = (
        "_columns",
        "_days",
        "_own",
        "_parsers",
        "_pause",
        "_ways",
        "follows_clock",
        "known",
        "read",
    )

    def __init__(self, parsers: Iterable[Parser]) -> None:
        self._parsers = list(parsers)
        self.follows_clock = any(parser.follows_clock for parser in self._parsers)
        self.known: dict[str, str] = {}
        self._days: dict[tuple[int, Spot, Tail], dict[str, Day]] = {}
        self._ways: dict[int, list[_Way]] = {}
        self._own: dict[int, set[str]] = {}
        self._columns: dict[int, Column | None] = {}
        self._pause = 0
        counts = len(self._parsers) == 1 and self._parsers[0] in COUNTS.values()
        self.read = self._counting(self._parsers[0]) if counts else self._reading()

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
        self._ways.clear()
        self._days.clear()
        self._own.clear()
        self._columns.clear()
        for parser in self._parsers:
            parser.forget()

    def _counting(self, parser: Parser) -> Callable[[str], str]:
        """``read`` where the only format is a count, which says nothing about other texts."""
        known, read_one = self.known, parser.read

        def read(text: str) -> str:
            if len(known) >= _KEPT_OF_DAYS:
                known.clear()
            known[text] = stamp = read_one(text) or ""
            return stamp

        return read

    def _reading(self) -> Callable[[str], str]:
        ways_of, known, slow = self._ways.get, self.known, self._slow
        own_of = self._own.get

        def read(text: str) -> str:
            own = own_of(len(text))
            if own is not None and text[:_DATE] in own and _own_time(text, _DATE):
                return Timestamp(_own_stamp(text))
            for hours, start, end, day_of, tail_of in ways_of(len(text), ()):
                day = day_of(text[:hours] if end == len(text) else text[:hours] + text[end:])
                if day is not None:
                    times, dates = day
                    time = times[text[hours:start]]
                    tail = tail_of(text[start:end])
                    if time is not None and tail is not None:
                        if len(known) >= _KEPT_OF_DAYS:
                            known.clear()
                        known[text] = stamp = Timestamp(dates[time[0]] + time[1] + tail)
                        return stamp
            return slow(text)

        return read

    def reads_together(self) -> bool:
        """Whether to try ``read_all`` on the next batch: there are days for it, and it did not fail
        on one of the last.
        """
        self._pause = max(0, self._pause - 1)
        return bool(self._columns) and not self._pause

    def read_all(self, values: Sequence[Any]) -> list[Timestamp] | None:
        """What ``read`` gives for each of these values; None where they are not texts of one
        length, on days that are known: then they are to be read one by one.
        """
        found = self._together(values)
        if found is None:
            return None
        texts, stamps = found
        instants = list(map(Timestamp, stamps))
        return instants if len(texts) == len(values) else _spread(values, texts, instants)

    def read_texts(self, values: Sequence[Any]) -> list[str] | None:
        """What ``read_all`` gives, as plain texts."""
        found = self._together(values)
        if found is None:
            return None
        texts, stamps = found
        return list(stamps) if len(texts) == len(values) else _spread(values, texts, stamps)

    def _together(self, values: Sequence[Any]) -> tuple[list[str], Sequence[str]] | None:
        """Each text among the values once, and what is read of it."""
        try:
            texts = list(dict.fromkeys(values))
            (length,) = set(map(len, texts))
        except (TypeError, ValueError):
            length = -1
        column = self._columns.get(length)
        found = None
        if column is not None and set(map(type, values)) == {str}:
            found = column.read(texts)
        if found is None:
            self._pause = _PAUSE
            return None
        return texts, found

    def _slow(self, text: str) -> str:
        """Try the formats."""
        if len(self.known) >= _KEPT:
            self.known.clear()
        found = ""
        for place, parser in enumerate(self._parsers):
            stamp = parser.read(text)
            if stamp is not None:
                found = stamp
                self._learn(text, stamp, parser, self._parsers[:place])
                break
        self.known[text] = found
        return found

    def _learn(self, text: str, stamp: str, parser: Parser, before: Sequence[Parser]) -> None:
        """Keep the day of a text, if no parser before could read another time of it."""
        known = parser.known_day(text)
        if known is None:
            return
        place, key, day = known
        days = self._days.setdefault((len(text), place.spot, place.tail), {})
        if key in days:
            return
        others = [place.at(text, *time) for time in _PROBES[place.spot.width]]
        if all(each.is_even and not any(map(each.read, others)) for each in before):
            way = place.hours, place.start, place.end, days.get, place.tail
            ways = self._ways.setdefault(len(text), [])
            if way not in ways:
                ways.append(way)
            if len(days) >= _DAYS_KEPT:
                days.clear()
                self._own.clear()
            days[key] = day
            if way == ways[0]:
                self._learn_hours(text, known)
            if _own_time(text, _DATE) and stamp == _own_stamp(text):
                self._own.setdefault(len(text), set()).add(text[:_DATE])

    def _learn_hours(self, text: str, known: KnownDay) -> None:
        """Keep the hours of a day for texts that are read together."""
        if len(text) not in self._columns:
            self._columns[len(text)] = Column.of(text, known)
        column = self._columns[len(text)]
        if column is not None:
            column.learn(text, known)


def _spread(values: Sequence[Any], texts: Sequence[str], stamps: Sequence[Stamp]) -> list[Stamp]:
    """What is read of each value, by what is read of each text."""
    return list(map(dict(zip(texts, stamps, strict=True)).__getitem__, values))
