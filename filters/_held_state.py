"""What a filter of event time holds, and what becomes of it: emitted when it is due, kept over a
restart, emitted as parts where it cannot be kept.

State is found again by the ``id`` of the filter. It means the same as long as the options do that
say what is gathered; the others (``neutral`` ones) may change from one start to the next.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Self

import msgspec

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..plugins.contract import Filter, complain
from ..plugins.event_time import Ending, Here
from ..plugins.option_text import option_texts
from ._stream_results import Ids
from .state import NEVER
from .state.held_keys import HeldKeys
from .state.keyed import VERSION
from .state.keys import Key, Keys
from .state.times import EventTimes
from .state.watermarks import Partition, Watermarks

PARTIAL = "_partial"

_ROOM = 0.9
_FEW = 10_000
_MOST_SEEN = 1_000_000

_GREATEST = (
    "watermark_lag_seconds",
    "late_most_seconds",
    "checkpoint_seconds",
    "checkpoint_age_seconds",
)
_NEUTRAL = frozenset({"lateness", "idle", "future", "late", "keep", "max_keys"})


class Counts(msgspec.Struct):
    """What a filter counts."""

    late: int = 0
    late_most: int = 0
    future: int = 0
    skipped: int = 0
    failed: int = 0
    results: int = 0

    def add(self, other: Counts) -> None:
        """Count what another has counted, too."""
        self.late_most = max(self.late_most, other.late_most)
        for name in ("late", "future", "skipped", "failed", "results"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class HeldState(Filter):
    """State by key, in the events' own time."""

    reshapes = True
    keyed_by = ()
    flushes = True
    event_time: ClassVar[bool] = True
    shares: ClassVar[bool] = False

    neutral: ClassVar[frozenset[str]] = frozenset()
    """Options of this filter that may change while its state goes on."""

    ending: Ending = "end"
    leftover: Sequence[Event] = ()
    begins_partial = False
    whole_from: int | None = None
    """Results of a time before are parts: what was held of it was lost."""

    late_by = 0
    """By how much the last late event was late, in milliseconds."""

    bytes = 0
    next_look = _FEW
    """The number of keys at which memory is looked at next."""

    checkpoint: tuple[float, float] | None = None
    """How long the last commit of the state took, and when it ended, in seconds."""

    here: Here = Here()
    """Where the events of the moment come from; the runtime puts its own there."""

    keyed: HeldKeys[Any]
    """What is held; of a shard, where an engine says so."""

    shards: dict[str, Self] | None = None
    """Where state is kept with partitions: a filter like this one for each shard, which holds what
    is of that shard, its own time among it.
    """

    _came_in: dict[Key, Partition] | None = None
    _room = 1.0
    """The part of the memory for state that this shard may take."""

    def hold(self, keyed: HeldKeys[Any], keys: Keys, marks: Watermarks) -> None:
        """Begin with nothing."""
        self.keyed, self.keys, self.marks = keyed, keys, marks
        self.counts = Counts()
        if self._came_in is None:
            self._came_in = {}

    def ids(self) -> Ids:
        """The ids of this filter's results."""
        return Ids(str(self.context.settings.get("pipeline.id", "main")), self.title)

    @property
    def title(self) -> str:
        """The name of the filter in its results."""
        return self.id or self.name

    def clock(self) -> int:
        """The present in milliseconds."""
        fixed = self.context.settings.get("penstock.now")
        return time.time_ns() // 1_000_000 if fixed is None else int(fixed.millis())

    @property
    def watermark(self) -> int:
        """How far time has come, in milliseconds."""
        return self.marks.watermark

    @property
    def lateness_millis(self) -> int:
        """How long events out of order are waited for."""
        return self.marks.lateness

    @property
    def late_events(self) -> int:
        """How many events came too late so far."""
        return self.counts.late

    # -- results ------------------------------------------------------------------------------

    def due(self, mark: int, reason: str) -> list[Event]:
        """What is due at a watermark, decorated."""
        return self.told(self.keyed.due(mark, reason))

    def told(self, results: list[Event]) -> list[Event]:
        """Results, counted and decorated."""
        self.counts.results += len(results)
        if self.whole_from is not None and results:
            self._tag_parts(results, self.whole_from)
        if self.decorate is not None:
            for result in results:
                try:
                    self.decorate(result)
                except Exception as error:
                    self.failed(result, error)
        return results

    def see_partition(self, keys: list[Key], partition: Partition) -> None:
        """Look whether a key came in another partition before, which another process may have."""
        known = self._came_in
        assert known is not None
        for key in set(keys):
            before = known.setdefault(key, partition)
            if before != partition:
                complain(
                    f"{self.context.where} partitions",
                    "%s: %s: key `%s` came in partitions %s and %s: its results are parts; key the"
                    " topic by `by` (%s)",
                    self.context.where,
                    self.title,
                    key,
                    before,
                    partition,
                    "W323",
                )
        if len(known) > _MOST_SEEN:
            known.clear()

    def see_first(self, times: list[int]) -> None:
        """The first events after what was held had been lost: windows that are open are parts."""
        self.begins_partial, self.whole_from = False, max(times)

    def _tag_parts(self, results: list[Event], whole_from: int) -> None:
        for result in results:
            held = result.get("event")
            start = held.get("start") if isinstance(held, dict) else None
            at = EventTimes.millis(start or result.get("@timestamp"))
            if at is not None and at <= whole_from:
                add_tag(result, PARTIAL)

    # -- time without events ------------------------------------------------------------------

    def flush(self, final: bool) -> list[Event]:
        """What is due by the clock; at the end, what is not kept."""
        before, self.leftover = list(self.leftover), ()
        if self.shards is not None:
            shard = self.shards.get(self.here.shard)
            if shard is not None:
                shard.ending = self.ending
                before += shard.flush(final)
            return before
        if not final:
            return [*before, *self._after(self.marks.tick(self.clock())), *self.bound()]
        if self.ending == "keep":
            return before
        if self.ending == "stop":
            return [*before, *self.drain("stop")]
        results = self.told(self.keyed.end("end"))
        self.begin_anew()
        return [*before, *results]

    def begin_anew(self) -> None:
        """Forget all that was held, but not what was counted."""
        if self.marks.is_given:
            self.turn_to(self.shard(), self.marks)
            return
        counts, changed = self.counts, self.keyed.changed
        self.prepare()
        self.counts, self.keyed.changed = counts, changed

    # -- driven by an engine, shard by shard -------------------------------------------------------

    @property
    def holder(self) -> HeldState:
        """The filter whose state this one works with: itself."""
        return self

    def shard(self) -> HeldKeys[Any]:
        """A place for the keys of a shard."""
        return self.keyed.empty()

    def turn_to(self, shard: HeldKeys[Any], marks: Watermarks) -> None:
        """Work on the keys of another shard from now on, by a watermark that is given."""
        self.keyed, self.marks = shard, marks

    def drain(self, reason: str) -> list[Event]:
        """All that is held, tagged as a part of what there would have been: for a stop without a
        place for state, and for a change of meaning.
        """
        results = self.told(self.keyed.end(reason))
        for result in results:
            add_tag(result, PARTIAL)
        self.begin_anew()
        return results

    def _after(self, mark: int) -> list[Event]:
        return self.due(mark, self.marks.reason) if mark >= self.keyed.timers.first else []

    def begin_partitions(self, names: Iterable[Partition]) -> None:
        """Make partitions known that have not begun: time waits for them."""
        self.marks.begin(names, self.clock())

    def idle_partition(self, name: Partition) -> list[Event]:
        """Wait for a partition no longer until it speaks again; what is due because of that."""
        return self._after(self.marks.idle_now(name))

    def finish_partition(self, name: Partition) -> list[Event]:
        """Wait for a partition no longer: it has ended; what is due because of that."""
        return self._after(self.marks.finish(name))

    # -- memory -------------------------------------------------------------------------------

    def bound(self) -> list[Event]:
        """Look whether the state takes more memory than it may: then what was quiet longest is
        emitted, as parts.
        """
        states, most = self.keyed.states, int(self.context.limit("state") * self._room)
        self.bytes = size = self.keyed.size()
        gone = int(len(states) * (1 - _ROOM * most / size)) + 1 if size > most else 0
        if gone:
            complain(
                f"{self.context.where} memory",
                "%s: %s: its state takes about %d MiB, more than penstock.limits.state; %d of %d"
                " keys are emitted before their time, tagged `_partial`",
                self.context.where,
                self.title,
                size >> 20,
                gone,
                len(states),
            )
        results = self.told(self.keyed.evict(gone, "memory"))
        for result in results:
            add_tag(result, PARTIAL)
        self.next_look = max(len(states) * 5 // 4, _FEW)
        return results

    # -- state ----------------------------------------------------------------------------------

    def meaning(self) -> dict[str, str]:
        """The options that say what the state means, as texts."""
        options = self.spec.options.values()
        left_out = _NEUTRAL | self.neutral
        names = [each.name for each in options if not each.common and each.name not in left_out]
        return option_texts(self, names)

    def snapshot(self) -> dict[str, Any]:
        """What changed since the last call (all, at the first one) as plain data."""
        return {
            "version": VERSION,
            "filter": self.name,
            "fields": len(self.keys.fields),
            "marks": self.marks.dump(),
            "keys": self.keyed.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from a snapshot; several are given in the order in which they were taken."""
        if data["version"] > VERSION:
            message = "the state of `%s` was written by a newer version (%d, this one reads %d)"
            raise ValueError(message % (self.title, data["version"], VERSION))
        self.marks.load(data["marks"], self.clock())
        self.keyed.restore(data["keys"])

    def note_changes(self) -> None:
        """What is held now is known: from now on, snapshots have what changes."""
        self.keyed.changed = set()

    def forget_changes(self) -> None:
        """The next snapshot has all that is held."""
        self.keyed.changed = None

    def committed(self, seconds: float) -> None:
        """The last snapshot is on the disk, which took so long."""
        self.checkpoint = seconds, time.monotonic()

    # -- shards ---------------------------------------------------------------------------------

    @property
    def has_changed(self) -> bool:
        """Whether a snapshot would have something."""
        return self.keyed.changed is None or bool(self.keyed.changed)

    def divide(self) -> None:
        """Hold state by shard from now on, beginning with none."""
        self.shards = {}

    def open_shard(self, name: str) -> Self:
        """The filter of a new shard, which holds nothing."""
        assert self.shards is not None
        made = copy(self)
        made.shards, made.leftover = None, ()
        made.prepare()
        self.shards[name] = made
        self._share_room(self.shards)
        return made

    def drop_shard(self, name: str) -> None:
        """Forget a shard; what it counted stays counted."""
        assert self.shards is not None
        gone = self.shards.pop(name)
        self.counts.add(gone.counts)
        self._share_room(self.shards)

    @staticmethod
    def _share_room(shards: Mapping[str, HeldState]) -> None:
        for shard in shards.values():
            shard._room = 1 / len(shards)

    def stats(self) -> dict[str, int | float]:
        held = self._own_stats()
        for shard in list((self.shards or {}).values()):  # asked for from another thread
            for name, value in shard.stats().items():
                known = held.get(name, 0)
                held[name] = max(known, value) if name in _GREATEST else known + value
        return held

    def _own_stats(self) -> dict[str, int | float]:
        counts, marks = self.counts, self.marks
        tops = [p.top for p in marks.partitions.values() if p.top > NEVER]
        lag = max(tops) - marks.watermark if tops and marks.watermark > NEVER else 0
        held: dict[str, int | float] = {
            "watermark_lag_seconds": lag / 1000,
            "keys": len(self.keyed.states),
            "late": counts.late,
            "late_most_seconds": counts.late_most / 1000,
            "future": counts.future,
            "skipped": counts.skipped,
            "results": counts.results,
            "state_bytes": self.bytes,
            "overflow": self.keyed.evicted,
            "idle_partitions": sum(p.state == "idle" for p in marks.partitions.values()),
        }
        if self.checkpoint is not None:
            took, ended = self.checkpoint
            held["checkpoint_seconds"] = took
            held["checkpoint_age_seconds"] = time.monotonic() - ended
        return held


def millis(seconds: float) -> int:
    """A duration in whole milliseconds."""
    return round(seconds * 1000)
