"""Exceptions of Python's own as the ones that Ruby would have raised."""

from __future__ import annotations

import re

from ..guard import MatchTimeout
from .errors import (
    ArgumentError,
    Jump,
    LocalJumpError,
    NoMemoryError,
    NotCompiled,
    RangeError,
    RubyException,
    StandardError,
    SystemStackError,
    UncaughtThrowError,
    ZeroDivisionError_,
)
from .inspection import inspect

_ARITY = re.compile(r"takes (?:from )?(\d+)(?: to (\d+))? positional arguments? but (\d+)")
_MISSING = re.compile(r"missing (\d+) required positional")


def rescued(error: Exception) -> RubyException:
    """The exception that a ``rescue`` sees. Raises what is none of Ruby's business again."""
    if isinstance(error, RubyException):
        return error
    if isinstance(error, MatchTimeout | NotCompiled):
        raise error
    return translated(error)


def translated(error: BaseException) -> RubyException:
    """An exception of Python's own as the one that Ruby would have raised."""
    made = _translated(error)
    made.__cause__ = error
    return made


def _translated(error: BaseException) -> RubyException:
    if isinstance(error, Jump):
        return _lost(error)
    if isinstance(error, RecursionError):
        return SystemStackError("stack level too deep")
    if isinstance(error, MemoryError):
        return NoMemoryError("failed to allocate memory")
    if isinstance(error, ZeroDivisionError):
        return ZeroDivisionError_("divided by 0")
    if isinstance(error, TypeError) and "argument" in str(error):
        return ArgumentError(_arity_text(str(error)))
    if isinstance(error, OverflowError):
        return RangeError(str(error))
    return StandardError(str(error))


def _lost(jump: Jump) -> RubyException:
    """What a jump is that has nowhere to go."""
    if type(jump.tag) is tuple:
        return UncaughtThrowError(f"uncaught throw {inspect(jump.tag[1])}")
    return LocalJumpError("unexpected return or break out of a block")


def _arity_text(text: str) -> str:
    found = _ARITY.search(text)
    if found is not None:
        own = 0 if re.match(r"(?:u_|b\d)", text) else 1  # the receiver, which Ruby does not count
        least, most, given = [None if n is None else str(int(n) - own) for n in found.groups()]
        expected = f"{least}..{most}" if most else least
        return f"wrong number of arguments (given {given}, expected {expected})"
    found = _MISSING.search(text)
    if found is not None:
        names = re.findall(r"'([^']+)'", text)
        return f"wrong number of arguments (given 0, expected {max(int(found[1]), len(names))})"
    named = re.search(r"missing \d+ required keyword-only arguments?: '(?:v_)?(\w+)'", text)
    if named is not None:
        return f"missing keyword: :{named[1]}"
    named = re.search(r"unexpected keyword argument '(?:v_)?(\w+)'", text)
    return f"unknown keyword: :{named[1]}" if named else text
