"""What operators and control structures of compiled code call, with a short way for numbers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

from ..guard import MatchTimeout
from .arrays import item as array_item
from .classes import RubyClass
from .comparison import case_equal
from .dispatch import Dispatch
from .enumerables import is_true, iterate
from .errors import LocalJumpError, NameError_, RubyException
from .functions import array_of
from .inspection import to_s
from .objects import STRINGS, MatchData, Proc, Range, Regexp, Symbol
from .patterns import LAST

_NUMBERS = frozenset({int, float})
_PLUS, _MINUS, _TIMES, _OVER = Dispatch("+"), Dispatch("-"), Dispatch("*"), Dispatch("/")
_LESS, _LESS_EQUAL = Dispatch("<"), Dispatch("<=")
_MORE, _MORE_EQUAL = Dispatch(">"), Dispatch(">=")
_ITEM, _SET_ITEM = Dispatch("[]"), Dispatch("[]=")


def plus(a: Any, b: Any) -> Any:
    """``a + b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a + b
    return _PLUS[type(a)](a, b)


def minus(a: Any, b: Any) -> Any:
    """``a - b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a - b
    return _MINUS[type(a)](a, b)


def times(a: Any, b: Any) -> Any:
    """``a * b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a * b
    return _TIMES[type(a)](a, b)


def over(a: Any, b: Any) -> Any:
    """``a / b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS and b:
        return a // b if type(a) is int and type(b) is int else a / b
    return _OVER[type(a)](a, b)


def less(a: Any, b: Any) -> Any:
    """``a < b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a < b
    return _LESS[type(a)](a, b)


def less_equal(a: Any, b: Any) -> Any:
    """``a <= b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a <= b
    return _LESS_EQUAL[type(a)](a, b)


def more(a: Any, b: Any) -> Any:
    """``a > b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a > b
    return _MORE[type(a)](a, b)


def more_equal(a: Any, b: Any) -> Any:
    """``a >= b``"""
    if type(a) in _NUMBERS and type(b) in _NUMBERS:
        return a >= b
    return _MORE_EQUAL[type(a)](a, b)


def item(a: Any, key: Any) -> Any:
    """``a[key]``"""
    kind = type(a)
    if kind is dict and type(key) in (str, Symbol):
        return a.get(key)
    if kind is list and type(key) is int:
        return array_item(a, key)
    return _ITEM[kind](a, key)


def set_item(a: Any, key: Any, value: Any) -> Any:
    """``a[key] = value``"""
    _SET_ITEM[type(a)](a, key, value)
    return value


def matches(expression: Regexp, value: Any) -> bool:
    """``when /expression/``"""
    if type(value) not in STRINGS and type(value) is not Symbol:
        return False
    given = value.name if type(value) is Symbol else to_s(value)
    found = expression.pattern.search(given)
    LAST.match = None if found is None else MatchData(found, expression)
    return found is not None


def any_case(patterns: Any, value: Any) -> bool:
    """``when *patterns``"""
    return any(is_true(case_equal(pattern, value)) for pattern in array_of(patterns))


def spread(value: Any) -> list[Any]:
    """What several variables are assigned of one value."""
    return value if type(value) is list else [value]


def nth(values: list[Any], at: int) -> Any:
    """The value at a place of a multiple assignment; nil where there is none."""
    return values[at] if -len(values) <= at < len(values) else None


def rest(values: list[Any], before: int, after: int) -> list[Any]:
    """What a splat of a multiple assignment takes."""
    return values[before : max(len(values) - after, before)]


def tail(values: list[Any], before: int, after: int, at: int) -> Any:
    """The value at a place behind a splat."""
    start = max(len(values) - after, before)
    return nth(values, start + at) if start + at < len(values) else None


def yielded(block: Proc | None, *values: Any, **named: Any) -> Any:
    """``yield``"""
    if block is None:
        raise LocalJumpError("no block given (yield)")
    return block.call(*values, **named)


def is_rescued(error: RubyException, classes: Any) -> bool:
    """Whether a ``rescue`` with classes given as values takes an exception."""
    return any(cls.holds(error) for cls in array_of(classes) if type(cls) is RubyClass)


def undefined(name: str, is_call: bool) -> Any:
    """A name that means nothing."""
    if is_call:
        from .errors import NoMethodError

        raise NoMethodError(f"undefined method `{name}' for main:Object")
    raise NameError_(f"undefined local variable or method `{name}' for main:Object")


def constant(constants: dict[str, Any], name: str) -> Any:
    """A constant of the code's own."""
    if name not in constants:
        raise NameError_(f"uninitialized constant {name}")
    return constants[name]


def string_of(parts: list[Any]) -> str:
    """An interpolated string."""
    return "".join(map(to_s, parts))


def loop_items(value: Any) -> Iterable[Any]:
    """What a ``for`` runs over."""
    if type(value) is Range and value.last is None:
        return iterate(value)
    return list(iterate(value))


class Budget(threading.local):
    """How long the loops of one event may take, in seconds; 0 for no limit."""

    seconds: float = 0.0
    steps: int = 0
    since: float = 0.0

    def renew(self, seconds: float) -> None:
        """Begin anew, for another event."""
        self.steps, self.seconds = 0, seconds


BUDGET = Budget()
_EACH = 1024


def tick() -> None:
    """One turn of a loop; raises MatchTimeout when the loops of an event take too long."""
    budget = BUDGET
    budget.steps += 1
    if budget.steps % _EACH or not budget.seconds:
        return
    now = time.thread_time()
    if budget.steps == _EACH:
        budget.since = now
    elif now - budget.since > budget.seconds:
        raise MatchTimeout(f"the code's loops took longer than {budget.seconds:g} s")
