"""Ruby's Marshal format, version 4.8: how Logstash keeps values in memcached, read and written.

Read is what events hold: nil, truth values, numbers, text, symbols (as text), lists and hashes;
objects of other classes are not. A text stands with an instance variable that says its encoding.
Text, big numbers, floats, lists and hashes are numbered as they come, symbols apart from them, and
may be meant again by their number.

Source: the documentation of Ruby, doc/marshal.rdoc.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..dsl.diagnostics import PenstockError
from ..dsl.values import to_text

HEAD = b"\x04\x08"
DEEPEST = 100
"""How many lists and hashes may stand in each other."""

_MOST_REPEATED = 1 << 24


class MarshalError(PenstockError, ValueError):
    """Bytes that are not in the format, or hold an object of a class that events have no place
    for.
    """


def load(data: bytes) -> Any:
    """The value that bytes hold; raises MarshalError."""
    if data[:2] != HEAD:
        raise MarshalError("this is not Ruby's Marshal format")
    reader = _Reader(data)
    try:
        return reader.value(0)
    except (IndexError, ValueError, OverflowError) as error:
        raise (
            error
            if isinstance(error, MarshalError)
            else MarshalError(f"the value is damaged: {error}")
        ) from None


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 2
        self._symbols: list[str] = []
        self._objects: list[Any] = []
        self._repeated = 0
        self._kinds: dict[bytes, Callable[[int], Any]] = {
            b"0": lambda depth: None,
            b"T": lambda depth: True,
            b"F": lambda depth: False,
            b"i": lambda depth: self._integer(),
            b"l": lambda depth: self._kept(self._big()),
            b"f": lambda depth: self._kept(_float(self._bytes())),
            b'"': lambda depth: self._kept(self._bytes().decode("utf-8", "replace")),
            b":": lambda depth: self._symbol(),
            b";": lambda depth: self._symbols[self._count()],
            b"@": lambda depth: self._again(self._objects[self._count()]),
            b"I": self._with_variables,
            b"[": self._list,
            b"{": self._hash,
        }

    def value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise MarshalError("the value is nested too deep")
        kind = self._take(1)
        read = self._kinds.get(kind)
        if read is None:
            raise MarshalError(f"events cannot hold a value of this type: {kind!r}")
        return read(depth)

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise MarshalError("the value is truncated")
        self._at += count
        return taken

    def _integer(self) -> int:
        first = int.from_bytes(self._take(1), "little", signed=True)
        if -5 < first < 5:
            size = abs(first)
            number = int.from_bytes(self._take(size), "little")
            return number if first >= 0 else number - (1 << 8 * size)
        return first - 5 if first > 0 else first + 5

    def _count(self) -> int:
        count = self._integer()
        if count < 0:
            raise MarshalError("a length is negative")
        return count

    def _bytes(self) -> bytes:
        return self._take(self._count())

    def _kept(self, value: Any) -> Any:
        self._objects.append(value)
        return value

    def _again(self, value: Any) -> Any:
        """A value that is meant once more: a scalar, as a list or a hash could hold itself."""
        if type(value) in (list, dict):
            raise MarshalError("the value contains the same list or hash twice")
        self._repeated += len(value) if type(value) is str else 1
        if self._repeated > _MOST_REPEATED:
            raise MarshalError("the value has too many repeated references")
        return value

    def _big(self) -> int:
        sign = self._take(1)
        size = int.from_bytes(self._take(2 * self._count()), "little")
        return -size if sign == b"-" else size

    def _symbol(self) -> str:
        self._symbols.append(self._bytes().decode("utf-8", "replace"))
        return self._symbols[-1]

    def _with_variables(self, depth: int) -> Any:
        place = len(self._objects)
        start = self._at
        value = self.value(depth + 1)
        for _ in range(self._count()):
            name, held = self.value(depth + 1), self.value(depth + 1)
            if name == "encoding" and isinstance(value, str):
                value = self._objects[place] = self._decoded(start, str(held))
        return value

    def _decoded(self, start: int, encoding: str) -> str:
        """The text that was read from a place, in another encoding than UTF-8."""
        end, self._at = self._at, start + 1
        data, self._at = self._bytes(), end
        try:
            return data.decode(encoding, "replace")
        except LookupError:
            return data.decode("utf-8", "replace")

    def _list(self, depth: int) -> list[Any]:
        items: list[Any] = self._kept([])
        for _ in range(self._count()):
            items.append(self.value(depth + 1))
        return items

    def _hash(self, depth: int) -> dict[str, Any]:
        pairs: dict[str, Any] = self._kept({})
        for _ in range(self._count()):
            key = self.value(depth + 1)
            pairs[key if type(key) is str else to_text(key)] = self.value(depth + 1)
        return pairs


def _float(text: bytes) -> float:
    return float(text.split(b"\0")[0])


def dump(value: Any) -> bytes:
    """A value of an event as bytes; raises MarshalError for one that nests too deep or is of no
    type that events have.
    """
    return HEAD + b"".join(_Writer().parts(value, 0))


class _Writer:
    def __init__(self) -> None:
        self._knows_encoding = False

    def parts(self, value: Any, depth: int) -> list[bytes]:
        if depth > DEEPEST:
            raise MarshalError("the value is nested too deep")
        if isinstance(value, str):
            return [self._text(value)]
        if isinstance(value, list):
            return [
                b"[",
                _integer(len(value)),
                *[part for item in value for part in self.parts(item, depth + 1)],
            ]
        if isinstance(value, dict):
            inner = [
                part
                for pair in value.items()
                for item in pair
                for part in self.parts(item, depth + 1)
            ]
            return [b"{", _integer(len(value)), *inner]
        return [_scalar(value)]

    def _text(self, text: str) -> bytes:
        data = text.encode("utf-8", "replace")
        name = b";\0" if self._knows_encoding else b":\x06E"
        self._knows_encoding = True
        return b'I"' + _integer(len(data)) + data + b"\x06" + name + b"T"


_CONSTANTS = {None: b"0", True: b"T", False: b"F"}


def _scalar(value: Any) -> bytes:
    if value is None or type(value) is bool:
        return _CONSTANTS[value]
    if isinstance(value, int):
        return b"i" + _integer(value) if -(1 << 30) <= value < 1 << 30 else _big(value)
    if isinstance(value, float):
        text = repr(value).encode()
        return b"f" + _integer(len(text)) + text
    raise MarshalError(f"a {type(value).__name__} cannot be stored")


def _integer(number: int) -> bytes:
    if number == 0:
        return b"\0"
    if -124 < number < 123:
        return (number + 5 if number > 0 else number - 5).to_bytes(1, "little", signed=True)
    size = (number.bit_length() + 7) // 8 if number > 0 else ((~number).bit_length() + 7) // 8
    body = (number & (1 << 8 * size) - 1).to_bytes(size, "little")
    return (size if number > 0 else -size).to_bytes(1, "little", signed=True) + body


def _big(number: int) -> bytes:
    shorts = (abs(number).bit_length() + 15) // 16
    return (
        b"l"
        + (b"+" if number > 0 else b"-")
        + _integer(shorts)
        + abs(number).to_bytes(2 * shorts, "little")
    )
