"""What the filters share that hold something by key and go by the clock: aggregate, elapsed,
throttle.

In a run of its own such a filter has one dict. Its state can be kept elsewhere in two ways. An
engine keeps it by *shards of keys*, and turns the filter to one of them with a watermark: time is
that of events then, and what is over by an event's own time is over before the event is taken in,
so that it does not matter when the watermark is looked at. A group of Kafka consumers keeps it
with the *partitions* that the events come from: the clock goes on, and the filter has a dict for
each.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from ..dsl.reference import Event, FieldRef
from ..dsl.template import Render
from ..dsl.timestamp import Timestamp
from ..plugins.contract import Filter
from ..plugins.event_time import Ending, Here
from ..plugins.option_text import option_texts
from .state import NEVER
from .state.by_key import VERSION, ByKey, Form
from .state.keys import Key
from .state.watermarks import Watermarks

_LATENESS = 10_000
_AHEAD = 300_000
"""Events that are further ahead of the clock than this many milliseconds move no time on."""


class HeldByKey(Filter):
    """A filter whose state may be kept elsewhere, key by key. It works with the dict that it was
    last given to ``hold``.
    """

    lateness_millis = _LATENESS
    combines = False
    keyed: ByKey[Any]
    """The shard of the moment, on an engine."""

    marks: Watermarks | None = None
    """The watermark of an engine that runs the filter; None where time goes by the clock."""

    shards: dict[str, HeldShard] | None = None
    """Where state is kept with partitions: what holds each shard."""

    here: Here = Here()
    ending: Ending = "end"
    leftover: Sequence[Event] = ()

    # -- what each filter says ------------------------------------------------------------------

    @abstractmethod
    def hold(self, held: Any) -> None:
        """Work with this dict from now on."""

    @abstractmethod
    def form(self) -> Form[Any]:
        """How what is held is written."""

    @abstractmethod
    def key_texts(self) -> list[str]:
        """What makes the key, as a configuration has it: fields, or a template."""

    @abstractmethod
    def keys_of(self, events: list[Event]) -> list[Key]:
        """The key by which each event comes to a place; None where it passes by."""

    @abstractmethod
    def meaning_options(self) -> Sequence[str]:
        """The options that say what the state means."""

    def maps_left(self) -> list[Event]:
        """What is still to be told of the dict of the moment when it is forgotten for good."""
        return []

    def time_field(self) -> FieldRef:
        """The field with the time of an event."""
        return _TIMESTAMP

    # -- for engines ----------------------------------------------------------------------------

    @property
    def holder(self) -> HeldByKey:
        """The filter whose state this one works with: itself, unless several share one."""
        return self

    @property
    def is_shared(self) -> bool:
        """Whether several filters share the state: then ``pass_time`` goes before each event."""
        return False

    def pass_time(self, event: Event) -> None:
        """Let time come as far as an event, for its key; what that gives is ``leftover``."""

    def meaning(self) -> dict[str, str]:
        """The options that say what the state means, as texts."""
        return option_texts(self, self.meaning_options())

    def latest_of(self, events: list[Event]) -> int:
        """The latest time of events that are not ahead of the clock; NEVER where there is none."""
        limit = self._clock() + _AHEAD
        times = [at.millis() for event in events if (at := self.instant_of(event)) is not None]
        return max((at for at in times if at <= limit), default=NEVER)

    def instant_of(self, event: Event) -> Timestamp | None:
        """The time of an event, where it has one."""
        at = self.time_field().get(event)
        if type(at) is not Timestamp:
            at = event.get("@timestamp")
        return at if type(at) is Timestamp else None

    def _clock(self) -> int:
        fixed = self.context.settings.get("penstock.now")
        return time.time_ns() // 1_000_000 if fixed is None else int(fixed.millis())

    def shard(self) -> ByKey[Any]:
        """A place for the keys of a shard."""
        return ByKey(self.form())

    def turn_to(self, shard: ByKey[Any], marks: Watermarks) -> None:
        """Work on the keys of a shard from now on, by a watermark that an engine gives."""
        self.keyed, self.marks = shard, marks
        self.hold(shard)

    def moment(self, nanos: int) -> Timestamp:
        """The time of an event that is made because time is up: the present, or on an engine when
        that was, unless a setting fixes the present.
        """
        if self.marks is None or self.context.settings.get("penstock.now") is not None:
            return self.context.now()
        return Timestamp.of_nanos(nanos)

    # -- with partitions ------------------------------------------------------------------------

    @property
    def keeps_elsewhere(self) -> bool:
        """Whether it holds state that can be kept with partitions, where there is a place."""
        return self.by_key and self.id is not None

    @property
    def is_elsewhere(self) -> bool:
        """Whether state is kept by shards."""
        return self.marks is not None or self.shards is not None

    def divide(self) -> None:
        """Hold state by shard from now on, beginning with none."""
        self.shards = {}

    def open_shard(self, name: str) -> HeldShard:
        """What holds a new shard, with nothing in it."""
        assert self.shards is not None
        made = self.shards[name] = HeldShard(self)
        return made

    def drop_shard(self, name: str) -> None:
        """Forget a shard, without a result."""
        assert self.shards is not None
        del self.shards[name]

    def enter_shard(self, name: str) -> None:
        """The events that follow are of this shard, and so is time that passes."""
        if self.shards is not None:
            shard = self.shards.get(name)
            self.hold({} if shard is None else shard.held)

    def leftovers(self) -> list[Event]:
        """What is still to be told, and of the shard of the moment what it held before; once."""
        told, self.leftover = [*self.leftover], ()
        shard = None if self.shards is None else self.shards.get(self.here.shard)
        if shard is not None:
            told, shard.leftover = [*told, *shard.leftover], ()
        return told

    @property
    def is_kept(self) -> bool:
        """Whether what is held goes on elsewhere after the end of this run."""
        return self.shards is not None and self.ending == "keep"

    # -- what filters of event time have, and these do without ----------------------------------

    def begin_partitions(self, names: Iterable[Hashable]) -> None:
        """Time waits for no partition."""

    def idle_partition(self, name: Hashable) -> list[Event]:
        """Nothing is due because of a partition."""
        return []

    def finish_partition(self, name: Hashable) -> list[Event]:
        """Nothing is due because of a partition."""
        return []


class HeldShard:
    """What a filter holds of one partition, as who keeps it sees it."""

    def __init__(self, owner: HeldByKey) -> None:
        self._owner = owner
        self.id, self.name = owner.id, owner.name
        self.held: ByKey[Any] = ByKey(owner.form(), timed=False)
        self.leftover: Sequence[Event] = ()

    def meaning(self) -> dict[str, str]:
        """The options that say what the state means, as texts."""
        return self._owner.meaning()

    def snapshot(self) -> dict[str, Any]:
        """What changed since the last call (all, at the first one) as plain data."""
        return {"version": VERSION, "fields": 1, "marks": None, "keys": self.held.snapshot()}

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from a snapshot."""
        if data["version"] > VERSION:
            message = "the state of `%s` was written by a newer version (%d, this one reads %d)"
            raise ValueError(message % (self.id, data["version"], VERSION))
        self.held.restore(data["keys"])

    def note_changes(self) -> None:
        """What is held now is known: from now on, snapshots have what changes."""
        self.held.changed = set()

    def committed(self, seconds: float) -> None:
        """The last snapshot has been written."""

    def begin_anew(self) -> None:
        """Forget all that is held."""
        for key in list(self.held):
            del self.held[key]

    @property
    def has_changed(self) -> bool:
        """Whether a snapshot would have something."""
        return self.held.changed is None or bool(self.held.changed)

    def drain(self, reason: str) -> list[Event]:
        """What is told of all that is held; then nothing is."""
        self._owner.hold(self.held)
        told = self._owner.maps_left()
        self.begin_anew()
        return told


def rendered(render: Render, events: list[Event]) -> list[Key]:
    """The text of a template for each event; None where it cannot be made, which the filter itself
    will say.
    """
    keys: list[Key] = []
    for event in events:
        try:
            keys.append(render(event))
        except Exception:
            keys.append(None)
    return keys


_TIMESTAMP = FieldRef("@timestamp")
