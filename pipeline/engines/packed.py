"""What goes from one place of an engine to another: rows of plain data."""

from __future__ import annotations

import pickle
from typing import NamedTuple

import msgspec

from ...plugins import batch
from ..runtime.worker_messages import WorkerDeadLetter

DEAD_LETTERS = -1
"""In the place of an output's number: events that a plugin could not handle."""


class Payload(NamedTuple):
    """What an output packed of so many events. ``address`` is the lane, where that is a text: the
    path of a file. ``payload`` is what goes to the target as it stands; where an output packs
    anything else than bytes it is ``pickled``, and only ``unpacked`` reads it.
    """

    output: int
    address: str
    payload: bytes
    events: int
    pickled: bool = False

    @classmethod
    def of(cls, number: int, payload: batch.Payload, keeps: bool) -> Payload:
        """What an output packed as a row; ``keeps``: its events are wanted for dead letters."""
        data, lane = payload.data, payload.lane
        address = lane if isinstance(lane, str) else ""
        if type(data) is bytes and (lane is None or address):
            return cls(number, address, data, payload.count)
        kept = payload.events if keeps else None
        return cls(number, address, pickle.dumps((data, lane, kept), 5), payload.count, True)

    @classmethod
    def of_dead_letter(cls, letter: WorkerDeadLetter) -> Payload:
        """Events that a plugin could not handle, as a row."""
        return cls(DEAD_LETTERS, "", pickle.dumps(letter, 5), len(letter.events), True)

    def unpacked(self) -> batch.Payload:
        """The payload for ``Output.deliver``."""
        if not self.pickled:
            return batch.Payload(self.payload, None, self.address or None, self.events)
        data, lane, events = pickle.loads(self.payload)
        return batch.Payload(data, events, lane, self.events)

    def dead_letter(self) -> WorkerDeadLetter:
        """What stands in a payload of the output ``DEAD_LETTERS``."""
        found: WorkerDeadLetter = pickle.loads(self.payload)
        return found


class KeyedRow(NamedTuple):
    """Events of one shard of keys, or results of theirs in parts, for the filter that keeps state
    by them. ``time_ms``: the latest event time, in milliseconds since 1970, of the chunk that they
    came of; rows of one source are in order, and sorted by this time they stay so.
    """

    shard: int
    time_ms: int
    blob: bytes


class Packed(msgspec.Struct):
    """What came of a chunk: payloads for outputs, rows for the filter behind the exchange, and how
    many events came in and went out of the filters.
    """

    payloads: list[Payload] = []
    keyed: list[KeyedRow] = []
    events_in: int = 0
    events_out: int = 0

    @property
    def bytes_out(self) -> int:
        """Of the payloads for outputs."""
        return sum(len(one.payload) for one in self.payloads if one.output != DEAD_LETTERS)
