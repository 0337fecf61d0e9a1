"""What values of an event mean: as text, as truth, as equals. Numbers and text are told apart as
Java tells them.

Logstash writes numbers in two notations. What a template fills in is Java's (``to_text``: 1.0E16);
what a filter makes a string with ``to_s`` is JRuby's (``ruby_text``: 10000000000000000.0).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import Any

from .timestamp import Timestamp

SMALL_INTEGERS = {str(number): number for number in range(1000)}
"""Texts of numbers as most logs have them, statuses and well-known ports among them: to look one up
takes a fifth of what it takes to convert it.
"""


def to_text(value: Any) -> str:
    """A value as a template shows it: lists joined with commas, maps as JSON, maps in lists as Java
    prints them, numbers as well, null as nothing.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int:
        return str(value)
    if kind is Timestamp:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return float_text(value)
    if value is None:
        return ""
    if kind is list:
        return ",".join(
            [java_text(item) if type(item) is dict else to_text(item) for item in value]
        )
    return json_text(value)


def java_text(value: Any) -> str:
    """A value as Java's ``toString`` shows it: {k=v, l=[1, 2], n=null}."""
    if type(value) is dict:
        pairs = java_map(value).items()
        return "{" + ", ".join([f"{key}={java_text(item)}" for key, item in pairs]) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(java_text, value)) + "]"
    return "null" if value is None else to_text(value)


def float_text(value: float) -> str:
    """A float in the form of Java's Double.toString: 1.0E21, 1.0E-7, NaN, Infinity."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + exponent - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def json_text(value: Any) -> str:
    """A value as compact JSON, floats in Java's notation; numbers that JSON does not have are
    strings: "Infinity".
    """
    if _is_written_alike(value):
        return _dumps(value)
    if type(value) is dict:
        pairs = [f"{_dumps(str(key))}:{json_text(item)}" for key, item in value.items()]
        return "{" + ",".join(pairs) + "}"
    if type(value) is list:
        return "[" + ",".join(map(json_text, value)) + "]"
    return float_text(value) if is_finite(value) else _dumps(float_text(value))


_dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), default=str)


def _is_written_alike(value: Any) -> bool:
    """Whether Python and Java write all floats of a value alike."""
    kind = type(value)
    if kind is float:
        return bool(value == 0 or 1e-3 <= abs(value) < 1e7)
    if kind is dict:
        return all(map(_is_written_alike, value.values()))
    return kind is not list or all(map(_is_written_alike, value))


def in_java_order(entries: dict[str, Any], buckets: int = 16) -> dict[str, Any]:
    """The entries of a hash in the order in which Logstash's options come out of a Java HashMap.

    It decides which field of a grok goes first, and which of two renames. Source:
    java.util.HashMap, whose table doubles when it is three quarters full and is walked bucket by
    bucket.
    """
    if len(entries) < 2:
        return entries
    while len(entries) > buckets * 3 // 4:
        buckets *= 2
    return dict(sorted(entries.items(), key=lambda entry: _java_hash(entry[0]) & (buckets - 1)))


def _java_hash(text: str) -> int:
    value = 0
    for unit in _units(text):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value ^ value >> 16


def _units(text: str) -> Iterable[int]:
    """The units of a text in UTF-16."""
    if text.isascii():
        return text.encode()
    units = text.encode("utf-16-be", "surrogatepass")
    return [high << 8 | low for high, low in zip(units[::2], units[1::2], strict=True)]


def java_map(entries: dict[str, Any]) -> dict[str, Any]:
    """A map of an event in the order of the Java HashMap that it is made for a template: its table
    is as large as the number of entries asks for, and doubled when it is three quarters full.
    """
    return in_java_order(entries, 1 << max(len(entries) - 1, 0).bit_length())


def is_finite(value: Any) -> bool:
    """Whether all numbers in a value are finite."""
    kind = type(value)
    if kind is float:
        return value - value == 0  # type: ignore[no-any-return]
    if kind is not dict and kind is not list:
        return True
    for item in value.values() if kind is dict else value:
        kind = type(item)
        if kind is float:
            if item - item != 0:
                return False
        elif (kind is dict or kind is list) and not is_finite(item):
            return False
    return True


def finite(value: Any) -> Any:
    """The value with infinities and NaN as text: Infinity, -Infinity, NaN."""
    kind = type(value)
    if kind is float:
        return value if value - value == 0 else float_text(value)
    if kind is dict:
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if kind is list else value


def is_true(value: Any) -> bool:
    """The truth of a field in a condition: not for missing, null, false, the text "false" and empty
    text.
    """
    if value is None or value is False:
        return False
    return not (type(value) is str and (value == "" or value == "false"))


def equal(left: Any, right: Any) -> bool:
    """Equality that tells 1 from 1.0, from true and from "1"; null equals null."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is list:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind is dict:
        return left.keys() == right.keys() and all(
            equal(item, right[key]) for key, item in left.items()
        )
    return bool(left == right)


