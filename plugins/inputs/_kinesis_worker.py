"""One of the processes that share a stream: the leases it has, the shards it reads by them, and how
far these were delivered.

Everything is done between two reads, or while nothing may be read, in one thread (``look``): leases
are renewed three times in the time after which they are anybody's, the table is looked at for free
ones, and what was delivered is noted. A lease that another took is given up at once, and whatever
is said of its shard afterwards is ignored. One that another asks for is handed over when what is
under way of it was delivered and noted, so that nothing comes twice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..batch import Batch, Position
from ..contract import ConnectorError, Misconfigured, Outcome, Retry
from ..plugin import Plugin
from ._kinesis_balance import Bounds, Sightings, plan
from ._kinesis_leases import Lease, LeaseTable
from ._kinesis_places import AT, LATEST, SHARD_END, Place, behind, is_further, since
from ._kinesis_reader import ShardReader, Stream
from ._kinesis_shards import Shard, contradictions, outlived, shards_of, wanted

_PAUSE = 1.0
_FORCED_AFTER = 2.0
_LONGEST_DRAIN = 10.0


class Manner(NamedTuple):
    """How a process behaves; times are in seconds. ``failover``: after which a lease that was not
    renewed is anybody's; ``checkpoint``: between two notes; ``sync``: between two looks at which
    shards there are; ``initial``: where a stream is begun that nobody has read.
    """

    failover: float
    checkpoint: float
    sync: float
    initial: str
    bounds: Bounds


class Held:
    """A lease of this process. ``settled``: the last record up to which all was delivered."""

    __slots__ = ("lease", "reader", "settled")

    def __init__(self, lease: Lease, reader: ShardReader) -> None:
        self.lease, self.reader = lease, reader
        self.settled: str | None = None

    @property
    def is_dirty(self) -> bool:
        """Whether more was delivered than is noted."""
        return self.settled is not None and self.settled != self.lease.checkpoint


class Worker:
    """``dead``: names whose leases may be taken at once; ``delivered``: by shard, what a worker of
    this name has delivered and not noted. All raises Disconnected, Misconfigured.
    """

    def __init__(
        self,
        plugin: Plugin,
        table: LeaseTable,
        stream: Stream,
        manner: Manner,
        dead: Collection[str],
        delivered: Mapping[str, str],
    ) -> None:
        self._context, self._log = plugin.context, plugin.context.log
        self._table, self._stream, self._manner = table, stream, manner
        self._delivered = dict(delivered)
        self._sightings = Sightings(manner.failover, dead)
        self._chance = random.Random(table.worker)
        self._held: dict[str, Held] = {}
        self._asked: dict[str, float] = {}
        self._is_new, self._has_table = True, False
        self.resume: dict[str, Position] = {}
        now = time.monotonic()
        self._renew_at = now + manner.failover / 3
        self._scan_at = self._sync_at = now
        self._checkpoint_at = now + manner.checkpoint
        metrics = plugin.context.metrics
        self._lag, self._count = metrics.gauge("millis_behind_latest"), metrics.gauge("partitions")
        self.shards: list[Shard] = []

    def start(self) -> None:
        """See whether the stream and the table can be read. Nothing is written before ``look``."""
        self.shards = shards_of(self._stream.aws, self._stream.client, self._stream.name)
        if self._table.exists():
            self._check(self._table.all())

    def _check(self, leases: Sequence[Lease]) -> None:
        for shard in contradictions(self.shards, leases):
            reason = f"the table says that `{shard}` has ended, but the stream writes to it"
            help = "the stream was recreated: remove the table, or take another application_name"
            raise Misconfigured("application_name", reason, help)

    def _sync(self) -> None:
        """Have a table, and leases of all shards."""
        if not self._has_table:
            self._table.ensure(self._context.stopping)
            self._has_table = True
        self.shards = shards_of(self._stream.aws, self._stream.client, self._stream.name)
        leases = self._table.all()
        self._check(leases)
        for each in wanted(self.shards, leases, self._manner.initial):
            self._table.create(*each)
        for lease in outlived(self.shards, leases):
            self._table.delete(lease)
        self._sync_at = time.monotonic() + self._manner.sync

    def look(self) -> None:
        """Do what is due."""
        try:
            self._look(time.monotonic())
        except Retry as error:
            self._log.warning("throttled: %s; retrying", error, about="throttled")
            self._postpone(max(_PAUSE, error.after or 0.0))

    def _postpone(self, seconds: float) -> None:
        """What is due is due somewhat later."""
        now = time.monotonic()
        times = (self._renew_at, self._checkpoint_at, self._sync_at, self._scan_at)
        later = [now + seconds if at <= now else at for at in times]
        self._renew_at, self._checkpoint_at, self._sync_at, self._scan_at = later

    def _look(self, now: float) -> None:
        if now >= self._renew_at:
            self._renew()
            self._renew_at = now + self._manner.failover / 3
        if now >= self._checkpoint_at:
            self._checkpoint(list(self._held))
            self._checkpoint_at = now + self._manner.checkpoint
        if now >= self._sync_at:
            self._sync()
        if now >= self._scan_at:
            if not self._context.stopping.is_set():
                self._scan(now)
            self._scan_at = now + self._manner.failover / 2
        self._measure()

    @property
    def due(self) -> float:
        """When there is something to do, by the monotonic clock."""
        own = [self._renew_at, self._scan_at, self._sync_at]
        if any(held.is_dirty for held in self._held.values()):
            own.append(self._checkpoint_at)
        return min(*own, *(held.reader.due for held in self._held.values()))

    def _measure(self) -> None:
        self._count.set(len(self._held))
        self._lag.set(max((held.reader.lag for held in self._held.values()), default=0))

    def _renew(self) -> None:
        lost, asked = [], []
        for key, held in list(self._held.items()):
            lease = self._table.renew(held.lease)
            if lease is None:
                lost.append(key)
                continue
            held.lease = lease
            if lease.wanted_by is not None:
                asked.append(key)
        self._lose(lost)
        self._hand_over(asked)

    def _lose(self, keys: Sequence[str]) -> None:
        """Another has taken these: nothing of them is noted any more."""
        if not keys:
            return
        text = "%d leases were taken by another process: %s"
        self._log.warning(text, len(keys), ", ".join(keys))
        for key in keys:
            del self._held[key]
        self._forget(keys)
        self._context.revoked(keys, 0.0)

    def _hand_over(self, keys: Sequence[str]) -> None:
        """Deliver and note what is under way of these, and let them go."""
        if not keys:
            return
        drain = min(_LONGEST_DRAIN, self._manner.failover / 3)
        self._context.revoked(keys, drain)
        self._checkpoint(keys)
        for key in keys:
            held = self._held.pop(key, None)
            if held is not None:
                self._table.release(held.lease)
                self._log.info("the lease of %s goes to %s", key, held.lease.wanted_by)
        self._forget(keys)

    def _forget(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.resume.pop(key, None)
            self._delivered.pop(key, None)

    def _checkpoint(self, keys: Iterable[str]) -> None:
        """Note what was delivered of these shards."""
        lost = []
        for key in keys:
            held = self._held.get(key)
            if held is None or held.settled is None or not held.is_dirty:
                continue
            lease = self._table.checkpoint(held.lease, held.settled)
            if lease is None:
                lost.append(key)
            elif lease.has_ended:
                self._ended(key)
            else:
                held.lease = lease
        self._lose(lost)

    def _ended(self, key: str) -> None:
        """All of a shard was delivered: its children are next."""
        del self._held[key]
        self._forget([key])
        self._log.info("%s was resharded, and all of it delivered", key)
        self._sync_at = self._scan_at = time.monotonic()

    def _scan(self, now: float) -> None:
        leases = self._table.all()
        self._sightings.look(leases, now)
        me = self._table.worker
        for lease in leases:
            if lease.owner == me and lease.key not in self._held and self._is_for_me(lease, now):
                self._take(lease)
            elif lease.wanted_by is not None and lease.key in self._held:
                self._renew_at = now
        intended = plan(leases, me, self._sightings, now, self._manner.bounds, self._chance)
        for lease in intended.take:
            self._take(lease)
        for lease in intended.ask:
            self._table.ask_for(lease)
            self._asked[lease.key] = now
        self._force(leases, now)
        self._is_new = False

    def _is_for_me(self, lease: Lease, now: float) -> bool:
        """Whether a lease with this name is one that was handed over, or was had before a crash, or
        is read by nobody: a change whose answer was an error may have been made all the same.
        """
        if lease.has_ended:
            return False
        is_known = self._is_new or lease.key in self._asked
        return is_known or self._sightings.is_free(lease, now)

    def _force(self, leases: Iterable[Lease], now: float) -> None:
        """Take what was asked for long ago: its owner does not know that it may be asked."""
        patience = _FORCED_AFTER * self._manner.failover
        for lease in leases:
            is_asked = lease.wanted_by == self._table.worker and lease.key not in self._held
            if not is_asked:
                continue
            if now - self._asked.setdefault(lease.key, now) >= patience:
                self._take(lease)

    def _take(self, lease: Lease) -> None:
        taken = self._table.take(lease)
        self._asked.pop(lease.key, None)
        if taken is None:
            return
        place = self._place_of(taken)
        if place.kind == LATEST:
            taken = self._table.note_start(taken, since(time.time()))
        if taken is None:
            return
        reader = ShardReader(self._stream, taken.key, place, lambda at: self._begun(taken.key, at))
        self._held[taken.key] = Held(taken, reader)
        self._log.debug("the lease of %s was taken, reading begins %s", taken.key, place)

    def _place_of(self, lease: Lease) -> Place:
        """Where the runtime wants to begin, or where this process has been, unless another has
        been further since then.
        """
        wished, known = self.resume.get(lease.key), self._delivered.pop(lease.key, None)
        for sequence in (wished and wished.incarnation, known):
            if sequence is not None and is_further(sequence, lease.checkpoint):
                return behind(sequence)
        return lease.place

    def _begun(self, key: str, sequence: str) -> None:
        """The first record behind the end has come: reading is to begin there after a crash."""
        held = self._held[key]
        held.lease = self._table.note_start(held.lease, Place(AT, sequence)) or held.lease

    def read(self, most_bytes: int) -> Batch | None:
        """A batch of one shard, if there is one; shards take turns."""
        readers = [held.reader for held in self._held.values()]
        reader = min(readers, key=lambda reader: reader.due, default=None)
        if reader is None or reader.due > time.monotonic():
            return None
        return reader.read(most_bytes)

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """Read again what failed, and remember what was delivered."""
        failed = [token for token, error in outcomes if error is not None]
        for key in {token.shard for token in failed} & self._held.keys():
            self._held[key].reader.rewind(token for token in failed if token.shard == key)
        for key, position in behind.items():
            held = self._held.get(key)
            if held is not None:
                held.settled = position.incarnation
                if held.settled == SHARD_END:
                    self._checkpoint_at = time.monotonic()

    def delivered(self) -> dict[str, str]:
        """By shard, what was delivered and is not noted."""
        known = ((key, held.settled) for key, held in self._held.items() if held.is_dirty)
        fresh = {key: settled for key, settled in known if settled is not None}
        return self._delivered | fresh

    def close(self) -> None:
        """Note what was delivered, and let all leases go."""
        try:
            self._checkpoint(list(self._held))
            for held in self._held.values():
                self._table.release(held.lease)
        except (ConnectorError, OSError) as error:
            text = "leases cannot be given back: %s; others wait until they expire"
            self._log.warning(text, error)
        self._held.clear()
