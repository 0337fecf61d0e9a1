"""Enumerators: methods that iterate, waiting for their block."""

from __future__ import annotations

from typing import Any

from .dispatch import define
from .enumerables import each_with_object
from .inspection import integer
from .objects import Enumerator, Proc


@define("Enumerator", "each")
def enumerator_each(self: Enumerator, block: Proc | None = None) -> Any:
    """Iterate."""
    return self if block is None else self.run(block)


@define("Enumerator", "with_index", "each_with_index")
def with_index(self: Enumerator, start: Any = 0, block: Proc | None = None) -> Any:
    """Iterate with a count."""
    counted = _Counted(0 if start is None else integer(start))
    if block is None:
        return Enumerator(self, _with_index_of, (counted.at,))
    return _with_index_of(self, counted.at, block=block)


class _Counted:
    def __init__(self, at: int) -> None:
        self.at = at - 1

    def next(self) -> int:
        self.at += 1
        return self.at


def _with_index_of(self: Enumerator, before: int, block: Proc) -> Any:
    counted = _Counted(before + 1)

    def numbered(*values: Any) -> Any:
        item = values[0] if len(values) == 1 else list(values)
        return block.two(item, counted.next())

    from .objects import Shape

    return self.run(Proc(numbered, Shape(takes_rest=True)))


@define("Enumerator", "with_object")
def with_object(self: Enumerator, memo: Any, block: Proc) -> Any:
    """Iterate with an object."""
    return each_with_object(self, memo, block=block)


@define("Enumerator", "size")
def enumerator_size(self: Enumerator) -> int:
    """How many items there are."""
    return len(self.items())


@define("Enumerator", "inspect")
def enumerator_inspect(self: Enumerator) -> str:
    """What it is of."""
    return "#<Enumerator: ...>"
