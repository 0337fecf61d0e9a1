"""What every object can do, the functions that need no receiver, and classes as values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .classes import RubyClass, class_named, is_a
from .comparison import case_equal, equal, raw, same
from .dispatch import (
    define,
    find,
    send,
)
from .enumerables import is_true
from .errors import (
    RubyException,
    RuntimeError_,
    TypeError_,
)
from .inspection import class_name, inspect, integer, name_of, text, to_s
from .objects import (
    STRINGS,
    Enumerator,
    Hash,
    MutStr,
    Proc,
    Set,
    Shape,
    Symbol,
    freeze,
    is_frozen,
    key_of,
)


def _object_id(self: Any) -> int:
    if self is None:
        return 8
    return 2 * self + 1 if type(self) is int else id(self) >> 3


_OBJECT: dict[str, Callable[..., Any]] = {
    "is_a?": is_a,
    "kind_of?": is_a,
    "instance_of?": lambda self, cls: class_name(self) == cls.name,
    "nil?": lambda self: self is None,
    "!": lambda self: not is_true(self),
    "==": equal,
    "!=": lambda self, other: not equal(self, other),
    "===": case_equal,
    "eql?": same,
    "equal?": lambda self, other: (
        self is other or (type(self) in (int, float) and same(self, other))
    ),
    "<=>": lambda self, other: 0 if self is other or equal(self, other) else None,
    "=~": lambda self, other: None,
    "!~": lambda self, other: not is_true(send(self, "=~", other)),
    "to_s": to_s,
    "inspect": inspect,
    "class": lambda self: (
        class_named(class_name(self))
        if type(self) is not RubyClass
        else class_named("Module" if self.is_module else "Class")
    ),
    "freeze": freeze,
    "frozen?": is_frozen,
    "itself": lambda self: self,
    "hash": lambda self: hash(key_of(self)),
    "object_id": _object_id,
    "__id__": lambda self: id(self) >> 3,
    "instance_variables": lambda self: [],
}
for _method, _function in _OBJECT.items():
    define("Object", _method)(_function)


@define("Object", "dup", "clone")
def dup(self: Any, **options: Any) -> Any:
    """A copy."""
    kind = type(self)
    if kind is MutStr:
        return MutStr(self.s)
    if kind is list:
        return list(self)
    if kind is dict:
        return dict(self)
    if kind is Hash:
        made = Hash(self.default, self.maker)
        made.update(self)
        return made
    return Set(dict(self.items)) if kind is Set else self


@define("String", "+@", "-@", "dedup")
def unfrozen(self: Any) -> Any:
    """The string, where it may be changed, or a copy."""
    return self if type(self) is MutStr and not self.frozen else raw(self)


@define("Object", "tap")
def tap(self: Any, block: Proc) -> Any:
    """Run a block with it, and give it."""
    block.one(self)
    return self


@define("Object", "then", "yield_self")
def then(self: Any, block: Proc) -> Any:
    """What a block makes of it."""
    return block.one(self)


@define("Object", "send", "public_send", "__send__")
def send_(self: Any, name: Any, *values: Any, block: Proc | None = None, **named: Any) -> Any:
    """Call a method by its name."""
    return send(self, name_of(name), *values, block=block, **named)


@define("Object", "respond_to?")
def responds(self: Any, name: Any, private: Any = False) -> bool:
    """Whether it has a method."""
    return find(type(self), name_of(name)) is not None


@define("Object", "instance_variable_defined?")
def has_no_variable(self: Any, name: Any) -> bool:
    """Whether it has a variable of its own."""
    return False


@define("Object", "method")
def method_(self: Any, name: Any) -> Proc:
    """A method as a lambda."""
    wanted = name_of(name)
    return Proc(lambda *values: send(self, wanted, *values), Shape(takes_rest=True))


@define("Object", "enum_for", "to_enum")
def enum_for(self: Any, name: Any = None, *values: Any) -> Enumerator:
    """An enumerator of a method."""
    found = find(type(self), "each" if name is None else name_of(name))
    assert found is not None
    return Enumerator(self, found, values)


_NIL: dict[str, Callable[..., Any]] = {
    "to_s": lambda self: "",
    "to_a": lambda self: [],
    "to_h": lambda self: {},
    "to_i": lambda self: 0,
    "to_f": lambda self: 0.0,
    "inspect": lambda self: "nil",
    "&": lambda self, other: False,
    "|": lambda self, other: is_true(other),
}
for _method, _function in _NIL.items():
    define("NilClass", _method)(_function)
_BOOLEAN: dict[str, Callable[..., Any]] = {
    "&": lambda self, other: self and is_true(other),
    "|": lambda self, other: self or is_true(other),
    "^": lambda self, other: self != is_true(other),
}
for _method, _function in _BOOLEAN.items():
    define("Boolean", _method)(_function)


@define("Proc", "call", "()", "yield", "===", "[]")
def proc_call(self: Proc, *values: Any, **named: Any) -> Any:
    """Call it."""
    return self.call(*values, **named)


@define("Proc", "arity")
def proc_arity(self: Proc) -> int:
    """How many values it takes."""
    return self.shape.arity


@define("Proc", "lambda?")
def is_lambda(self: Proc) -> bool:
    """Whether it is a lambda."""
    return self.shape.is_lambda


@define("Proc", "to_proc")
def proc_itself(self: Proc) -> Proc:
    """The proc."""
    return self


@define("Proc", "curry")
def curry(self: Proc, arity: Any = None) -> Any:
    """Take its values one by one."""
    wanted = abs(self.shape.arity) if arity is None else integer(arity)

    def take(given: tuple[Any, ...]) -> Any:
        if len(given) >= wanted:
            return self.call(*given)
        return Proc(lambda *more: take((*given, *more)), Shape(takes_rest=True))

    return take(())


@define("Proc", ">>")
def then_proc(self: Proc, other: Any) -> Proc:
    """This one, then another."""
    return Proc(lambda *v: proc_of(other).call(self.call(*v)), Shape(takes_rest=True))


@define("Proc", "<<")
def after_proc(self: Proc, other: Any) -> Proc:
    """Another one, then this."""
    return Proc(lambda *v: self.call(proc_of(other).call(*v)), Shape(takes_rest=True))


@define("Symbol", "to_proc")
def symbol_proc(self: Symbol) -> Proc:
    """A block that calls a method of this name."""
    name = self.name
    return Proc(
        lambda value, *rest: send(value, name, *rest), Shape(1, takes_rest=True, spreads=False)
    )


def proc_of(value: Any) -> Any:
    """What ``&value`` hands over as a block."""
    if value is None or type(value) is Proc:
        return value
    if type(value) is Symbol:
        return symbol_proc(value)
    if isinstance(value, dict):
        return Proc(lambda key: send(value, "[]", key), Shape(1))
    raise TypeError_(f"wrong argument type {class_name(value)} (expected Proc)")


@define("Exception", "message", "to_s")
def message(self: RubyException) -> str:
    """What it says."""
    return self.message


@define("Exception", "full_message")
def full_message(self: RubyException, **options: Any) -> str:
    """What it says, with its class."""
    return f"{self.message} ({self.ruby})"


@define("Exception", "inspect")
def exception_inspect(self: RubyException) -> str:
    """Class and message."""
    return inspect(self)


@define("Exception", "backtrace")
def backtrace(self: RubyException) -> list[str]:
    """Where it was raised."""
    frames, at = [], self.__traceback__
    while at is not None:
        frames.append(
            f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}:in `{at.tb_frame.f_code.co_name}'"
        )
        at = at.tb_next
    return frames[::-1]


@define("Exception", "cause")
def cause(self: RubyException) -> Any:
    """The exception before it."""
    found = self.__cause__ or self.__context__
    return found if isinstance(found, RubyException) else None


@define("Exception", "backtrace_locations", "set_backtrace")
def no_locations(self: RubyException, *given: Any) -> None:
    """Nothing is known."""


def raised(given: tuple[Any, ...], current: Any) -> Exception:
    """What ``raise`` raises."""
    if not given:
        return (
            current if isinstance(current, RubyException) else RuntimeError_("unhandled exception")
        )
    first, rest = given[0], given[1:]
    if type(first) in STRINGS:
        return RuntimeError_(text(first))
    if type(first) is RubyClass and first.raises is not None:
        made: Exception = first.raises(*[to_s(value) for value in rest[:1]])
        return made
    if isinstance(first, RubyException):
        return type(first)(to_s(rest[0])) if rest else first
    return TypeError_("exception class/object expected")
