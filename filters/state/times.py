"""Event times: the instants of a batch as milliseconds.

The texts of a log share their minute or their hour, mostly, and have the form
``2015-10-01T00:00:00.123Z``: those are worked out all at once (``lanes_of_text``). Else a time is
two look-ups: of the text down to the second, and of the fraction behind it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ...dsl.reference import Event, FieldRef
from ...dsl.timestamp import Timestamp, parse_timestamp
from .keys import column
from .lanes_of_text import GAP, OtherForm, Texts

_KEPT = 8192
_STARTS = 128
_FEW = 24
"""Fewer events are read one by one."""
_FRACTION = re.compile(r"\.([0-9]{1,9})Z").fullmatch
_MINUTE_LENGTH = 16


class _Seconds(dict[str, int]):
    """Milliseconds by a text such as ``2015-10-01T00:00:00``."""

    def __missing__(self, text: str) -> int:
        at = parse_timestamp(text + ".000Z")
        if at is None or text[11:13] == "24":
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


class _Starts(dict[bytes, int]):
    """Milliseconds by a text such as ``2015-10-01T00:00``, or ``2015-10-01T00`` for the hour."""

    def __missing__(self, text: bytes) -> int:
        rest = ":00.000Z" if len(text) == _MINUTE_LENGTH else ":00:00.000Z"
        at = parse_timestamp(text.decode() + rest)
        start = -1 if at is None else at.millis()
        # Lanes have no sign; and 24:00 is a time, but no other minute or second of that hour.
        if start < 0 or text[11:13] == b"24":
            raise OtherForm
        if len(self) >= _STARTS:
            self.clear()
        self[text] = start
        return start


class EventTimes:
    """Reads the time of events out of a field: an instant, or a string in ISO 8601."""

    def __init__(self, field: FieldRef) -> None:
        self.field, self._get = field, field.get
        self._column = column(field)
        self._starts = _Starts()
        self._seconds, self._fractions = _Seconds(), _Fractions()

    def of_all(self, events: list[Event]) -> list[int | None]:
        """The time of each event; None where there is none."""
        return self.read(events)[0]

    def read(self, events: list[Event]) -> tuple[list[Any], bool]:
        """The time of each event, None where there is none; and whether all have one."""
        return self.read_stamps(self._column(events))

    def read_stamps(self, stamps: Sequence[Any]) -> tuple[list[Any], bool]:
        """The same of the values of the field."""
        if len(stamps) >= _FEW:
            try:
                texts = Texts(GAP.join(stamps).encode(), len(stamps))
                common = texts.common()
                return texts.millis(common, self._starts[common]), True
            except (OtherForm, TypeError, UnicodeError):
                pass
        times = self._one_by_one(stamps)
        return times, None not in times

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
