"""Setting a tree of fields at a target: what was looked up once is given to many events, each with
maps of its own.
"""

from __future__ import annotations

from typing import Any

from ..dsl.reference import Event, FieldError, FieldRef, lookup


def map_at(event: Event, target: FieldRef) -> Event:
    """The map at a target, made where there is none (or null); raises FieldError where something
    else stands.
    """
    there = lookup(event, target.keys)
    if type(there) is dict:
        return there
    if there is not None:
        raise FieldError(f"`{target}` cannot hold fields: it is not a map")
    fresh: Event = {}
    target.set(event, fresh)
    return fresh


def plain_key(target: FieldRef) -> str | None:
    """The key of a target that is a field of the event itself and may hold a map."""
    key = target.keys[0]
    return key if len(target.keys) == 1 and key not in ("tags", "@timestamp", "@metadata") else None


class Tree:
    """Fields that were looked up, some of them maps. It is never changed: events get copies."""

    __slots__ = ("_fields", "_maps")

    def __init__(self, fields: Event) -> None:
        self._fields = fields
        self._maps = [(key, Tree(value)) for key, value in fields.items() if type(value) is dict]

    def __bool__(self) -> bool:
        return bool(self._fields)

    def copy(self) -> Event:
        """The fields as a map of its own; values that are not maps are shared."""
        copied = self._fields.copy()
        for key, tree in self._maps:
            copied[key] = tree.copy()
        return copied

    def graft(self, into: Event) -> None:
        """Set the fields in a map, inner maps field by field; raises FieldError where one meets a
        value that is none.
        """
        if not into:
            into.update(self.copy())
            return
        maps = dict(self._maps)
        for key, value in self._fields.items():
            if key not in maps:
                into[key] = value
                continue
            there = into.get(key)
            if there is None:
                there = into[key] = {}
            elif type(there) is not dict:
                raise FieldError(f"`{key}` cannot hold fields: it is not a map")
            maps[key].graft(there)


def nest(pairs: dict[tuple[str, ...], Any]) -> Tree:
    """Values by path as a tree."""
    tree: Event = {}
    for path, value in pairs.items():
        at = tree
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = value
    return Tree(tree)
