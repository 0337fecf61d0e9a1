"""Hashes: what changes one in place."""

from __future__ import annotations

from typing import Any

from .dispatch import define, missing_method
from .enumerables import is_true
from .hashes import Map, merged, transform_keys
from .inspection import check_frozen, hash_
from .objects import MISSING, Hash, Proc, key_back, key_of


def _filtering(name: str, keeps: bool, nil_if_same: bool) -> None:
    @define("Hash", name, enum=True)
    def method(self: Map, block: Proc) -> Any:
        check_frozen(self)
        gone = [k for k, v in self.items() if is_true(block.two(key_back(k), v)) != keeps]
        for key in gone:
            del self[key]
        return None if nil_if_same and not gone else self


_filtering("select!", True, True)
_filtering("filter!", True, True)
_filtering("keep_if", True, False)
_filtering("reject!", False, True)
_filtering("delete_if", False, False)


@define("Hash", "merge!", "update")
def update(self: Map, *others: Any, block: Proc | None = None) -> Map:
    """Take the pairs of others."""
    check_frozen(self)
    return merged(self, others, block)


@define("Hash", "delete")
def delete(self: Map, key: Any, block: Proc | None = None) -> Any:
    """Take out a key, and give its value."""
    check_frozen(self)
    found = self.pop(key_of(key), MISSING)
    if found is MISSING:
        return None if block is None else block.one(key)
    return found


@define("Hash", "shift")
def shift(self: Map) -> Any:
    """Take out the first pair."""
    check_frozen(self)
    if not self:
        return None
    key = next(iter(self))
    return [key_back(key), self.pop(key)]


@define("Hash", "clear")
def clear(self: Map) -> Map:
    """Take out all pairs."""
    check_frozen(self)
    self.clear()
    return self


@define("Hash", "replace")
def replace(self: Map, other: Any) -> Map:
    """Hold what another hash holds."""
    check_frozen(self)
    given = dict(hash_(other))
    self.clear()
    self.update(given)
    return self


@define("Hash", "transform_values!", enum=True)
def transform_values_in_place(self: Map, block: Proc) -> Map:
    """Take what a block makes of the values."""
    check_frozen(self)
    for key, value in list(self.items()):
        self[key] = block.one(value)
    return self


@define("Hash", "transform_keys!", enum=True)
def transform_keys_in_place(self: Map, names: Any = None, block: Proc | None = None) -> Map:
    """Take other keys."""
    return replace(self, transform_keys(self, names, block=block))


@define("Hash", "compact!")
def compact_in_place(self: Map) -> Any:
    """Take out the pairs whose value is nil."""
    check_frozen(self)
    gone = [key for key, value in self.items() if value is None]
    for key in gone:
        del self[key]
    return self if gone else None


def with_default(self: Any, default: Any) -> Hash:
    """A hash, with a default: the same one where it has a place for it."""
    if not isinstance(self, dict):
        raise missing_method(self, "default=")
    given: Map = self
    check_frozen(given)
    made = given if type(given) is Hash else Hash()
    if made is not given:
        made.update(given)
    made.default, made.maker = default, None
    return made
