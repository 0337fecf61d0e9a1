"""When values are equal, and which comes first: ``==``, ``eql?``, ``<=>``, ``===``."""

from __future__ import annotations

from functools import cmp_to_key
from typing import Any

from ..timestamp import Timestamp
from .dispatch import METHODS, class_for
from .errors import ArgumentError
from .inspection import class_name, inspect
from .objects import STRINGS, Hash, MutStr, Proc, Range, Regexp, Set, Symbol, key_of

_NUMBERS = frozenset({int, float})


def equal(a: Any, b: Any) -> bool:
    """Ruby's ``==``."""
    kind, other = type(a), type(b)
    if kind is other:
        if kind is list:
            return len(a) == len(b) and all(map(equal, a, b))
        if kind is dict or kind is Hash:
            return _equal_hashes(a, b)
        return bool(a == b)
    if kind in _NUMBERS:
        return other in _NUMBERS and a == b
    if kind in STRINGS:
        return other in STRINGS and _equal_strings(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return _equal_hashes(a, b)
    return False


def _equal_strings(a: Any, b: Any) -> bool:
    a, b = raw(a), raw(b)
    if type(a) is type(b):
        return bool(a == b)
    text, data = (a, b) if type(a) is str else (b, a)
    return text.isascii() and text.encode() == data


def raw(value: Any) -> Any:
    """What a string holds: ``str`` or ``bytes``."""
    return value.s if type(value) is MutStr else value


def _equal_hashes(a: dict[Any, Any], b: dict[Any, Any]) -> bool:
    if len(a) != len(b):
        return False
    return all(key in b and equal(item, b[key]) for key, item in a.items())


def same(a: Any, b: Any) -> bool:
    """Ruby's ``eql?``: 1 and 1.0 differ."""
    return bool(key_of(a) == key_of(b))


def compare(a: Any, b: Any) -> int | None:
    """Ruby's ``<=>``: None where there is no order."""
    kind, other = type(a), type(b)
    if kind in _NUMBERS and other in _NUMBERS:
        return None if a != a or b != b else (a > b) - (a < b)
    if kind in STRINGS and other in STRINGS:
        return _compare_strings(raw(a), raw(b))
    if kind is list and other is list:
        return _compare_lists(a, b)
    if kind is Timestamp and other is Timestamp:
        return int(a > b) - int(a < b)
    own = METHODS.get(class_for(kind), {}).get("<=>")
    if own is not None and kind not in _NUMBERS and kind not in STRINGS:
        found: int | None = own(a, b)
        return found
    return 0 if a is b or (kind is other and equal(a, b)) else None


def _compare_strings(a: Any, b: Any) -> int:
    if type(a) is not type(b) or (type(a) is str and not (a.isascii() and b.isascii())):
        a, b = as_bytes(a), as_bytes(b)
    return int(a > b) - int(a < b)


def as_bytes(value: Any) -> bytes:
    """The bytes of a string."""
    value = raw(value)
    return value if type(value) is bytes else value.encode("utf-8", "surrogateescape")


def _compare_lists(a: list[Any], b: list[Any]) -> int | None:
    for one, other in zip(a, b, strict=False):
        found = compare(one, other)
        if found != 0:
            return found
    return (len(a) > len(b)) - (len(a) < len(b))


def ordered(a: Any, b: Any) -> int:
    """``<=>`` where there must be an order; raises ArgumentError."""
    found = compare(a, b)
    if found is None:
        raise incomparable(a, b)
    return found


def incomparable(a: Any, b: Any) -> Exception:
    """What a comparison raises that has no answer."""
    special = b is None or b is True or b is False or type(b) in _NUMBERS or type(b) is Symbol
    shown = inspect(b) if special else class_name(b)
    return ArgumentError(f"comparison of {class_name(a)} with {shown} failed")


order_key = cmp_to_key(lambda a, b: -ordered(b, a))
"""The key of an order: Python asks whether the later item is less, Ruby compares from the front."""


def sorted_by_value(items: list[Any]) -> list[Any]:
    """Items in their order."""
    kinds = set(map(type, items))
    if kinds == {str} and all(map(str.isascii, items)):
        return sorted(items)
    if kinds == {int}:
        return sorted(items)
    return sorted(items, key=order_key)


def case_equal(pattern: Any, value: Any) -> Any:
    """Ruby's ``===``, as ``case`` and ``grep`` ask it."""
    kind = type(pattern)
    if kind is Range:
        return range_covers(pattern, value)
    if kind is Regexp:
        return METHODS["Regexp"]["==="](pattern, value)
    if kind is Proc:
        return pattern.call(value)
    if kind is Set:
        return key_of(value) in pattern.items
    own = METHODS.get(class_for(kind), {}).get("===")
    return own(pattern, value) if own is not None else equal(pattern, value)


def range_covers(span: Range, value: Any) -> bool:
    """Whether a value lies in a range, by comparison."""
    if span.first is not None:
        low = compare(span.first, value)
        if low is None or low > 0:
            return False
    if span.last is None:
        return True
    high = compare(value, span.last)
    return high is not None and (high < 0 or (high == 0 and not span.exclusive))
