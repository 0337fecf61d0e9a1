"""Hashes, in the order in which keys came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .comparison import equal
from .dispatch import METHODS, define, singleton
from .enumerables import hash_of, is_true, pairs
from .errors import ArgumentError, KeyError_, RuntimeError_
from .inspection import array, check_frozen, hash_, inspect, integer
from .objects import MISSING, Hash, Proc, Set, key_back, key_of

Map = dict[Any, Any]


def default_of(self: Map, key: Any) -> Any:
    """What a hash gives for a key that it does not have."""
    if type(self) is not Hash:
        return None
    return self.default if self.maker is None else self.maker.two(self, key)


def of_pair(block: Proc) -> Callable[[Any, Any], Any]:
    """A block as a function of a key and its value, which it is given as one pair."""
    if block.shape.required == 2 and not block.shape.is_lambda:
        return block.two
    one = block.one
    return lambda key, value: one([key, value])


@define("Hash", "[]")
def item(self: Map, key: Any) -> Any:
    """The value of a key."""
    found = self.get(key_of(key), MISSING)
    return default_of(self, key) if found is MISSING else found


@define("Hash", "[]=", "store")
def set_item(self: Map, key: Any, value: Any) -> Any:
    """Set the value of a key."""
    check_frozen(self)
    self[key_of(key)] = value
    return value


@define("Hash", "fetch")
def fetch(self: Map, key: Any, default: Any = MISSING, block: Proc | None = None) -> Any:
    """The value of a key; raises KeyError."""
    found = self.get(key_of(key), MISSING)
    if found is not MISSING:
        return found
    if block is not None:
        return block.one(key)
    if default is not MISSING:
        return default
    raise KeyError_(f"key not found: {inspect(key)}")


@define("Hash", "dig")
def dig(self: Map, key: Any, *rest: Any) -> Any:
    """What lies deeper in it."""
    from .arrays import dug

    found = item(self, key)
    return found if found is None or not rest else dug(found, rest)


@define("Hash", "key?", "has_key?", "include?", "member?")
def has_key(self: Map, key: Any) -> bool:
    """Whether it has a key."""
    return key_of(key) in self


@define("Hash", "value?", "has_value?")
def has_value(self: Map, value: Any) -> bool:
    """Whether it has a value."""
    return any(equal(found, value) for found in self.values())


@define("Hash", "key")
def key_for(self: Map, value: Any) -> Any:
    """The key of a value."""
    return next((key_back(key) for key, found in self.items() if equal(found, value)), None)


@define("Hash", "keys")
def keys(self: Map) -> list[Any]:
    """All keys."""
    return [key_back(key) for key in self]


@define("Hash", "values")
def values(self: Map) -> list[Any]:
    """All values."""
    return list(self.values())


@define("Hash", "values_at")
def values_at(self: Map, *wanted: Any) -> list[Any]:
    """The values of several keys."""
    return [item(self, key) for key in wanted]


@define("Hash", "fetch_values")
def fetch_values(self: Map, *wanted: Any, block: Proc | None = None) -> list[Any]:
    """The values of several keys; raises KeyError."""
    return [fetch(self, key, block=block) for key in wanted]


@define("Hash", "length", "size")
def length(self: Map) -> int:
    """How many pairs it has."""
    return len(self)


@define("Hash", "empty?")
def is_empty(self: Map) -> bool:
    """Whether it has no pairs."""
    return not self


def _sweep(self: Map, run: Callable[[Any, Any], Any]) -> None:
    before = len(self)
    for key, value in list(self.items()):
        run(key_back(key), value)
        if len(self) > before:
            raise RuntimeError_("can't add a new key into hash during iteration")


@define("Hash", "each", "each_pair", enum=True)
def each(self: Map, block: Proc) -> Map:
    """Run a block for each pair."""
    if block.shape.spreads and not block.shape.takes_rest:
        _sweep(self, block.two)
    else:
        _sweep(self, lambda key, value: block.one([key, value]))
    return self


@define("Hash", "each_key", enum=True)
def each_key(self: Map, block: Proc) -> Map:
    """Run a block for each key."""
    _sweep(self, lambda key, value: block.one(key))
    return self


@define("Hash", "each_value", enum=True)
def each_value(self: Map, block: Proc) -> Map:
    """Run a block for each value."""
    _sweep(self, lambda key, value: block.one(value))
    return self


@define("Hash", "select", "filter", enum=True)
def select(self: Map, block: Proc) -> Map:
    """The pairs for which a block is true."""
    return {k: v for k, v in self.items() if is_true(block.two(key_back(k), v))}


@define("Hash", "reject", enum=True)
def reject(self: Map, block: Proc) -> Map:
    """The pairs for which a block is not true."""
    return {k: v for k, v in self.items() if not is_true(block.two(key_back(k), v))}


@define("Hash", "partition", enum=True)
def partition(self: Map, block: Proc) -> list[Any]:
    """The pairs for which a block is true, and the others."""
    parts: tuple[list[Any], list[Any]] = ([], [])
    call = of_pair(block)
    for key, value in self.items():
        holds = is_true(call(key_back(key), value))
        parts[not holds].append([key_back(key), value])
    return list(parts)


@define("Hash", "find", "detect", enum=True)
def find_(self: Map, block: Proc) -> Any:
    """The first pair for which a block is true."""
    call = of_pair(block)
    for key, value in self.items():
        if is_true(call(key_back(key), value)):
            return [key_back(key), value]
    return None


def _counting(name: str, decide: Callable[[Any], Any], otherwise: Callable[[Any], Any]) -> None:
    @define("Hash", name)
    def method(self: Map, *given: Any, block: Proc | None = None) -> Any:
        if block is None or given:
            return METHODS["Enumerable"][name](self, *given)
        call = of_pair(block)
        return decide(is_true(call(key_back(k), v)) for k, v in self.items())


_counting("any?", any, bool)
_counting("all?", all, bool)
_counting("none?", lambda found: not any(found), bool)
_counting("count", sum, len)


@define("Hash", "map", "collect", enum=True)
def map_(self: Map, block: Proc) -> list[Any]:
    """What a block makes of each pair."""
    call = of_pair(block)
    return [call(key_back(key), value) for key, value in self.items()]


@define("Hash", "merge")
def merge(self: Map, *others: Any, block: Proc | None = None) -> Map:
    """The pairs of all; of one key, the last one's, or what a block makes of both."""
    return merged(_copy(self), others, block)


