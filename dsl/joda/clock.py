"""The year and month of the present, by which dates without a year are given one."""

from __future__ import annotations

from collections.abc import Callable

from ..timestamp import Timestamp, civil_from_days


class Clock:
    """A calendar on the wall: it shows the year and month (in UTC) of when it was last looked
    at.
    """

    __slots__ = ("_now", "month", "year")

    def __init__(self, now: Callable[[], Timestamp] = Timestamp.now) -> None:
        self._now = now
        self.year = self.month = 0
        self.turned()

    def turned(self) -> bool:
        """Look at the present; whether another month has come."""
        before = self.year, self.month
        self.year, self.month, _ = civil_from_days(self._now().seconds() // 86_400)
        return before != (self.year, self.month)

    def year_of(self, month: int) -> int:
        """The year that a date of this month is of: the present one, but for December in January
        and the other way.
        """
        if month == 12 and self.month == 1:
            return self.year - 1
        return self.year + (month == 1 and self.month == 12)
