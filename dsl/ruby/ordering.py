"""What puts the items of collections in order: ``sort``, ``max``, ``min_by``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from .comparison import order_key, ordered, sorted_by_value
from .dispatch import define
from .enumerables import items, iterate
from .inspection import size
from .objects import Proc


def _by(block: Proc | None) -> Callable[[Any], Any]:
    """The key of an order that a block says by comparing two items."""
    if block is None:
        return order_key
    return cmp_to_key(lambda a, b: -comparison(block.two(b, a), b, a))


def comparison(answer: Any, a: Any, b: Any) -> int:
    """What a block that compares has answered."""
    if answer is None:
        from .comparison import incomparable

        raise incomparable(a, b)
    return ordered(answer, 0)


def _extreme(name: str, choose: Callable[..., Any], backwards: bool) -> None:
    @define("Enumerable", name)
    def method(self: Any, count: Any = None, block: Proc | None = None) -> Any:
        given = items(self)
        key = _by(block)
        if count is not None:
            return sorted(given, key=key, reverse=backwards)[: size(count)]
        return choose(given, key=key) if given else None

    @define("Enumerable", f"{name}_by", enum=True)
    def method_by(self: Any, count: Any = None, block: Proc | None = None) -> Any:
        assert block is not None
        given = [(order_key(block.one(item)), item) for item in iterate(self)]
        if count is not None:
            chosen = sorted(given, key=lambda pair: pair[0], reverse=backwards)[: size(count)]
            return [item for _, item in chosen]
        return choose(given, key=lambda pair: pair[0])[1] if given else None


_extreme("max", max, True)
_extreme("min", min, False)


@define("Enumerable", "minmax")
def minmax(self: Any, block: Proc | None = None) -> list[Any]:
    """The least and the greatest item."""
    given = items(self)
    return [min(given, key=_by(block)), max(given, key=_by(block))] if given else [None, None]


@define("Enumerable", "minmax_by", enum=True)
def minmax_by(self: Any, block: Proc) -> list[Any]:
    """The items of which a block makes the least and the greatest."""
    given = items(self)
    if not given:
        return [None, None]
    key = lambda item: order_key(block.one(item))  # noqa: E731
    return [min(given, key=key), max(given, key=key)]


@define("Enumerable", "sort")
def sort(self: Any, block: Proc | None = None) -> list[Any]:
    """In their order, or in a block's."""
    given = items(self)
    return sorted_by_value(given) if block is None else sorted(given, key=_by(block))


@define("Enumerable", "sort_by", enum=True)
def sort_by(self: Any, block: Proc) -> list[Any]:
    """In the order of what a block makes of them."""
    return sorted(items(self), key=lambda item: order_key(block.one(item)))
