"""Event times: the instants of a batch as milliseconds, in one pass.

The texts of a log share their minutes, mostly, and have the form ``2015-10-01T00:00:00.123Z``. Laid
end to end, the last eight bytes of each are read as two integers, ``:00.`` and ``123Z``: a time is
two look-ups, without a slice of text. Where minutes differ, the look-ups are of slices: of the text
down to the second, and of the fraction behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from struct import Struct
from typing import Any

from ...dsl.reference import Event, FieldRef
from ...dsl.timestamp import Timestamp, parse_timestamp
from .keys import column

_KEPT = 8192
_MINUTES = 128
_FRACTION = re.compile(r"\.([0-9]{1,9})Z").fullmatch

_LENGTH, _MINUTE = 24, 16
_tails = Struct("16xII").iter_unpack
_word = Struct("I").unpack
_WHOLE = {_word(b":%02d." % second)[0]: second * 1000 for second in range(60)}
_MILLIS: dict[int, int] = {_word(b"%03dZ" % millis)[0]: millis for millis in range(1000)}


class _Seconds(dict[str, int]):
    """Milliseconds by a text such as ``2015-10-01T00:00:00``."""

    def __missing__(self, text: str) -> int:
        at = parse_timestamp(text + ".000Z")
        if at is None:
            raise KeyError(text)
        if len(self) >= _KEPT:
            self.clear()
        found = self[text] = at.millis()
        return found


class _Fractions(dict[str, int]):
    """Milliseconds by a text such as ``.123Z``, rounded down."""

    def __missing__(self, text: str) -> int:
        match = _FRACTION(text)
        if match is None:
            raise KeyError(text)
        if len(self) >= _KEPT:
            self.clear()
        found = self[text] = int(match[1][:3].ljust(3, "0"))
        return found


class _Minutes(dict[bytes, dict[int, int]]):
    """By a text such as ``2015-10-01T00:00``, the milliseconds of its seconds."""

    def __missing__(self, minute: bytes) -> dict[int, int]:
        at = parse_timestamp(minute.decode() + ":00.000Z")
        if at is None:
            raise KeyError(minute)
        if len(self) >= _MINUTES:
            self.clear()
        start = at.millis()
        found = self[minute] = {word: start + more for word, more in _WHOLE.items()}
        return found


class EventTimes:
    """Reads the time of events out of a field: an instant, or a string in ISO 8601."""

    def __init__(self, field: FieldRef) -> None:
        self._get = field.get
        self._column = column(field)
        self._minutes = _Minutes()
        self._seconds, self._fractions = _Seconds(), _Fractions()

    def of_all(self, events: list[Event]) -> list[int | None]:
        """The time of each event; None where there is none."""
        stamps = self._column(events)
        try:
            text = "".join(stamps).encode()
            minute = text[:_MINUTE]
            if text.count(minute) == len(stamps) and _are_even(stamps):
                seconds, millis = self._minutes[minute], _MILLIS
                return [seconds[whole] + millis[part] for whole, part in _tails(text)]
        except (KeyError, TypeError, UnicodeError):
            pass
        return self._one_by_one(stamps)

    def _one_by_one(self, stamps: Sequence[Any]) -> list[int | None]:
        seconds, fractions = self._seconds, self._fractions
        try:
            return [seconds[at[:19]] + fractions[at[19:]] for at in stamps]
        except (KeyError, TypeError):
            return [self.millis(at) for at in stamps]

    def of(self, event: Event) -> int | None:
        """The time of an event; None if it has none."""
        return self.millis(self._get(event))

    @staticmethod
    def millis(value: Any) -> int | None:
        """Milliseconds of an instant, or of a text that means one."""
        if type(value) is Timestamp:
            return value.millis()
        at = parse_timestamp(value) if type(value) is str else None
        return None if at is None else at.millis()


def _are_even(stamps: Sequence[Any]) -> bool:
    return list(map(len, stamps)).count(_LENGTH) == len(stamps)
