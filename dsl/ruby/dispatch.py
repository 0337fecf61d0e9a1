"""Which function a method of a class is, and how a call finds it.

Every module of methods registers its functions here, by class and name. Compiled code has one
``Dispatch`` for each name that it calls: a dict from Python's type to the function, filled as types
are met, so that a call costs one look-up.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from .errors import EXCEPTIONS, NoMethodError, NotCompiled, RubyException
from .objects import (
    MISSING,
    Enumerator,
    Hash,
    MatchData,
    MutStr,
    Proc,
    Range,
    Regexp,
    Set,
    Symbol,
)

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

_above: dict[str, Function] = {}
"""What modules above this one give it: how a receiver is described, and a method made one for
strings that change in place.
"""


def given_to_dispatch(function: F) -> F:
    """Give a function to this module, under its own name."""
    _above[function.__name__] = function
    return function


METHODS: dict[str, dict[str, Function]] = {}
"""The methods of each class of Ruby's."""

SINGLETONS: dict[str, dict[str, Function]] = {}
"""The methods of classes and modules themselves: ``Time.at``, ``JSON.parse``."""

CONSTANTS: dict[str, Any] = {}
"""Values with a name: ``Float::INFINITY``."""

PRIVATE = frozenset(
    [
        "Array",
        "Float",
        "Hash",
        "Integer",
        "String",
        "abort",
        "binding",
        "caller",
        "catch",
        "eval",
        "exec",
        "exit",
        "fork",
        "format",
        "gets",
        "lambda",
        "load",
        "loop",
        "open",
        "p",
        "print",
        "printf",
        "proc",
        "putc",
        "puts",
        "raise",
        "rand",
        "require",
        "select",
        "sleep",
        "sprintf",
        "srand",
        "system",
        "test",
        "throw",
        "trap",
        "warn",
    ]
)
"""Functions that every object has, but not for calls with a receiver."""

WITHOUT: dict[str, frozenset[str]] = {"Object": frozenset()}
"""Methods that Ruby has for a class and that are not compiled."""

_ENUMERATING: set[Function] = set()
_TAKING_BLOCKS: set[Function] = set()
_MUTATING: set[Function] = set()

CLASS_OF: dict[type, str] = {
    type(None): "NilClass",
    bool: "Boolean",
    int: "Integer",
    float: "Float",
    str: "String",
    bytes: "String",
    MutStr: "String",
    Symbol: "Symbol",
    list: "Array",
    dict: "Hash",
    Hash: "Hash",
    Set: "Set",
    Range: "Range",
    Proc: "Proc",
    Regexp: "Regexp",
    MatchData: "MatchData",
    Enumerator: "Enumerator",
    RubyException: "Exception",
}
"""The class that has the methods of a type."""

ANCESTORS: dict[str, tuple[str, ...]] = {
    "NilClass": (),
    "Boolean": (),
    "Integer": ("Numeric", "Comparable"),
    "Float": ("Numeric", "Comparable"),
    "String": ("Comparable",),
    "Symbol": ("Comparable",),
    "Array": ("Enumerable",),
    "Hash": ("Enumerable",),
    "Set": ("Enumerable",),
    "Range": ("Enumerable",),
    "Enumerator": ("Enumerable",),
    "Time": ("Comparable",),
}


def define(cls: str, *names: str, enum: bool = False) -> Callable[[F], F]:
    """Register a function as a method; ``enum``: without a block it gives an enumerator."""

    def register(function: F) -> F:
        table = METHODS.setdefault(cls, {})
        for name in names:
            table[name] = function
        if enum:
            _ENUMERATING.add(function)
        if "block" in function.__code__.co_varnames[: _parameters(function)]:
            _TAKING_BLOCKS.add(function)
        return function

    return register


def singleton(cls: str, *names: str) -> Callable[[F], F]:
    """Register a function as a method of a class or module itself."""

    def register(function: F) -> F:
        for name in names:
            SINGLETONS.setdefault(cls, {})[name] = function
        return function

    return register


def _parameters(function: Function) -> int:
    code = function.__code__
    return int(code.co_argcount + code.co_kwonlyargcount)