def merged(self: Map, others: tuple[Any, ...], block: Proc | None) -> Map:
    for other in map(hash_, others):
        for key, value in list(other.items()):
            if block is not None and key in self:
                value = block.call(key_back(key), self[key], value)
            self[key] = value
    return self


def _copy(self: Map) -> Map:
    if type(self) is not Hash:
        return dict(self)
    made = Hash(self.default, self.maker)
    made.update(self)
    return made


@define("Hash", "slice")
def slice_(self: Map, *wanted: Any) -> Map:
    """The pairs of several keys."""
    return {key: self[key] for key in map(key_of, wanted) if key in self}


@define("Hash", "except")
def except_(self: Map, *unwanted: Any) -> Map:
    """Without the pairs of several keys."""
    gone = set(map(key_of, unwanted))
    return {key: value for key, value in self.items() if key not in gone}


@define("Hash", "transform_values", enum=True)
def transform_values(self: Map, block: Proc) -> Map:
    """With what a block makes of the values."""
    one = block.one
    return {key: one(value) for key, value in self.items()}


@define("Hash", "transform_keys", enum=True)
def transform_keys(self: Map, names: Any = None, block: Proc | None = None) -> Map:
    """With other keys: those of a hash, or what a block makes of them."""

    def renamed(key: Any) -> Any:
        if names is not None and key in names:
            return key_of(names[key])
        return key if block is None else key_of(block.one(key_back(key)))

    return {renamed(key): value for key, value in self.items()}


@define("Hash", "to_h", "to_hash")
def to_h(self: Map, block: Proc | None = None) -> Map:
    """The hash, or one of what a block makes of the pairs."""
    if block is None:
        return dict(self) if type(self) is Hash else self
    return hash_of([block.two(key_back(key), value) for key, value in self.items()])


