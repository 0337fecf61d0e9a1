"""Sets: what changes one in place by a block or by another collection."""

from __future__ import annotations

from typing import Any

from .dispatch import define
from .enumerables import is_true
from .inspection import check_frozen
from .objects import Proc, Set, key_back, key_of
from .ranges import as_set


def _filtering(names: tuple[str, ...], keeps: bool, nil_if_same: bool) -> None:
    @define("Set", *names, enum=True)
    def method(self: Set, block: Proc) -> Set | None:
        check_frozen(self)
        gone = [key for key in self.items if is_true(block.one(key_back(key))) != keeps]
        for key in gone:
            del self.items[key]
        return None if nil_if_same and not gone else self


_filtering(("select!", "filter!"), True, True)
_filtering(("keep_if",), True, False)
_filtering(("reject!",), False, True)
_filtering(("delete_if",), False, False)


@define("Set", "map!", "collect!", enum=True)
def map_in_place(self: Set, block: Proc) -> Set:
    """Hold what a block makes of the items."""
    check_frozen(self)
    made = {key_of(block.one(key_back(key))): None for key in self.items}
    self.items.clear()
    self.items.update(made)
    return self


@define("Set", "replace")
def replace(self: Set, other: Any) -> Set:
    """Hold what another collection holds."""
    check_frozen(self)
    given = dict(as_set(other))
    self.items.clear()
    self.items.update(given)
    return self


@define("Set", "subtract")
def subtract(self: Set, other: Any) -> Set:
    """Take out the items of another collection."""
    check_frozen(self)
    for key in as_set(other):
        self.items.pop(key, None)
    return self


@define("Set", "delete?")
def delete_if_there(self: Set, value: Any) -> Set | None:
    """Take an item out; nil if it is not there."""
    check_frozen(self)
    key = key_of(value)
    if key not in self.items:
        return None
    del self.items[key]
    return self
