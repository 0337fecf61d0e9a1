"""Data from formats that know more than events do: maps with any keys, bytes, dates, decimals."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

from ...dsl.timestamp import Timestamp
from ._ruby import escaped_bytes

_DEEPEST = 500


def at_home(value: Any, depth: int = 0) -> Any:
    """The value as an event holds it: keys are text, bytes are text, dates are instants. Raises
    ValueError if it is nested deeper than 500 levels.
    """
    kind = type(value)
    if kind in (str, int, float, bool) or value is None or kind is Timestamp:
        return value
    if depth > _DEEPEST:
        raise ValueError("the data is nested too deep")
    if isinstance(value, dict):
        return {_key(key): at_home(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [at_home(item, depth + 1) for item in value]
    return _scalar(value)


def _key(key: Any) -> str:
    if type(key) is str:
        return key
    return text_of(key) if isinstance(key, bytes | bytearray | memoryview) else str(key)


def _scalar(value: Any) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return text_of(value)
    if isinstance(value, datetime.datetime):
        return Timestamp.of(value)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


def text_of(data: bytes | bytearray | memoryview) -> str:
    """Bytes as text; what is not valid UTF-8 is escaped."""
    data = bytes(data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return escaped_bytes(data)
