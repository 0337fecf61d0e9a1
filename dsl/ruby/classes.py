"""Classes and modules as values."""

from __future__ import annotations

from typing import Any

from .dispatch import (
    ANCESTORS,
    CLASS_OF,
    SINGLETONS,
    class_for,
    define,
)
from .errors import (
    EXCEPTIONS,
    TypeError_,
)
from .inspection import class_name, to_s


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
_MODULES = [
    "Comparable",
    "Enumerable",
    "Kernel",
    "Math",
    "JSON",
    "Base64",
    "SecureRandom",
    "Zlib",
    "URI",
    "Digest",
    "Process",
    "GC",
    "LogStash",
    "FileTest",
    "ObjectSpace",
    "Marshal",
    "Etc",
    "CGI",
    "LogStash::Json",
]
CLASSES: dict[str, RubyClass] = {name: RubyClass(name, True) for name in _MODULES}
for _name in [
    "Object",
    "BasicObject",
    "NilClass",
    "TrueClass",
    "FalseClass",
    "Integer",
    "Float",
    "Numeric",
    "String",
    "Symbol",
    "Array",
    "Hash",
    "Set",
    "Range",
    "Proc",
    "Regexp",
    "MatchData",
    "Enumerator",
    "Time",
    "Class",
    "Module",
    "Random",
    "IPAddr",
    "CSV",
    "Encoding",
    "Method",
    "File",
    "IO",
]:
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
