"""What every object can do, the functions that need no receiver, and classes as values."""

from __future__ import annotations

import re
import sys
import time
from typing import Any

from .comparison import case_equal, equal, raw, same
from .dispatch import (
    ANCESTORS,
    CLASS_OF,
    CONSTANTS,
    SINGLETONS,
    class_for,
    define,
    find,
    send,
    singleton,
)
from .enumerables import is_true, items
from .errors import (
    EXCEPTIONS,
    ArgumentError,
    Jump,
    RubyException,
    RuntimeError_,
    StopIteration_,
    TypeError_,
)
from .formatting import format_
from .inspection import class_name, floating, in_range, inspect, integer, name_of, text, to_s
from .objects import (
    MISSING,
    STRINGS,
    Enumerator,
    Hash,
    MutStr,
    Proc,
    Range,
    Set,
    Shape,
    Symbol,
    freeze,
    is_frozen,
    key_of,
)


class RubyClass:
    """A class or module as a value."""

    __slots__ = ("is_module", "name", "raises")

    def __init__(self, name: str, is_module: bool = False, raises: Any = None) -> None:
        self.name, self.is_module, self.raises = name, is_module, raises

    def __call__(self, *values: Any, **named: Any) -> Any:
        """A new object of the class."""
        if self.raises is not None:
            return self.raises(*[to_s(value) for value in values])
        return SINGLETONS[self.name]["new"](*values, **named)

    def holds(self, value: Any) -> bool:
        """Whether a value is of the class."""
        if self.raises is not None:
            return isinstance(value, self.raises)
        return self.name in lineage(value)


CLASS_OF[RubyClass] = "Class"
_MODULES = ["Comparable", "Enumerable", "Kernel", "Math", "JSON", "Base64", "SecureRandom", "Zlib", "URI", "Digest", "Process", "GC", "LogStash", "FileTest", "ObjectSpace", "Marshal", "Etc"]
CLASSES: dict[str, RubyClass] = {name: RubyClass(name, True) for name in _MODULES}
for _name in ["Object", "BasicObject", "NilClass", "TrueClass", "FalseClass", "Integer", "Float", "Numeric", "String", "Symbol", "Array", "Hash", "Set", "Range", "Proc", "Regexp", "MatchData", "Enumerator", "Time", "Class", "Module", "Random", "IPAddr", "CSV", "Encoding", "Method", "File", "IO"]:
    CLASSES[_name] = RubyClass(_name)
CLASSES.update({name: RubyClass(name, raises=made) for name, made in EXCEPTIONS.items()})


def class_named(name: str) -> RubyClass:
    """The class or module of a name."""
    return CLASSES.setdefault(name, RubyClass(name))


def lineage(value: Any) -> tuple[str, ...]:
    """The names of a value's class and of all above it."""
    kind = type(value)
    if kind is RubyClass:
        return (
            "Module" if value.is_module else "Class",
            "Module",
            "Object",
            "Kernel",
            "BasicObject",
        )
    name = class_name(value)
    return (name, *ANCESTORS.get(class_for(kind), ()), "Object", "Kernel", "BasicObject")


def is_a(value: Any, cls: Any) -> bool:
    """Whether a value is of a class."""
    if type(cls) is not RubyClass:
        raise TypeError_("class or module required")
    return cls.holds(value)


@define("Class", "===")
def class_holds(self: RubyClass, value: Any) -> bool:
    """Whether a value is of the class."""
    return self.holds(value)


@define("Class", "name", "to_s", "inspect")
def class_to_s(self: RubyClass) -> str:
    """The name."""
    return self.name


@define("Class", "new", "exception")
def class_new(self: RubyClass, *values: Any, **named: Any) -> Any:
    """A new object."""
    return self(*values, **named)


@define("Class", "==")
def class_equal(self: RubyClass, other: Any) -> bool:
    """Whether it is the same class."""
    return type(other) is RubyClass and self.name == other.name


def _above(a: RubyClass, b: RubyClass) -> bool:
    if a.raises is not None and b.raises is not None:
        return issubclass(a.raises, b.raises)
    chain = (a.name, *ANCESTORS.get(a.name, ()), "Object", "Kernel", "BasicObject")
    return b.name in chain


@define("Class", "<=")
def class_below(self: RubyClass, other: Any) -> bool:
    """Whether it is another class, or below it."""
    return _above(self, other)


@define("Class", "<")
def class_really_below(self: RubyClass, other: Any) -> bool:
    """Whether it is below another class."""
    return self.name != other.name and _above(self, other)


for _method, _function in {
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
    "object_id": lambda self: (
        8 if self is None else 2 * self + 1 if type(self) is int else id(self) >> 3
    ),
    "__id__": lambda self: id(self) >> 3,
    "instance_variables": lambda self: [],
}.items():
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


for _method, _function in {
    "to_s": lambda self: "",
    "to_a": lambda self: [],
    "to_h": lambda self: {},
    "to_i": lambda self: 0,
    "to_f": lambda self: 0.0,
    "inspect": lambda self: "nil",
    "&": lambda self, other: False,
    "|": lambda self, other: is_true(other),
}.items():
    define("NilClass", _method)(_function)
for _method, _function in {
    "&": lambda self, other: self and is_true(other),
    "|": lambda self, other: self or is_true(other),
    "^": lambda self, other: self != is_true(other),
}.items():
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


