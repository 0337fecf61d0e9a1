"""The fields of java.time's patterns, as `%{{…}}` prints them: in UTC and English.

Source: the reference of java.time.format.DateTimeFormatter. The zone is the offset zero, which it
calls `Z`; weeks are those of the United States.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .moment import MONTHS, WEEKDAYS, Moment, padded

Field = Callable[[Moment], str]

_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
_ERAS = {4: ("Before Christ", "Anno Domini"), 5: ("B", "A")}
_MODIFIED_JULIAN = 40_587  # the day 1970-01-01, counted from 1858-11-17


def _number(value: Callable[[Moment], int]) -> Callable[[int], Field]:
    return lambda count: lambda at: padded(value(at), count)


def _year(value: Callable[[Moment], int]) -> Callable[[int], Field]:
    """Two letters print two digits; from four letters on, a year with more digits than letters has
    a plus sign.
    """

    def render(count: int) -> Field:
        if count == 2:
            return lambda at: f"{abs(value(at)) % 100:02d}"
        if count < 4:
            return lambda at: padded(value(at), count)
        return lambda at: ("+" if value(at) >= 10**count else "") + padded(value(at), count)

    return render


def _named(
    names: Sequence[str], index: Callable[[Moment], int], numbers_to: int
) -> Callable[[int], Field]:
    """A name: its first three letters, whole (four letters) or one (five); fewer letters print the
    number, if any.
    """

    def render(count: int) -> Field:
        if count <= numbers_to:
            return lambda at: padded(index(at) + 1, count)
        length = {4: None, 5: 1}.get(count, 3)
        return lambda at: names[index(at)][:length]

    return render


def _quarter(count: int) -> Field:
    if count == 3:
        return lambda at: f"Q{(at.month + 2) // 3}"
    if count == 4:
        return lambda at: _QUARTERS[(at.month - 1) // 3]
    return lambda at: padded((at.month + 2) // 3, count if count == 2 else 1)


def _local_weekday(count: int) -> Field:
    if count <= 2:
        return lambda at: padded(at.weekday % 7 + 1, count)
    return JAVA_FIELDS["E"](count)


def _week_of_month(at: Moment) -> int:
    first = (at.days - at.day + 5) % 7  # the weekday of the month's first, from Sunday
    return (at.day - 1 + first) // 7 + 1


def _period(count: int) -> Field:
    def render(at: Moment) -> str:
        if at.second // 60 in (0, 720):
            return ("mi", "n")[at.hour // 12] if count == 5 else ("midnight", "noon")[at.hour // 12]
        if at.hour < 6 or at.hour >= 21:
            return "at night"
        return (
            "in the morning"
            if at.hour < 12
            else "in the afternoon"
            if at.hour < 18
            else "in the evening"
        )

    return render


def _fraction(count: int) -> Field:
    return lambda at: f"{at.nano:09d}"[:count]


def _nano_of_day(at: Moment) -> int:
    return at.second * 1_000_000_000 + at.nano


def _constant(*forms: str) -> Callable[[int], Field]:
    """One text for each number of letters, the last for all beyond."""
    return lambda count: lambda at: forms[min(count, len(forms)) - 1]


JAVA_FIELDS: Mapping[str, Callable[[int], Field]] = {
    "G": lambda count: lambda at: _ERAS.get(count, ("BC", "AD"))[at.year > 0],
    "u": _year(lambda at: at.year),
    "y": _year(lambda at: at.year if at.year > 0 else 1 - at.year),
    "Y": _year(lambda at: at.us_week[0]),
    "D": _number(lambda at: at.day_of_year),
    "M": _named(MONTHS, lambda at: at.month - 1, numbers_to=2),
    "L": _named(MONTHS, lambda at: at.month - 1, numbers_to=2),
    "d": _number(lambda at: at.day),
    "g": _number(lambda at: at.days + _MODIFIED_JULIAN),
    "Q": _quarter,
    "q": _quarter,
    "w": _number(lambda at: at.us_week[1]),
    "W": _number(_week_of_month),
    "E": _named(WEEKDAYS, lambda at: at.weekday - 1, numbers_to=0),
    "e": _local_weekday,
    "c": _local_weekday,
    "F": _number(lambda at: (at.day - 1) // 7 + 1),
    "a": lambda count: lambda at: "AM" if at.hour < 12 else "PM",
    "B": _period,
    "K": _number(lambda at: at.hour % 12),
    "h": _number(lambda at: (at.hour - 1) % 12 + 1),
    "H": _number(lambda at: at.hour),
    "k": _number(lambda at: at.hour or 24),
    "m": _number(lambda at: at.minute),
    "s": _number(lambda at: at.second % 60),
    "S": _fraction,
    "A": _number(lambda at: _nano_of_day(at) // 1_000_000),
    "n": _number(lambda at: at.nano),
    "N": _number(_nano_of_day),
    "V": _constant("Z"),
    "v": _constant("Z"),
    "z": _constant("Z"),
    "O": _constant("GMT"),
    "X": _constant("Z"),
    "x": _constant("+00", "+0000", "+00:00", "+0000", "+00:00"),
    "Z": _constant("+0000", "+0000", "+0000", "GMT", "Z"),
}