@define("Hash", "to_a", "entries")
def to_a(self: Map) -> list[Any]:
    """The pairs as arrays."""
    return pairs(self)


@define("Hash", "to_s", "inspect")
def inspect_(self: Map) -> str:
    """As it is written in code."""
    return inspect(self)


@define("Hash", "invert")
def invert(self: Map) -> Map:
    """Values as keys, keys as values."""
    return {key_of(value): key_back(key) for key, value in self.items()}


@define("Hash", "compact")
def compact(self: Map) -> Map:
    """Without the pairs whose value is nil."""
    return {key: value for key, value in self.items() if value is not None}


@define("Hash", "filter_map", enum=True)
def filter_map(self: Map, block: Proc) -> list[Any]:
    """What a block makes of each pair, where that is true."""
    call = of_pair(block)
    made = [call(key_back(key), value) for key, value in self.items()]
    return [value for value in made if is_true(value)]


@define("Hash", "sum")
def sum_(self: Map, start: Any = 0, block: Proc | None = None) -> Any:
    """The sum of what a block makes of the pairs."""
    made = pairs(self) if block is None else map_(self, block)
    return METHODS["Enumerable"]["sum"](made, start)


@define("Hash", "==")
def hash_equal(self: Map, other: Any) -> bool:
    """Whether they hold the same."""
    return equal(self, other)


def _subset(name: str, holds: Callable[[Map, Map], bool]) -> None:
    @define("Hash", name)
    def method(self: Map, other: Any) -> bool:
        return holds(self, hash_(other))


def _is_within(a: Map, b: Map) -> bool:
    return all(key in b and equal(value, b[key]) for key, value in a.items())


_subset("<=", _is_within)
_subset(">=", lambda a, b: _is_within(b, a))
_subset("<", lambda a, b: len(a) < len(b) and _is_within(a, b))
_subset(">", lambda a, b: len(b) < len(a) and _is_within(b, a))


@define("Hash", "default")
def default(self: Map, *key: Any) -> Any:
    """What it gives for keys that it does not have."""
    return self.default if type(self) is Hash else None


@define("Hash", "assoc")
def assoc(self: Map, key: Any) -> Any:
    """The pair of a key."""
    found = key_of(key)
    return [key, self[found]] if found in self else None


@define("Hash", "flatten")
def flatten(self: Map, depth: Any = 1) -> list[Any]:
    """Keys and values as one array."""
    return METHODS["Array"]["flatten"](pairs(self), integer(depth))  # type: ignore[no-any-return]


@singleton("Hash", "new")
def new(default: Any = None, block: Proc | None = None) -> Hash:
    """A new hash, with a default."""
    return Hash(default, block)


@singleton("Hash", "[]")
def of(*given: Any) -> Map:
    """A hash of pairs."""
    if len(given) == 1:
        return dict(given[0]) if isinstance(given[0], dict) else hash_of(array(given[0]))
    if len(given) % 2:
        raise ArgumentError("odd number of arguments for Hash")
    return {key_of(key): value for key, value in zip(given[::2], given[1::2], strict=True)}


def with_pairs(*parts: Any) -> Map:
    """A hash literal with values as keys, or with other hashes in it: pairs as tuples."""
    made: Map = {}
    for part in parts:
        if type(part) is tuple:
            made[key_of(part[0])] = part[1]
        elif part is not None:
            made.update(hash_(part))
    return made


def _set_items(value: Any) -> Map:
    from .enumerables import iterate

    return {key_of(found): None for found in iterate(value)}


@singleton("Set", "new")
def new_set(given: Any = None, block: Proc | None = None) -> Set:
    """A new set."""
    if given is None:
        return Set({})
    found = _set_items(given)
    return Set(found if block is None else {key_of(block.one(key_back(k))): None for k in found})


@singleton("Set", "[]")
def set_of(*given: Any) -> Set:
    """A set of values."""
    return Set({key_of(value): None for value in given})