def contains(container: Any, value: Any) -> bool:
    """``value in container`` where both are fields: a part of a text, an item of a list, or the
    same scalar. Whether a field that reads as None is there is for the caller to say.
    """
    if type(value) in (dict, list) or type(container) is dict:
        return False
    if type(container) is list:
        return any(equal(value, item) for item in container)
    if isinstance(container, str) and isinstance(value, str):
        return str(value) in str(container)
    return equal(value, container)


def compare(left: Any, right: Any) -> int | None:
    """-1, 0 or 1 as left is less than, equal to or greater than right; None where they cannot be
    compared.
    """
    numbers, texts = type(left) in (int, float), isinstance(left, str)
    if (
        not ((numbers and type(right) in (int, float)) or (texts and isinstance(right, str)))
        or left != left
        or right != right
    ):
        return None
    return int(left > right) - int(left < right)


def copy(value: Any) -> Any:
    """A deep copy of plain data; texts, numbers and timestamps are shared."""
    try:
        return _copied(value)
    except RecursionError:
        return rebuilt(value, lambda leaf: leaf)


def copier(value: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """What makes deep copies of a map of plain data, for many of them: maps that hold texts and
    numbers alone, or such a map in a map, take a third of the time of ``copy``.
    """
    copied = value.copy
    held = [(key, item) for key, item in value.items() if type(item) in _HOLDERS]
    if not held:
        return copied
    if len(held) > 1 or type(held[0][1]) is not dict:
        return lambda: _copied(value)
    inner_key, inner = held[0]
    inner_copied = copier(inner)
    if len(value) == 1:
        return lambda: {inner_key: inner_copied()}

    def made() -> dict[str, Any]:
        outer = copied()
        outer[inner_key] = inner_copied()
        return outer

    return made


def plain(value: Any) -> Any:
    """A deep copy in which timestamps are text."""
    try:
        return _plain(value)
    except RecursionError:
        return rebuilt(value, lambda leaf: str(leaf) if type(leaf) is Timestamp else leaf)


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        copied = value.copy()
        for key, item in value.items():
            if type(item) in _HOLDERS:  # most are not, and cost no call
                copied[key] = _copied(item)
        return copied
    if kind is list:
        return [_copied(item) if type(item) in _HOLDERS else item for item in value]
    return value


_HOLDERS = (dict, list)


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if kind is list:
        return [_plain(item) for item in value]
    return str(value) if kind is Timestamp else value


def rebuilt(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A deep copy of what nests deeper than Python's stack: level by level."""
    top: list[Any] = [value]
    waiting: list[tuple[Any, Any]] = [(top, 0)]
    while waiting:
        holder, at = waiting.pop()
        found = holder[at]
        if type(found) is dict:
            holder[at] = made = dict(found)
            waiting += [(made, key) for key in made]
        elif type(found) is list:
            holder[at] = items = list(found)
            waiting += [(items, number) for number in range(len(items))]
        else:
            holder[at] = leaf(found)
    return top[0]


def ruby_text(value: Any) -> str:
    """A value as Ruby's ``to_s`` shows it: lists and maps in Ruby's own notation, floats as JRuby
    writes them. Templates use ``to_text``.
    """
    kind = type(value)
    if kind is float:
        return ruby_float(value)
    return _inspect(value) if kind is list or kind is dict else to_text(value)


def ruby_float(value: float) -> str:
    """A float as JRuby's ``to_s`` shows it: with an exponent below 0.0001 and from 1.0e+20 on,
    where C Ruby has one from 1.0e+16 on.
    """
    if value - value != 0 or 1e-4 <= abs(value) < 1e16 or value == 0:
        return float_text(value) if value - value != 0 else repr(value)
    if 1e16 <= abs(value) < 1e20:
        return f"{Decimal(repr(value)):f}.0"
    mantissa, _, power = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{power}"


def _inspect(value: Any) -> str:
    kind = type(value)
    if kind is list:
        return "[" + ", ".join(map(_inspect, value)) + "]"
    if kind is dict:
        pairs = [f"{_inspect(key)}=>{_inspect(item)}" for key, item in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if kind is str:
        return json.dumps(value, ensure_ascii=False)
    return "nil" if value is None else ruby_text(value)
