"""The state of filters kept with the partitions that their events come from, for a group of
processes that share them out: written to a changelog in the commit that has offsets and results.

Each filter holds a shard of its own for each partition, with the shard's own time, so that results
do not depend on which process has which partitions. A shard is read from the changelog before the
first event of its partition is worked, and forgotten when the partition goes. What happens between
the two is one rule: a commit names the assignments under which its state was made, and is refused
where one of them is another by now; then all shards are forgotten, and read again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ...dsl.reference import Event
from ...plugins.batch import Position
from ...plugins.epoch import Changelog, Offsets, Participant, ShardedState
from ...plugins.errors import Disconnected
from ...plugins.event_time import KeepsState
from .filter_states import FilterStates, Rebuild, Text
from .shard_rows import ShardRows

log = logging.getLogger("penstock")

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class _Shard:
    """``assignments``: of its partitions, when it was read; ``is_touched``: it has been worked
    with since the last commit.
    """

    def __init__(
        self, name: str, states: FilterStates, rows: ShardRows, assignments: Mapping[str, int]
    ) -> None:
        self.name, self.states, self.rows = name, states, rows
        self.assignments = assignments
        self.is_touched = False

    @property
    def has_changed(self) -> bool:
        """Whether something is to be committed of it."""
        filters = self.states.filters.values()
        return self.is_touched or self.states.is_new or any(f.has_changed for f in filters)


class PartitionStates:
    """The participant of a pipeline whose ``owner`` commits, and keeps a ``changelog``.

    ``pause`` waits so many seconds, and says whether the pipeline is to stop. As for the other
    states, see ``FilterStates``.
    """

    overlaps = False

    def __init__(
        self,
        filters: Sequence[KeepsState],
        owner: Participant,
        changelog: Changelog,
        text: Text,
        rebuild: Rebuild,
        pause: Callable[[float], bool],
    ) -> None:
        self.filters = {each.id: each for each in filters if each.id is not None}
        self._owner, self._changelog, self._rebuild = owner, changelog, rebuild
        self._texts = {name: text(each) for name, each in self.filters.items()}
        self._pause = pause
        self._shards: dict[str, _Shard] = {}
        self._lost: str | None = None
        self.begin, self.restored = owner.begin, owner.restored
        for each in self.filters.values():
            each.divide()
            each.here.shard_of = changelog.shard_of

    # -- shards -----------------------------------------------------------------------------

    def open(self, partitions: Iterable[str]) -> bool:
        """See to it that what is held of these partitions is here, before events of them are
        worked; False where they have gone, or the pipeline is to stop.
        """
        for shard in dict.fromkeys(map(self._changelog.shard_of, partitions)):
            if not self._is_open(shard):
                return False
            self._shards[shard].is_touched = True
        return True

    def look(self) -> None:
        """Forget shards that have gone, and read those that have come: their time goes on without
        events.
        """
        there = self._assignments()
        for name in self._shards.keys() - there.keys():
            self._forget(name)
        for name in there:
            self._is_open(name)

    def _is_open(self, name: str) -> bool:
        assignments, held = self._assignments().get(name), self._shards.get(name)
        if held is not None and held.assignments == assignments:
            return True
        if held is not None:
            self._forget(name)
        if assignments is None:
            return False
        rows = self._read(name, assignments)
        if rows is None:
            return False
        self._restore(name, assignments, rows)
        return True

    def _assignments(self) -> dict[str, dict[str, int]]:
        """By shard: its partitions that are read here."""
        found: dict[str, dict[str, int]] = {}
        for partition, assignment in self._changelog.partitions().items():
            found.setdefault(self._changelog.shard_of(partition), {})[partition] = assignment
        return found

    def _read(self, name: str, assignments: Mapping[str, int]) -> Mapping[bytes, bytes] | None:
        """The rows of a shard; None where it has gone before they were read, or at a stop."""

        def is_wanted() -> bool:
            return self._assignments().get(name) == assignments and not self._pause(0)

        pause = _FIRST_PAUSE
        while is_wanted():
            try:
                return self._changelog.read(name, is_wanted)
            except (Disconnected, OSError) as error:
                if is_wanted() and pause > _FIRST_PAUSE:  # a new topic needs a moment
                    text = "the state of partition %s cannot be read: %s; retrying"
                    log.warning(text, name, error)
                self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    def _restore(
        self, name: str, assignments: Mapping[str, int], rows: Mapping[bytes, bytes]
    ) -> None:
        filters = [each.open_shard(name) for each in self.filters.values()]
        kept = ShardRows(name, rows)
        states = FilterStates(filters, kept, lambda each: self._texts[str(each.id)], self._rebuild)
        states.restored()
        self._shards[name] = _Shard(name, states, kept, assignments)
        log.debug("the state of partition %s is here: %d rows", name, len(rows))

    def _forget(self, name: str) -> None:
        shard = self._shards.pop(name)
        if shard.has_changed:
            self._lost = name  # results of what it held may be in the open epoch
        for each in self.filters.values():
            each.drop_shard(name)

    # -- as FilterStates --------------------------------------------------------------------

    def keeps(self, plugin: KeepsState) -> bool:
        """Whether a filter's state is kept here."""
        return plugin.id is not None and self.filters.get(plugin.id) is plugin

    @property
    def has_leftovers(self) -> bool:
        """Whether something is to be emitted that was held under another meaning."""
        return any(shard.states.has_leftovers for shard in self._shards.values())

    def take_leftovers(self) -> list[Event]:
        """Before time goes on without events: see to it that what is held of all partitions is
        here; what filters held that are gone, once.
        """
        self.look()
        taken: list[Event] = []
        for shard in self._shards.values():
            taken += shard.states.take_leftovers()
        return taken

    # -- epochs -----------------------------------------------------------------------------

    def snapshot(self) -> None:
        """Taken within the commit."""

    def commit(self, offsets: Offsets, state: Any) -> None:
        """Commit offsets with what has changed of their shards. Raises Disconnected."""
        if self._lost is not None:
            raise Disconnected(f"partition {self._lost} has gone with what was held of it")
        changed = [shard for shard in self._shards.values() if shard.has_changed]
        moved = _by_shard(self._changelog, offsets)
        kept = ShardedState([], {}, {})
        for shard in changed:
            shard.states.commit({"": moved.get(shard.name, {})}, shard.states.snapshot())
            kept.rows = [*kept.rows, *shard.rows.taken()]
            kept.assignments = {**kept.assignments, **shard.assignments}
            known = shard.rows.positions().get("", {})
            here = {name: at for name, at in known.items() if name in shard.assignments}
            kept.positions = {**kept.positions, **here}
        self._owner.commit(offsets, kept)
        for shard in changed:
            shard.is_touched = False

    def abort(self) -> None:
        """Forget all: shards are read again when they are wanted."""
        self._owner.abort()
        for name in list(self._shards):
            self._forget(name)
        self._lost = None

    def close(self) -> None:
        """The changelog is its owner's."""


def _by_shard(changelog: Changelog, offsets: Offsets) -> dict[str, dict[str, Position]]:
    found: dict[str, dict[str, Position]] = {}
    for parts in offsets.values():
        for name, position in parts.items():
            found.setdefault(changelog.shard_of(name), {})[name] = position
    return found
