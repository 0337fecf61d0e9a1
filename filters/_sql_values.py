"""What a database gives as what an event holds: numbers, text, lists and maps as they are, instants
as timestamps.

A time without a zone is meant in the platform's, as Logstash takes it; a date is its midnight
there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from ..dsl.joda.zones import Zone, find_zone, platform_zone
from ..dsl.timestamp import Timestamp

Reader = Callable[[Any], Any]

_PLAIN = frozenset({str, int, float, bool, type(None)})
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)


def value_reader(settings: Mapping[str, Any]) -> Reader:
    """The function that reads values of a database, with the platform's zone of these settings."""
    zone = find_zone(str(settings.get("penstock.timezone"))) or platform_zone()

    def read(value: Any) -> Any:
        if type(value) in _PLAIN:
            return value
        if isinstance(value, date | time):
            return _moment(value, zone)
        if isinstance(value, Mapping):
            return {str(key): read(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [read(item) for item in value]
        return _other(value)

    return read


def _moment(value: date | time, zone: Zone) -> str:
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, datetime) and value.tzinfo is not None:
        return Timestamp.of(value)
    naive = value if isinstance(value, datetime) else datetime.combine(value, time())
    micros = (naive - _EPOCH) // _MICROSECOND
    millis = zone.to_utc(micros // 1000)
    if millis is None:  # clocks skip it: taken by the offset of before
        millis = micros // 1000 - zone.offset_at(micros // 1000 - 86_400_000)
    return Timestamp.of_nanos((millis * 1000 + micros % 1000) * 1000)


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        exponent = value.as_tuple().exponent
        return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, int):  # of a subclass, an enumeration say
        return int(value)
    return float(value) if isinstance(value, float) else str(value)


def parameter(value: Any) -> Any:
    """A field's value as a parameter of a statement: an instant as such, other values as they are.
    Raises ValueError for a map, and for an instant beyond the calendar of databases.
    """
    if type(value) is Timestamp:
        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value.nanos() // 1000)
        except OverflowError as error:
            raise ValueError(f"`{value}` is out of the range of dates") from error
    if type(value) is dict:
        raise ValueError("a map cannot be a parameter")
    return value
