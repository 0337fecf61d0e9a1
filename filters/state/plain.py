"""State as plain data: what JSON and msgpack can hold, and back.

Instants, sets, tuples, bytes, very large integers and maps with other keys than texts are written
as a map of one mark and their content; a map that looks like one is marked itself.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from ...dsl.timestamp import Timestamp

_MARK = "$"


def plain(value: Any) -> Any:
    """A copy of a value as lists, maps with texts as keys, texts, numbers, booleans and null."""
    kind = type(value)
    if kind is str or kind is float or kind is bool or value is None:
        return value
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 63 else {"$i": str(value)}
    if kind is list:
        return [plain(item) for item in value]
    if kind is dict:
        return _plain_map(value)
    if kind is Timestamp:
        return {"$t": str(value)}
    if kind is tuple:
        return {"$u": [plain(item) for item in value]}
    if kind is bytes or kind is bytearray:
        return {"$b": b64encode(value).decode()}
    if kind is set:
        return {"$s": sorted((plain(item) for item in value), key=repr)}
    raise TypeError(f"a {kind.__name__} cannot be kept in state")


def _plain_map(value: dict[Any, Any]) -> Any:
    if all(type(key) is str and not key.startswith(_MARK) for key in value):
        return {key: plain(item) for key, item in value.items()}
    return {"$m": [[plain(key), plain(item)] for key, item in value.items()]}


def revive(value: Any) -> Any:
    """The value that ``plain`` was given."""
    if type(value) is list:
        return [revive(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((key, content),) = value.items()
        if key in _REVIVED:
            return _REVIVED[key](content)
    return {key: revive(item) for key, item in value.items()}


_REVIVED: dict[str, Any] = {
    "$i": int,
    "$t": Timestamp,
    "$u": lambda items: tuple(map(revive, items)),
    "$b": lambda text: bytearray(b64decode(text)),
    "$s": lambda items: set(map(revive, items)),
    "$m": lambda pairs: {revive(key): revive(item) for key, item in pairs},
}
