"""``pack`` and ``unpack``: values in bytes."""

from __future__ import annotations

import base64 as base64_
import binascii
import re
import struct
from collections.abc import Iterator
from typing import Any

from .comparison import as_bytes
from .dispatch import define
from .errors import (
    ArgumentError,
    NotCompiled,
)
from .inspection import floating, integer, text
from .objects import STRINGS

_FORMATS = {
    "C": "B",
    "c": "b",
    "S": "<H",
    "s": "<h",
    "L": "<I",
    "l": "<i",
    "Q": "<Q",
    "q": "<q",
    "n": ">H",
    "N": ">I",
    "v": "<H",
    "V": "<I",
    "E": "<d",
    "e": "<f",
    "G": ">d",
    "g": ">f",
    "d": "<d",
    "D": "<d",
    "f": "<f",
    "F": "<f",
    "S>": ">H",
    "s>": ">h",
    "L>": ">I",
    "l>": ">i",
    "Q>": ">Q",
    "q>": ">q",
    "I": "<I",
    "i": "<i",
    "J": "<Q",
    "j": "<q",
    "S<": "<H",
    "s<": "<h",
    "L<": "<I",
    "l<": "<i",
    "Q<": "<Q",
    "q<": "<q",
    "I>": ">I",
    "J>": ">Q",
}
_DIRECTIVE = re.compile(r"([a-zA-Z@])([_!<>]*)(\d+|\*)?")


def _directives(template: Any) -> Iterator[tuple[str, Any]]:
    bare = re.sub(r"#.*|\s", "", text(template))
    at = 0
    while at < len(bare):
        found = _DIRECTIVE.match(bare, at)
        if found is None:
            raise ArgumentError(f"unknown unpack directive '{bare[at]}' in '{bare}'")
        count: Any = found[3]
        if count not in (None, "*"):
            count = int(count)
        yield found[1] + found[2].strip("_!"), count
        at = found.end()


@define("String", "unpack")
def unpack(self: Any, template: Any, **options: Any) -> list[Any]:
    """The values that bytes hold."""
    data, at, found = as_bytes(self), 0, list[Any]()
    for kind, count in _directives(template):
        if kind in _FORMATS:
            at = _unpack_numbers(data, at, _FORMATS[kind], count, found)
        elif kind == "U":
            chars = data[at:].decode("utf-8", "surrogateescape")
            taken = chars if count == "*" else chars[: count or 1]
            found += map(ord, taken)
            at += len(taken.encode("utf-8", "surrogateescape"))
        else:
            at = _unpack_text(data, at, kind, count, found)
    return found


def _times(count: Any, all_that_is_left: int) -> int:
    """How many items a directive takes: one, a number, or all that is left."""
    if count == "*":
        return all_that_is_left
    return 1 if count is None else int(count)