def takes_block(function: Function) -> bool:
    """Whether a function is handed the block of a call."""
    code = getattr(function, "__code__", None)
    return function in _TAKING_BLOCKS or (
        code is not None and "block" in code.co_varnames[: _parameters(function)]
    )


def hand_block(function: Function) -> None:
    """Hand a function the blocks of calls, where that cannot be seen from it."""
    _TAKING_BLOCKS.add(function)


def find(kind: type, name: str) -> Function | None:
    """The function of a method for a type."""
    cls = class_for(kind)
    for owner in (cls, *ANCESTORS.get(cls, ()), "Object"):
        found = METHODS.get(owner, {}).get(name)
        if found is not None:
            return found
    return None


def class_for(kind: type) -> str:
    """The name of the class that has the methods of a type."""
    for base in kind.__mro__:
        if base in CLASS_OF:
            return CLASS_OF[base]
    return "Object"


def is_known(name: str) -> bool:
    """Whether any class has a method of this name."""
    return any(name in table for table in METHODS.values())


class Dispatch(dict[type, Function]):
    """From a type to the function of one method, for calls with a block or without one.

    ``mutable``: strings are ones that can be changed in place.
    """

    __slots__ = ("has_block", "mutable", "name")

    def __init__(self, name: str, has_block: bool = False, mutable: bool = False) -> None:
        super().__init__()
        self.name, self.has_block, self.mutable = name, has_block, mutable

    def __missing__(self, kind: type) -> Function:
        found = find(kind, self.name)
        if found is None:
            made = _absent(kind, self.name)
        else:
            made = self._fitted(found)
            if self.mutable and kind in (str, MutStr):
                made = _above["adapted"](made, self.name)
        self[kind] = made
        return made

    def _fitted(self, function: Function) -> Function:
        if self.has_block:
            return function if takes_block(function) else _without_block(function)
        return _enumerating(function) if function in _ENUMERATING else function


def _without_block(function: Function) -> Function:
    return lambda self, *values, block, **named: function(self, *values, **named)


def _enumerating(function: Function) -> Function:
    def make(receiver: Any, *values: Any, block: Proc | None = None, **named: Any) -> Any:
        if block is not None:
            return function(receiver, *values, block=block, **named)
        return Enumerator(receiver, partial(function, **named) if named else function, values)

    return make


def _absent(kind: type, name: str) -> Function:
    def fail(receiver: Any, *values: Any, **named: Any) -> Any:
        raise missing_method(receiver, name)

    return fail


def missing_method(receiver: Any, name: str) -> Exception:
    """What a call of a method raises that the receiver does not have."""
    described, cls = _above["described"], class_for(type(receiver))
    if name in WITHOUT.get(cls, ()) or name in WITHOUT["Object"]:
        return NotCompiled(f"{_above['class_name'](receiver)}#{name}")
    if name in PRIVATE:
        return NoMethodError(f"private method `{name}' called for {described(receiver)}")
    return NoMethodError(f"undefined method `{name}' for {described(receiver)}")


_DYNAMIC: dict[tuple[str, bool], Dispatch] = {}


def send(receiver: Any, name: str, *values: Any, block: Proc | None = None, **named: Any) -> Any:
    """Call a method whose name is known only now."""
    table = _DYNAMIC.get((name, block is not None))
    if table is None:
        table = _DYNAMIC[name, block is not None] = Dispatch(name, block is not None)
    if block is None:
        return table[type(receiver)](receiver, *values, **named)
    return table[type(receiver)](receiver, *values, block=block, **named)


def exception_named(name: str) -> type[RubyException] | None:
    """A class of exceptions."""
    return EXCEPTIONS.get(name)


__all__ = [
    "ANCESTORS",
    "CLASS_OF",
    "CONSTANTS",
    "METHODS",
    "MISSING",
    "SINGLETONS",
    "WITHOUT",
    "Dispatch",
    "Function",
    "class_for",
    "define",
    "exception_named",
    "find",
    "is_known",
    "missing_method",
    "send",
    "singleton",
    "takes_block",
]
