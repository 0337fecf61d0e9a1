"""``Keyed``: the filters that keep state, on an engine, one shard of keys at a time.

The engine keeps the state of a shard as bytes and says how far time has come; here the filters
take rows of the shard, and give results, the new state, and the watermark at which they must be
woken. The timer is made of the state, never kept beside it: an engine that loses its timers over a
restart sees them again with the first look at the shard.

State is MessagePack: a version, a mark, and for each filter by its ``id`` what its options mean
and its keys, each with what is held of it. Most calls of one thread follow each other on the same
state, so what was made of it stays, known by the mark, and only keys that changed are written
anew; a state from elsewhere, or an older one after a restart, is read.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.reference import Event
from ...filters.state import FOREVER, NEVER
from ...filters.state.watermarks import GivenWatermark
from ...plugins.option_text import digest
from ..compile.instantiate import Assembly
from .exchange import events_of, parts_of
from .packed import Packed
from .parts import SHARDS, holders_in
from .segment_work import SegmentWork
from .shipping import Fetch, Shipment, assembled

VERSION = 1
BATCH = 4096

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_MARK = slice(4, 20)
"""Where the mark stands: behind the heads of the list, of the version and of the mark."""


class Taken(NamedTuple):
    """What came of a call: the state to keep (empty for none), what goes on, and the watermark at
    which ``due`` is to be called, in milliseconds (None where only the end matters).
    """

    state: bytes
    packed: Packed
    timer_ms: int | None


class _Shard:
    """The keys of one shard, by the number of their filter, and how each key is written."""

    def __init__(self, keyed: list[Any], written: list[dict[bytes, bytes]]) -> None:
        self.keyed, self.written = keyed, written


class Keyed:
    """A segment behind an exchange, in one thread."""

    def __init__(self, assembly: Assembly, number: int) -> None:
        self._work = SegmentWork(assembly, number)
        found = holders_in(self._work.statements, assembly)
        self._uses = [use for use, _ in found]
        self._plugins: list[Any] = [plugin for _, plugin in found]
        self._sharing = [each for each in self._plugins if each.by_key and each.is_shared]
        self._meanings = [digest(str(plugin.meaning())) for plugin in self._plugins]
        self._shards: OrderedDict[bytes, _Shard] = OrderedDict()

    def take(
        self, state: bytes | None, rows: Iterable[bytes], watermark_ms: int | None = None
    ) -> Taken:
        """Take blobs of one shard in, in their order. ``watermark_ms``: how far time has come; None
        where it has not begun, as always before the end of inputs that end.
        """
        shard = self._opened(state, watermark_ms)
        taken, given = 0, self._due()
        events: list[Event] = []
        for blob in rows:
            some = events_of(blob)
            if some is None:
                given += self._emit(self._merged(blob))
            else:
                events += some
        for start in range(0, len(events), BATCH):
            some = events[start : start + BATCH]
            taken += len(some)
            given += self._worked(some)
        return self._closed(shard, taken, given)

    def _worked(self, events: list[Event]) -> int:
        """Let events go through. Where filters share state, what is over before an event must have
        gone on before it comes to any of them.
        """
        run = self._work.work.filters.run
        if not self._sharing:
            return self._emit(run(events))
        out: list[Event] = []
        for event in events:
            for plugin in self._sharing:
                plugin.pass_time(event)
            if any(plugin.leftover for plugin in self._sharing):
                out += run([], False)
            out += run([event])
        return self._emit(out)

    def due(self, state: bytes | None, watermark_ms: int) -> Taken:
        """What is due at a watermark."""
        return self.take(state, (), watermark_ms)

    def end(self, state: bytes | None, latest_ms: int | None = None) -> Taken:
        """All that is held, since the inputs have ended; nothing is held then. ``latest_ms``: the
        latest event time of all shards, by which results are due as they would have been before
        the end.
        """
        mark = None if latest_ms is None else latest_ms - self._work.segment.lateness_ms
        self._opened(state, mark)
        given = self._due()
        for plugin in self._plugins:
            plugin.ending = "end"
        given += self._emit(self._work.work.filters.run([], True))
        return Taken(b"", self._work.taken(0, given), None)

    def _emit(self, events: list[Event]) -> int:
        self._work.emit(events)
        return len(events)

    def _due(self) -> int:
        """Let go on what is due at the watermark of the plugins."""
        if all(each.marks.watermark < each.keyed.timers.first for each in self._plugins):
            return 0
        return self._emit(self._work.work.filters.run([], False))

    def _merged(self, blob: bytes) -> list[Event]:
        """Take parts in, and let what came of them go on through the filters behind."""
        (plugin,) = self._plugins
        plugin.leftover = [*plugin.leftover, *plugin.merge(parts_of(blob))]
        return self._work.work.filters.run([], False) if plugin.leftover else []

    # -- state ----------------------------------------------------------------------------------

    def _opened(self, state: bytes | None, watermark_ms: int | None) -> _Shard:
        """The shard of a state, with the filters turned to it."""
        shard = self._shards.pop(state[_MARK], None) if state else None
        if shard is None:
            shard = self._read(state)
        mark = NEVER if watermark_ms is None else watermark_ms
        for plugin, keyed in zip(self._plugins, shard.keyed, strict=True):
            marks = GivenWatermark(plugin.lateness_millis)
            marks.watermark = mark
            plugin.turn_to(keyed, marks)
        return shard

    def _read(self, state: bytes | None) -> _Shard:
        made = [plugin.shard() for plugin in self._plugins]
        written: list[dict[bytes, bytes]] = [{} for _ in made]
        version, _, filters = _decode(state) if state else (VERSION, b"", {})
        if version > VERSION:
            message = f"the state was written by a newer version ({version}; this reads {VERSION})"
            raise ConfigError([Diagnostic("E265", message, None, "run the newer version")])
        for number in range(len(self._plugins)):
            held = filters.get(self._name(number))
            if held is None:
                continue
            meaning, rows = held
            if meaning != self._meanings[number]:
                raise ConfigError([self._of_another_meaning(number)])
            written[number] = rows
            made[number].restore([_decode(key), _decode(row)] for key, row in rows.items())
        for keyed in made:
            keyed.changed = set()
        return _Shard(made, written)

    def _name(self, number: int) -> str:
        """What a filter is known by in the state: its id, or its place among those of the
        segment.
        """
        given: str | None = self._plugins[number].id
        return str(number) if given is None else given

    def _of_another_meaning(self, number: int) -> Diagnostic:
        use = self._uses[number]
        message = f"the state of `{use.name}` was kept with options that mean something else"
        help = "give it another `id`, or start with an empty checkpoint directory"
        return Diagnostic("E265", message, use.name_span, help)

    def _closed(self, shard: _Shard, taken: int, given: int) -> Taken:
        """The state of a shard, written."""
        shard.keyed = [plugin.keyed for plugin in self._plugins]
        for keyed, written in zip(shard.keyed, shard.written, strict=True):
            for key, data in keyed.snapshot():
                name = _encode(key)
                if data is None:
                    written.pop(name, None)
                else:
                    written[name] = _encode(data)
        packed = self._work.taken(taken, given)
        if not any(shard.written):
            return Taken(b"", packed, None)
        mark = os.urandom(16)
        filters = {
            self._name(number): [meaning, shard.written[number]]
            for number, meaning in enumerate(self._meanings)
        }
        self._shards[mark] = shard
        if len(self._shards) > SHARDS:
            self._shards.popitem(last=False)
        first = min(keyed.timers.first for keyed in shard.keyed)
        timer = None if first >= FOREVER >> 8 else first
        return Taken(_encode([VERSION, mark, filters]), packed, timer)

    def close(self) -> None:
        """Close the filters."""
        self._work.close()


_kept = threading.local()


def keyed_for(shipment: Shipment, number: int, fetch: Fetch | None = None) -> Keyed:
    """The ``Keyed`` of a segment in this thread, made when it is first asked for; raises as
    ``work_for``.
    """
    known: dict[str, dict[int, Keyed]] = _kept.__dict__
    for other in [each for each in known if each != shipment.digest]:
        for keyed in known.pop(other).values():
            keyed.close()
    mine = known.setdefault(shipment.digest, {})
    if number not in mine:
        mine[number] = Keyed(assembled(shipment, fetch), number)
    return mine[number]
