"""Event times: the instants of a batch as milliseconds, in one pass.

The texts of a log share their seconds, so a time is two look-ups: of the text down to the second,
and of the fraction behind it.
"""

from __future__ import annotations

import re
from typing import Any

from ...dsl.reference import Event, FieldRef
from ...dsl.timestamp import Timestamp, parse_timestamp
from .keys import column

_KEPT = 8192
_FRACTION = re.compile(r"\.([0-9]{1,9})Z").fullmatch


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


class EventTimes:
    """Reads the time of events out of a field: an instant, or a string in ISO 8601."""

    def __init__(self, field: FieldRef) -> None:
        self._get = field.get
        self._column = column(field)
        self._seconds, self._fractions = _Seconds(), _Fractions()

    def of_all(self, events: list[Event]) -> list[int | None]:
        """The time of each event; None where there is none."""
        seconds, fractions = self._seconds, self._fractions
        stamps = self._column(events)
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