def _unpack_numbers(data: bytes, at: int, form: str, count: Any, found: list[Any]) -> int:
    size = struct.calcsize(form)
    number = _times(count, (len(data) - at) // size)
    for _ in range(number):
        if at + size > len(data):
            found.append(None)
            continue
        found += struct.unpack_from(form, data, at)
        at += size
    return at


def _unpack_text(data: bytes, at: int, kind: str, count: Any, found: list[Any]) -> int:
    rest = data[at:]
    if kind in "aAZ":
        taken = rest[: _times(count, len(rest))]
        end = len(taken)
        if kind == "A":
            taken = taken.rstrip(b" \0")
        elif kind == "Z" and b"\0" in taken:
            taken = taken[: taken.index(b"\0")]
            end = len(taken) + 1 if count == "*" else end
        found.append(taken)
        return at + end
    if kind in "HhBb":
        return at + _unpack_digits(rest, kind, count, found)
    if kind == "m":
        found.append(from_base64(rest, strict=count == 0))
        return len(data)
    if kind in "xX@":
        step = _times(count, len(rest))
        return {"x": at + step, "X": at - step, "@": step}[kind]
    if kind == "w":
        raise NotCompiled("unpack of BER integers")
    raise NotCompiled(f"unpack with the directive {kind}")


def from_base64(data: bytes, strict: bool) -> bytes:
    if strict:
        try:
            return base64_.b64decode(data, validate=True)
        except binascii.Error:
            raise ArgumentError("invalid base64") from None
    bare = re.sub(rb"[^A-Za-z0-9+/]", b"", data.split(b"=")[0])
    bare = bare[: len(bare) - 1] if len(bare) % 4 == 1 else bare
    return base64_.b64decode(bare + b"=" * (-len(bare) % 4))


def _unpack_digits(rest: bytes, kind: str, count: Any, found: list[Any]) -> int:
    per = 2 if kind in "Hh" else 8
    most = len(rest) * per
    number = min(_times(count, most), most)
    used = rest[: (number + per - 1) // per]
    shown = used.hex() if per == 2 else "".join([f"{byte:08b}" for byte in used])
    if kind in "hb":
        shown = "".join([shown[at : at + per][::-1] for at in range(0, len(shown), per)])
    found.append(shown[:number])
    return len(used)


@define("String", "unpack1")
def unpack1(self: Any, template: Any, **options: Any) -> Any:
    """The first value that bytes hold."""
    found = unpack(self, template)
    return found[0] if found else None


@define("Array", "pack")
def pack(self: list[Any], template: Any, **options: Any) -> Any:
    """Values as bytes."""
    made, at = bytearray(), 0
    directives = list(_directives(template))
    for kind, count in directives:
        if kind in _FORMATS or kind == "U":
            number = _times(count, len(self) - at)
            made += b"".join([_packed(kind, value) for value in _taken(self, at, number)])
            at += number
        elif kind == "x":
            made += b"\0" * _times(count, 0)
        else:
            made += _packed_text(kind, count, _taken(self, at, 1)[0])
            at += 1
    is_text = bool(directives) and directives[0][0] in ("U", "m")
    return bytes(made).decode("utf-8", "surrogateescape") if is_text else bytes(made)


def _taken(values: list[Any], at: int, count: int) -> list[Any]:
    if at + count > len(values):
        raise ArgumentError("too few arguments")
    return values[at : at + count]


def _packed(kind: str, value: Any) -> bytes:
    if kind == "U":
        return chr(integer(value)).encode()
    form = _FORMATS[kind]
    size = struct.calcsize(form)
    if form[-1] in "df":
        return struct.pack(form, floating(value))
    number = integer(value) % (1 << size * 8)
    return number.to_bytes(size, "big" if form[0] == ">" else "little")


def _packed_text(kind: str, count: Any, value: Any) -> bytes:
    if kind not in "aAZHhBbm":
        raise NotCompiled(f"pack with the directive {kind}")
    if type(value) not in STRINGS and value is not None:
        text(value)
    data = b"" if value is None else as_bytes(value)
    if kind in "aAZ":
        if count == "*":
            return data + (b"\0" if kind == "Z" else b"")
        number = 1 if count is None else count
        return data[:number].ljust(number, b" " if kind == "A" else b"\0")
    if kind in "HhBb":
        return _packed_digits(kind, count, data.decode("latin-1"))
    if count == 0:
        return base64_.b64encode(data)
    step = max((45 if count in (None, "*") else count) // 3 * 3, 3)
    return b"".join(
        base64_.b64encode(data[at : at + step]) + b"\n" for at in range(0, len(data), step)
    )


def _packed_digits(kind: str, count: Any, digits: str) -> bytes:
    number = _times(count, len(digits))
    digits = digits[:number]
    per, base = (2, 16) if kind in "Hh" else (8, 2)
    made = bytearray()
    for at in range(0, len(digits), per):
        part = digits[at : at + per].ljust(per, "0")
        made.append(int(part[::-1] if kind in "hb" else part, base))
    return bytes(made)
