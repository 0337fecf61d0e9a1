"""LogStash::Timestamp."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..timestamp import Timestamp, parse_timestamp
from .dispatch import define, singleton
from .errors import ArgumentError
from .inspection import text
from .objects import MISSING
from .times import BILLION, Time, moment_of, nanos_of, spaceship, subtract


@define("LogStash::Timestamp", "time")
def timestamp_time(self: Timestamp) -> Time:
    """The moment as a Time."""
    return Time(self.nanos(), utc=True)


_METHODS: dict[str, Callable[..., Any]] = {
    "to_i": lambda self: self.seconds(),
    "tv_sec": lambda self: self.seconds(),
    "to_f": lambda self: self.nanos() / BILLION,
    "usec": lambda self: self.nanos() % BILLION // 1000,
    "tv_usec": lambda self: self.nanos() % BILLION // 1000,
    "nsec": lambda self: self.nanos() % BILLION,
    "to_s": str,
    "to_iso8601": str,
    "year": lambda self: timestamp_time(self).civil()[0],
    "utc": lambda self: self,
    "-": lambda self, other: subtract(timestamp_time(self), other),
    "+": lambda self, other: Timestamp.of_nanos(self.nanos() + nanos_of(other)),
    "==": lambda self, other: moment_of(other) == self.nanos(),
    "<=>": lambda self, other: spaceship(timestamp_time(self), other),
    "to_time": timestamp_time,
}
for _name, _function in _METHODS.items():
    define("LogStash::Timestamp", _name)(
        _function if _function is not str else lambda self: str(self)
    )


def new_timestamp(now: Any) -> Any:
    """``LogStash::Timestamp.new``"""

    def new(value: Any = MISSING) -> Any:
        if value is MISSING or value is None:
            return now()
        if type(value) is Time:
            return Timestamp.of_nanos(value.nanos)
        if type(value) is Timestamp:
            return value
        found = parse_timestamp(text(value))
        if found is None:
            raise ArgumentError(f"invalid time string {text(value)}")
        return found

    return new


@singleton("LogStash::Timestamp", "at")
def timestamp_at(seconds: Any, micros: Any = 0) -> Timestamp:
    """The timestamp of a number of seconds."""
    return Timestamp.of_nanos(nanos_of(seconds) + int(micros * 1000))


@singleton("LogStash::Timestamp", "coerce", "parse_iso8601")
def coerce(value: Any) -> Any:
    """A value as a timestamp."""
    if type(value) is Timestamp or value is None:
        return value
    return Timestamp.of_nanos(value.nanos) if type(value) is Time else parse_timestamp(text(value))
