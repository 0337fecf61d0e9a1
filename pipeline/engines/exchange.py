"""Events on their way to the shard of their key.

A blob is a letter and what it says: ``E`` events, with ``@metadata`` and instants as they are;
``P`` what a filter made of events before the exchange, to be merged behind it (map, combine,
shuffle, reduce): a line of events shrinks to a row for each key and window.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec

from ...dsl.reference import Event
from ...filters.state import FOREVER, NEVER
from ...filters.state.keys import Key
from ...filters.state.plain import plain, revive
from ...filters.state.watermarks import GivenWatermark
from ...plugins.records.events import pack, unpack
from ..compile.instantiate import Assembly
from .packed import KeyedRow
from .parts import SHARDS, Segment, holders_in, statements_of

_EVENTS, _PARTIAL = b"E", b"P"
_KNOWN = 100_000
_GATHERED = 5_000
"""Of how many keys results in parts are gathered over chunks."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def shard_of(key: Key) -> int:
    """The shard of a key: the same on every machine."""
    return crc32(_encode(plain(key))) % SHARDS


class Exchange:
    """Gathers events for a segment behind an exchange, and gives them as rows."""

    def __init__(self, assembly: Assembly, segment: Segment) -> None:
        statements = statements_of(assembly.program, segment)
        self._plugins = [plugin for _, plugin in holders_in(statements, assembly)]
        self._plugin: Any = self._plugins[0]
        self._combines = segment.keyed[0].combines
        if self._combines:
            self._plugin.turn_to(self._plugin.shard(), GivenWatermark(0))
        self._shards: dict[Key, int] = {}
        self._events: dict[int, list[Event]] = {}
        self._latest = NEVER

    def add(self, events: list[Event]) -> None:
        """Take events for the filter."""
        if not events:
            return
        plugin = self._plugin
        latest = max(each.latest_of(events) for each in self._plugins)
        self._latest = max(self._latest, latest)
        keyless = len(events) % SHARDS
        if self._combines:
            events = plugin.run(events)
        known, gathered = self._shards, self._events
        for event, key in zip(events, plugin.keys_of(events), strict=True):
            shard = known.get(key)
            if shard is None:
                shard = keyless if key is None else self._noted(key)
            mine = gathered.get(shard)
            if mine is None:
                gathered[shard] = [event]
            else:
                mine.append(event)

    def _noted(self, key: Key) -> int:
        if len(self._shards) >= _KNOWN:
            self._shards.clear()
        shard = self._shards[key] = shard_of(key)
        return shard

    def gathers(self) -> bool:
        """Whether results in parts may still wait for more events, of which fewer rows come."""
        if not self._combines:
            return False
        most: int = min(_GATHERED, self._plugin.max_keys // 2)
        return len(self._plugin.keyed.states) < most

    def take(self) -> list[KeyedRow]:
        """What was added since the last call, as rows."""
        latest, self._latest = self._latest, NEVER
        at = 0 if latest == NEVER else min(max(latest, -_FAR), _FAR)
        gathered, self._events = self._events, {}
        rows = [KeyedRow(shard, at, _EVENTS + pack(events)) for shard, events in gathered.items()]
        return [*rows, *self._partials(at)] if self._combines else rows

    def _partials(self, at: int) -> list[KeyedRow]:
        """What the filter made of the events, by shard; it holds nothing then."""
        shard = self._plugin.keyed
        by_shard: dict[int, list[Any]] = {}
        for key in shard.states:
            number = self._shards.get(key)
            by_shard.setdefault(self._noted(key) if number is None else number, []).append(key)
        rows = []
        for number, keys in by_shard.items():
            parts = [shard.dumped(key) for key in keys]
            rows.append(KeyedRow(number, at, _PARTIAL + _encode(parts)))
        self._plugin.turn_to(self._plugin.shard(), GivenWatermark(0))
        return rows


_FAR = FOREVER >> 8


def events_of(blob: bytes) -> list[Event] | None:
    """The events of a blob; None where it holds parts."""
    return unpack(blob[1:]) if blob[:1] == _EVENTS else None


def parts_of(blob: bytes) -> list[tuple[Key, Any]]:
    """The keys of a blob with what was made of their events."""
    return [(revive(key), revive(data)) for key, data in _decode(blob[1:])]
