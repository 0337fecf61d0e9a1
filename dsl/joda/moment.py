"""An instant taken apart into the fields of the calendar, in UTC: what formatters print.

Weeks are counted in two ways: ISO's (Monday first, a year's first week has its first Thursday), as
Joda-Time does, and that of the United States (Sunday first, a year's first week has January 1st),
as java.time does in English.
"""

from __future__ import annotations

from typing import NamedTuple

from ..timestamp import Timestamp, civil_from_days, days_from_civil

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def padded(value: int, width: int) -> str:
    """A number with zeros before it; a sign does not count."""
    return f"-{-value:0{width}d}" if value < 0 else f"{value:0{width}d}"


class Moment(NamedTuple):
    """A day as days since 1970 and as year, month, day; the second of the day; the nanosecond of
    the second.
    """

    days: int
    year: int
    month: int
    day: int
    second: int
    nano: int

    @property
    def hour(self) -> int:
        return self.second // 3600

    @property
    def minute(self) -> int:
        return self.second // 60 % 60

    @property
    def weekday(self) -> int:
        """1 for Monday to 7 for Sunday."""
        return (self.days + 3) % 7 + 1

    @property
    def day_of_year(self) -> int:
        return self.days - days_from_civil(self.year, 1, 1) + 1

    @property
    def iso_week(self) -> tuple[int, int]:
        """The week's year and its number, as ISO 8601 counts."""
        return iso_week(self.days)

    @property
    def us_week(self) -> tuple[int, int]:
        """The week's year and its number, with weeks that start on Sunday and a first week that has
        January 1st.
        """
        sunday = self.days - self.weekday % 7
        year = self.year + (sunday + 6 >= days_from_civil(self.year + 1, 1, 1))
        january = days_from_civil(year, 1, 1)
        return year, (sunday - january + (january + 4) % 7) // 7 + 1


def iso_week(days: int) -> tuple[int, int]:
    """The ISO week's year and number of the day that lies `days` after 1970-01-01."""
    thursday = days - (days + 3) % 7 + 3
    year = civil_from_days(thursday)[0]
    return year, (thursday - days_from_civil(year, 1, 1)) // 7 + 1


def iso_year_start(year: int) -> int:
    """The Monday of the year's first ISO week, in days since 1970."""
    fourth = days_from_civil(year, 1, 4)
    return fourth - (fourth + 3) % 7


def moment(stamp: Timestamp) -> Moment:
    """The calendar's fields of an instant."""
    seconds, nano = divmod(stamp.nanos(), 1_000_000_000)
    days, second = divmod(seconds, 86_400)
    return Moment(days, *civil_from_days(days), second, nano)
