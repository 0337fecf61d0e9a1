"""Keys: the values of some fields of an event as one hashable value that tells types apart.

``1``, ``1.0``, ``true`` and ``"1"`` are four keys, though Python has the first three equal. Texts
and integers stand for themselves; what else there is becomes a pair of a mark and a value. A key
holds all that is needed to write the fields again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from ...dsl.reference import Event, FieldError, FieldRef, index_of
from ...dsl.timestamp import Timestamp

Key = Any
"""A hashable value; None where a field is missing."""

_PLAIN = frozenset({str, int})
_CHECKED = frozenset({"@timestamp", "@metadata", "tags"})


def canonical(value: Any) -> Key:
    """A value as a hashable one that equals no value of another type; None for null."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is float:
        return ("f", "nan") if value != value else ("f", value)
    if kind is bool:
        return ("b", value)
    if kind is Timestamp:
        return ("t", str(value))
    return ("j", json.dumps(value, sort_keys=True, ensure_ascii=False))


def value_of(key: Key) -> Any:
    """The value that ``canonical`` was given."""
    if type(key) is not tuple:
        return key
    mark, value = key
    if mark == "f":
        return float(value)
    if mark == "t":
        return Timestamp(value)
    return json.loads(value) if mark == "j" else value


def order_of(key: Key) -> tuple[Any, ...]:
    """What sorts canonical values: numbers first, then texts by code point, then all others."""
    if type(key) is str:
        return (1, key)
    if type(key) is int:
        return (0, key, 0)
    mark, value = key
    if mark == "f" and value != "nan":
        return (0, value, 1)
    return (2, mark, str(value))


def are_texts(values: list[Any]) -> bool:
    """Whether values are texts, said without a look at the type of each: they can be joined, and an
    instant, which is a text as well, ends in a Z. False may mean that it is not known.
    """
    if not values or type(values[0]) is not str:
        return False
    try:
        return "Z" not in "".join(values)
    except TypeError:
        return False


def column(field: FieldRef) -> Callable[[Sequence[Event]], list[Any]]:
    """A function that gives the field of each event, None where there is none."""
    get, keys = field.get, field.keys
    if keys[0] == "@metadata" or any(index_of(key) is not None for key in keys[1:]):
        return lambda events: [get(event) for event in events]
    if len(keys) == 1:
        (only,) = keys

        def one(events: Sequence[Event]) -> list[Any]:
            try:
                return [event[only] for event in events]
            except KeyError:
                return [get(event) for event in events]

        return one
    if len(keys) == 2:
        first, second = keys

        def two(events: Sequence[Event]) -> list[Any]:
            try:
                return [event[first][second] for event in events]
            except (KeyError, TypeError):
                return [get(event) for event in events]

        return two
    if len(keys) == 3:
        outer, inner, last = keys

        def three(events: Sequence[Event]) -> list[Any]:
            try:
                return [event[outer][inner][last] for event in events]
            except (KeyError, TypeError):
                return [get(event) for event in events]

        return three
    return lambda events: [get(event) for event in events]


class Keys:
    """Reads the key of events out of some fields. One field: its canonical value; none or several:
    a tuple of them.
    """

    def __init__(self, fields: Sequence[FieldRef]) -> None:
        self.fields = list(fields)
        self._columns = [column(field) for field in fields]
        self._puts = [_put_key(field) for field in fields]

    def of_all(self, events: list[Event]) -> list[Key]:
        """The key of each event; None where a field is missing."""
        return self.read(events)[0]

    def read(self, events: list[Event]) -> tuple[list[Key], bool]:
        """The key of each event, None where a field is missing; and whether all have one."""
        if not self._columns:
            return [()] * len(events), True
        return self.joined([read(events) for read in self._columns])

    def joined(self, fields: Sequence[list[Any]]) -> tuple[list[Key], bool]:
        """The same of the values of the fields, of which there is at least one."""
        columns = [_canonical_all(values) for values in fields]
        whole = all(is_whole for _, is_whole in columns)
        if len(columns) == 1:
            return columns[0]
        keys: list[Key] = list(zip(*[values for values, _ in columns], strict=True))
        if whole:
            return keys, True
        return [None if None in key else key for key in keys], False

    def of(self, event: Event) -> Key:
        """The key of an event; None where a field is missing."""
        return self.of_all([event])[0]

    def parts(self, key: Key) -> tuple[Key, ...]:
        """The canonical values that a key is made of."""
        return (key,) if len(self.fields) == 1 else key

    def order(self, key: Key) -> tuple[Any, ...]:
        """What sorts keys: by their values, in the order of the fields."""
        return tuple(map(order_of, self.parts(key)))

    def put(self, event: Event, key: Key) -> None:
        """Write the fields that a key was read from."""
        if len(self._puts) == 1:
            self._puts[0](event, value_of(key) if type(key) is tuple else key)
            return
        for write, part in zip(self._puts, key, strict=True):
            write(event, value_of(part))


def _canonical_all(values: list[Any]) -> tuple[list[Key], bool]:
    """Values made canonical, and whether none is null."""
    if are_texts(values):
        return values, True
    if _PLAIN.issuperset(set(map(type, values))):
        return values, True
    made = list(map(canonical, values))
    return made, None not in made


def put(event: Event, field: FieldRef, value: Any) -> None:
    """Set a field of a result; where another result stands in its way, that one gives way."""
    try:
        field.set(event, value)
    except FieldError:
        event.pop(field.keys[0], None)
        if field.keys != ("@timestamp",):
            field.set(event, value)


def put_at(target: FieldRef) -> Callable[[Event, Any], None]:
    """A function that sets a field of a result, quick for the usual depths."""
    if len(target.keys) == 1 and target.keys[0] not in _CHECKED:
        (only,) = target.keys
        return lambda event, value: event.__setitem__(only, value)
    if len(target.keys) != 2:
        return lambda event, value: put(event, target, value)
    first, second = target.keys

    def put_second(event: Event, value: Any) -> None:
        inner = event.get(first)
        if type(inner) is dict:
            inner[second] = value
        else:
            event[first] = {second: value}

    return put_second


def _put_key(field: FieldRef) -> Callable[[Event, Any], None]:
    """A function that writes a field that a key was read from."""
    if field.keys[0] == "@metadata" or any(index_of(key) is not None for key in field.keys):
        return lambda event, value: put(event, field, value)
    return put_at(field)
