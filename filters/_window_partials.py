"""Windows made in parts: what filters on several machines gathered of a key, put together by the
one that has its shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..dsl.event import add_tag
from ..dsl.reference import Event
from .state.keyed import Keyed
from .state.keys import Key


class Merging(Protocol):
    """An operator whose states can be merged."""

    def merge(self, state: Any, other: Any, watermark: int) -> list[Event]:
        """Take in another state of the key; results of what comes too late."""
        ...

    def load(self, data: list[Any]) -> Any:
        """The state that was dumped."""
        ...


def merge_parts(
    operator: Merging,
    keyed: Keyed[Any],
    parts: Sequence[tuple[Key, Any]],
    watermark: int,
    name: str,
) -> list[Event]:
    """Merge states that were dumped into those that are held; results of what was too late,
    tagged.
    """
    late: list[Event] = []
    for key, data in parts:
        state, evicted = keyed.states.get(key), list[Event]()
        if state is None:
            state, evicted = keyed.open(key)
        late += evicted
        told = operator.merge(state, operator.load(data), watermark)
        for result in told:
            add_tag(result, f"_{name}late")
        late += told
        keyed.settle(key, state)
    return late
