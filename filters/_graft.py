"""Setting a tree of fields at a target: what was looked up once is given to many events, each with maps of its own."""
from __future__ import annotations

from typing import Any

from ..dsl.reference import Event, FieldError, FieldRef, lookup


def map_at(event: Event, target: FieldRef) -> Event:
    """The map at a target, made where there is none (or null); raises FieldError where something else stands."""
    there = lookup(event, target.keys)
    if type(there) is dict:
        return there
    if there is not None:
        raise FieldError(f"`{target}` cannot take fields: it holds no map")
    fresh: Event = {}
    target.set(event, fresh)
    return fresh


def graft(into: Event, fields: Event) -> None:
    """Set fields in a map, inner maps field by field; maps are copied, other values are shared."""
    for key, value in fields.items():
        if type(value) is not dict:
            into[key] = value
            continue
        there = into.get(key)
        if there is None:
            there = into[key] = {}
        elif type(there) is not dict:
            raise FieldError(f"`{key}` cannot take fields: it holds no map")
        graft(there, value)


def nest(pairs: dict[tuple[str, ...], Any]) -> Event:
    """Values by path as a tree."""
    tree: Event = {}
    for path, value in pairs.items():
        at = tree
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = value
    return tree
