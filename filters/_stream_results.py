"""The events that filters of event time make: their times, their id, their fields of the Elastic
Common Schema.

An id is a digest of the pipeline, the filter, the key and what tells results of one key apart. It
comes out the same after a restart, so an output that writes by id makes repetitions harmless.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp
from .state.keys import Key

_FAR = 1 << 58  # milliseconds: beyond, years have more digits than an instant may


@lru_cache(maxsize=1024)
def instant(millis: int) -> Timestamp:
    """An instant; the latest ones are kept."""
    return Timestamp.of_millis(max(min(millis, _FAR), -_FAR))


_text_of = lru_cache(maxsize=256)(repr)


class Ids:
    """The ids of one filter's results."""

    def __init__(self, pipeline: str, name: str) -> None:
        self._base = blake2b(json.dumps([pipeline, name]).encode(), digest_size=16)

    def of(self, key: Key, *parts: Any) -> str:
        """The id of a result: of its key and of what tells it from others."""
        return self._of_text(repr((key, *parts)))

    def of_marked(self, key: Key, mark: Any) -> str:
        """The same of one part, which many results share."""
        return self._of_text(f"({key!r}, {_text_of(mark)})")

    def _of_text(self, text: str) -> str:
        digest = self._base.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.digest().hex()

    def of_packed(self, key: Key, stamps: Sequence[Timestamp | None], *parts: Any) -> str:
        """The id of a result that is made of packed events as a whole: of a key, of instants, and
        of the bytes of all else.
        """
        head = repr(key)
        for stamp in stamps:
            head += stamp or "None"
        digest = self._base.copy()
        try:
            digest.update(b"".join((head.encode("utf-8", "surrogatepass"), *parts)))
        except TypeError:  # one of them is not packed
            return self.of(head, parts)
        return digest.digest().hex()


_CONTAINERS = frozenset({dict, list})


def fresh(value: Any) -> Any:
    """A deep copy of an event, or of a part of it, with a call for each map and list only."""
    if type(value) is dict:
        return {
            key: fresh(item) if type(item) in _CONTAINERS else item for key, item in value.items()
        }
    return [fresh(item) if type(item) in _CONTAINERS else item for item in value]


def merge_map(event: Event, name: str, values: Event) -> None:
    """Set a map of an event, or add to the one that is there."""
    held = event.get(name)
    if type(held) is dict:
        held.update(values)
    else:
        event[name] = values
