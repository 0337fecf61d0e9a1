"""Which events count in a correlation, by their tags: the key of each, the numbers of its tags, and
its index in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dsl.reference import Event
from .state.keys import Key, Keys

Tagged = tuple[list[Key], list[list[int]], Sequence[int]]
"""Keys, numbers of tags and indexes."""

_FIRST = [[0]]


def all_have(events: list[Event], tag: str) -> bool:
    """Whether all events have a tag among a list of tags."""
    for event in events:
        tags = event.get("tags")
        if type(tags) is not list or tag not in tags:
            return False
    return True


def of_one_tag(events: list[Event], tag: str, keys: Keys) -> Tagged:
    """The events with a tag, the only one that counts."""
    tags = [event.get("tags") for event in events]
    has = [tag in each if type(each) is list else tag == each for each in tags]
    if all(has):
        return keys.of_all(events), _FIRST * len(events), range(len(events))
    at = [index for index, found in enumerate(has) if found]
    return keys.of_all([events[index] for index in at]), _FIRST * len(at), at


def of_many_tags(events: list[Event], tags: list[str], keys: list[Keys], same_keys: bool) -> Tagged:
    """The events with some of the tags: each stands there once for each key that its tags give
    it, which is one if all tags have the same fields as their key.
    """
    found: list[Key] = []
    numbers: list[list[int]] = []
    at: list[int] = []
    for index, event in enumerate(events):
        mine = [number for number, tag in enumerate(tags) if _has(event, tag)]
        by_key: dict[Key, list[int]] = {}
        for number in mine[:1] if same_keys else mine:
            by_key.setdefault(keys[number].of(event), []).append(number)
        for key, theirs in by_key.items():
            found.append(key)
            numbers.append(mine if same_keys else theirs)
            at.append(index)
    return found, numbers, at


def _has(event: Event, tag: str) -> bool:
    tags = event.get("tags")
    return tag in tags if type(tags) is list else tags == tag