@singleton("Kernel", "Integer")
def integer_of(value: Any, base: Any = None, exception: Any = True) -> Any:
    """A value as an integer; raises ArgumentError."""
    try:
        return _integer_of(value, base)
    except RubyException:
        if exception is False:
            return None
        raise


_INTEGER = re.compile(
    r"\s*([+-]?)(0[xX](?=[0-9a-fA-F])|0[bB](?=[01])|0[oO]?(?=[0-7_])|0[dD](?=\d))?([0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)\s*\Z"
)


def _integer_of(value: Any, base: Any) -> int:
    kind = type(value)
    if kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float:
        return in_range(value)
    if kind not in STRINGS:
        if value is None:
            raise TypeError_("can't convert nil into Integer")
        shown = inspect(value) if value is True or value is False else class_name(value)
        own = find(kind, "to_i")
        if own is not None:
            return int(own(value))
        raise TypeError_(f"can't convert {shown} into Integer")
    found = _INTEGER.match(text(value))
    bases = {"x": 16, "b": 2, "o": 8, "d": 10, "0": 8}
    try:
        if found is None:
            raise ValueError
        prefix = (found[2] or "").lower()
        number = 10 if base is None else integer(base)
        chosen = bases[prefix[-1]] if prefix and base is None else number
        if prefix and base is not None and bases[prefix[-1]] != number and prefix != "0":
            raise ValueError
        if not prefix and base is None and found[3][0] == "0" and len(found[3]) > 1:
            chosen = 8
        return int(found[1] + found[3].replace("_", ""), chosen)
    except ValueError:
        raise ArgumentError(f"invalid value for Integer(): {inspect(value)}") from None


_FLOAT = re.compile(r"\s*[+-]?(?:\d+(?:_\d+)*)(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?\s*\Z", re.ASCII)


@singleton("Kernel", "Float")
def float_of(value: Any, exception: Any = True) -> Any:
    """A value as a float; raises ArgumentError."""
    try:
        if type(value) not in STRINGS:
            return floating(value)
        given = text(value)
        if _FLOAT.match(given):
            return float(given.replace("_", ""))
        if re.fullmatch(r"\s*[+-]?0[xX][0-9a-fA-F.]+(?:p[+-]?\d+)?\s*", given):
            return float.fromhex(given.strip())
        raise ArgumentError(f"invalid value for Float(): {inspect(value)}")
    except RubyException:
        if exception is False:
            return None
        raise


@singleton("Kernel", "String")
def string_of(value: Any) -> str:
    """A value as a string."""
    return to_s(value)


@singleton("Kernel", "Array")
def array_of(value: Any) -> list[Any]:
    """A value as an array: nil is empty, a hash its pairs."""
    if type(value) is list:
        return value
    if value is None:
        return []
    if isinstance(value, dict | Set) or type(value) in (Range, Enumerator):
        return items(value)
    return [value]


@singleton("Kernel", "Hash")
def hash_of(value: Any) -> dict[Any, Any]:
    """A value as a hash."""
    if value is None or value == []:
        return {}
    if isinstance(value, dict):
        return value
    raise TypeError_(f"can't convert {class_name(value)} into Hash")


singleton("Kernel", "format", "sprintf")(format_)


def splat(value: Any) -> list[Any]:
    """What ``*value`` stands for."""
    return array_of(value)


@singleton("Kernel", "loop")
def loop(block: Proc) -> Any:
    """Run a block until it breaks."""
    try:
        while True:
            block.fn(*block.shape.fitted(()))
    except StopIteration_:
        return None


@singleton("Kernel", "catch")
def catch(tag: Any = MISSING, block: Proc | None = None) -> Any:
    """Run a block; what is thrown with the tag ends it."""
    assert block is not None
    wanted = object() if tag is MISSING else tag
    try:
        return block.one(wanted)
    except Jump as jump:
        if type(jump.tag) is not tuple or not equal(jump.tag[1], wanted):
            raise
        return jump.value


@singleton("Kernel", "throw")
def throw(tag: Any, value: Any = None) -> Any:
    """End the block of a catch."""
    raise Jump(("throw", tag), value)


def _shown(values: tuple[Any, ...]) -> str:
    lines: list[str] = []
    for value in values or ("",):
        if type(value) is list:
            lines.append(_shown(tuple(value)) if value else "")
        else:
            shown = to_s(value)
            lines.append(shown if shown.endswith("\n") else shown + "\n")
    return "".join(lines)


@singleton("Kernel", "puts")
def puts(*values: Any) -> None:
    """Write lines to standard output."""
    sys.stdout.write(_shown(values))


@singleton("Kernel", "print")
def print_(*values: Any) -> None:
    """Write to standard output."""
    sys.stdout.write("".join(map(to_s, values)))


@singleton("Kernel", "p")
def p(*values: Any) -> Any:
    """Write values as they are written in code to standard output."""
    sys.stdout.write("".join([f"{inspect(value)}\n" for value in values]))
    return None if not values else values[0] if len(values) == 1 else list(values)


@singleton("Kernel", "sleep")
def sleep(seconds: Any = 0) -> int:
    """Wait."""
    time.sleep(floating(seconds))
    return round(floating(seconds))


@singleton("Kernel", "proc")
@singleton("Proc", "new")
def proc_(block: Proc) -> Proc:
    """A block as a proc."""
    return block


CONSTANTS["RUBY_VERSION"] = "3.1.2"
CONSTANTS["RUBY_ENGINE"] = "jruby"
