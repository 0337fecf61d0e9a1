"""Who commits for many batches at once: the state of windows, a producer's transaction, a
changelog.

A plugin with a ``participant`` has its pipeline run in epochs. The batches of an epoch are worked
and delivered as always, but acknowledged together, after the participant committed their positions
and what it keeps in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from .batch import Position

Offsets = Mapping[int | str, Mapping[str, Position]]
"""By input and by partition: the position behind the last batch of an epoch. The runtime knows an
input by its place; a participant is given a name that stays when the configuration is edited. What
is not an input has a number below 0.
"""


class Participant(Protocol):
    """Called in the thread that filters, one call at a time. A plugin has it from ``open`` on.

    ``overlaps``: whether an epoch may begin before the one before it is committed. A producer has
    one transaction at a time and says no: its batches wait for the commit. So does whoever keeps
    state of what is delivered; state of filters, which one worker has, may overlap. Where it does,
    ``commit`` is called in a thread of its own, during which ``begin`` and ``snapshot`` may be
    called, and nothing else.
    """

    overlaps: bool

    def restored(self) -> Offsets:
        """What the last commit holds; asked for when a pipeline starts, also after a reload."""
        ...

    def begin(self) -> None:
        """An epoch begins."""
        ...

    def snapshot(self) -> Any:
        """What is to be committed of this moment. Where epochs overlap it is asked for between two
        batches, when the last one of the epoch has gone through the filters; otherwise when all
        deliveries of the epoch have ended, and no batch behind it was begun.
        """
        ...

    def commit(self, offsets: Offsets, state: Any) -> None:
        """All deliveries of an epoch have ended: commit its positions with the snapshot that was
        taken at its end, in one step. What it raises aborts the epoch.
        """
        ...

    def abort(self) -> None:
        """Go back to the last commit: the inputs give again what came after it. Where epochs do not
        overlap, what is still delivered until ``begin`` belongs to the epoch that was aborted, and
        must end soon.
        """
        ...


class Row(NamedTuple):
    """A row of a shard's state: the last one with a key counts; without a value the key is gone."""

    shard: str
    key: bytes
    value: bytes | None


class ShardedState(msgspec.Struct):
    """What the participant that owns a ``Changelog`` is given as state: the rows that have changed
    since the last commit; ``assignments``, by partition, under which they were made: if one is
    another by now, nothing may be committed. ``positions`` stand for partitions of these shards
    that the epoch has no offsets of, so that a process that lost them is refused.
    """

    rows: Sequence[Row]
    assignments: Mapping[str, int]
    positions: Mapping[str, Position]


class Changelog(Protocol):
    """Keeps the state of filters with the partitions of an input that several processes share out:
    what is written of it is committed with the offsets, and whoever is given a partition reads it.

    A *shard* is what is held of one partition (where several topics are read, of all partitions
    with one number). Its methods are called in the thread that filters.
    """

    def partitions(self) -> Mapping[str, int]:
        """The partitions that are read here now, with a number that is another each time that one
        is assigned.
        """
        ...

    def shard_of(self, partition: str) -> str:
        """The shard that a partition's events belong to."""
        ...

    def read(self, shard: str, is_wanted: Callable[[], bool]) -> Mapping[bytes, bytes]:
        """The committed rows of a shard; waits until a commit that is under way has ended, while
        they are wanted. Raises Disconnected, also where they are wanted no more, and Misconfigured.
        """
        ...
