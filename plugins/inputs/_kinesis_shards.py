"""Which shards a stream has, and which of them need a lease.

A shard that was split or merged is closed, and its children go on. Events of one key stay in order
if a child is begun when its parents have ended; so a lease names the parents, and leases of parents
are made first. Which shards are new is told by the leases there are: a child of a shard that has a
lease is read from its beginning, whatever the option says, or what came between would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..clients.aws import Aws
from ..contract import Disconnected
from ._kinesis_leases import Lease
from ._kinesis_places import LATEST, TRIM_HORIZON


class Shard(NamedTuple):
    """A shard; ``parents``: those that it came of, whether they are still there or not."""

    id: str
    parents: tuple[str, ...] = ()
    is_open: bool = True


class Wanted(NamedTuple):
    """A lease that is to be made."""

    key: str
    checkpoint: str
    parents: tuple[str, ...]


def shards_of(aws: Aws, client: Any, stream: str) -> list[Shard]:
    """All shards of a stream, in the order of their names. Raises as ``Aws.asked``, Disconnected
    where the stream is still being made.
    """
    found: list[Shard] = []
    request: dict[str, Any] = {"StreamName": stream}
    while request:
        answer = aws.asked("kinesis_stream_name", client.list_shards, **request)
        found += map(_shard, answer["Shards"])
        token = answer.get("NextToken")
        request = {"NextToken": token} if token else {}
    if not found:
        raise Disconnected(f"the stream `{stream}` has no shards yet")
    return sorted(found)


def _shard(described: Mapping[str, Any]) -> Shard:
    names = (described.get("ParentShardId"), described.get("AdjacentParentShardId"))
    parents = tuple(name for name in names if name)
    is_open = "EndingSequenceNumber" not in described["SequenceNumberRange"]
    return Shard(described["ShardId"], parents, is_open)


def wanted(shards: Sequence[Shard], leases: Iterable[Lease], initial: str) -> Iterator[Wanted]:
    """The leases that are missing, those of parents first. ``initial``: where a stream is begun
    that nobody has read.
    """
    known = {lease.key: lease.parents for lease in leases}
    parents = {shard.id: shard.parents for shard in shards} | known
    for shard in _parents_first(shards):
        if shard.id in known:
            continue
        if initial == TRIM_HORIZON or _has_lease(shard.parents, parents, known):
            yield Wanted(shard.id, TRIM_HORIZON, shard.parents)
        elif shard.is_open:
            yield Wanted(shard.id, LATEST, shard.parents)


def _parents_first(shards: Sequence[Shard]) -> Iterator[Shard]:
    left = {shard.id: shard for shard in shards}
    for shard in shards:
        way = [shard.id]
        while way:
            one = left.get(way[-1])
            parents = one.parents if one else ()
            above = [name for name in parents if name in left]
            if above:
                way.extend(above)
                continue
            way.pop()
            if one is not None:
                yield left.pop(one.id)


def _has_lease(
    names: Iterable[str], parents: Mapping[str, tuple[str, ...]], known: Mapping[str, Any]
) -> bool:
    """Whether one of these shards, or of those that they came of, has a lease."""
    ways, seen = list(names), set()
    while ways:
        name = ways.pop()
        if name in known:
            return True
        if name not in seen:
            seen.add(name)
            ways += parents.get(name, ())
    return False


def outlived(shards: Iterable[Shard], leases: Iterable[Lease]) -> list[Lease]:
    """The leases of shards that have ended, and that the stream does not keep any more."""
    present = {shard.id for shard in shards}
    return [lease for lease in leases if lease.has_ended and lease.key not in present]


def contradictions(shards: Iterable[Shard], leases: Iterable[Lease]) -> list[str]:
    """Shards that take records, although their lease says that they have ended: the leases are
    those of another stream, which had this name.
    """
    ended = {lease.key for lease in leases if lease.has_ended}
    return [shard.id for shard in shards if shard.is_open and shard.id in ended]
