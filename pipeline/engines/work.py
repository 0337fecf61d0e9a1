"""``Work``: the step that every engine runs. Chunks of bytes go in, what the outputs packed comes
out, or, before a filter that keeps state, events by shards of their keys.

A plugin holds what belongs to a batch while it works, so a ``Work`` is one thread's alone:
``work_for`` keeps one for each thread (with two slots in a process of Flink, two threads of one
interpreter run tasks).
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from ...dsl.reference import Event
from ...dsl.values import copy
from ...plugins import batch
from ...plugins.batch import Batch, Chunk
from ...plugins.codec import Codec
from ...plugins.context import Reasons
from ...plugins.input import CHUNK_BYTES, Input
from ..compile.instantiate import Assembly
from ..runtime.packed_work import PackedWork
from ..runtime.worker_messages import WorkerDeadLetter
from .shipping import Shipment, assembled

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
    """Events of one shard of keys, for the filter that keeps state by them; ``time_ms``: the
    latest of their times, in milliseconds since 1970.
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


class Work:
    """Decode, filters, pack: of one configuration, in one thread."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        keeps = bool(assembly.program.settings["dead_letter_queue.enable"])
        note = self._note_dead_letter if keeps else None
        self._payloads: list[Payload] = []
        self._keeps = keeps
        self._packed_work = PackedWork(assembly, self._give, note)
        self._work = self._packed_work.work
        program = assembly.program
        self.inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]

    def lines(self, chunk: bytes, origin: Mapping[str, Any] | None, read: int = 0) -> Packed:
        """Work on bytes of a stream that were cut at the codec's boundary; ``read`` is the number
        of the input that they are of, ``origin`` the fields that each of its events gets.
        """
        return self._run(read, Batch(chunks=[Chunk(chunk, origin or {})], bytes=len(chunk)))

    def messages(
        self,
        messages: Sequence[bytes],
        metadata: Sequence[Mapping[str, Any]] | None = None,
        read: int = 0,
    ) -> Packed:
        """Work on messages of a broker, each decoded by itself; ``metadata`` has the fields that
        each of them brings, such as ``{"@metadata": {"kafka": {…}}}``.
        """
        if not messages:
            return Packed()
        chunk = Chunk.of_messages(messages, metadata or [{}] * len(messages))
        return self._run(read, Batch(chunks=[chunk], bytes=len(chunk.data)))

    def events(self, batch: Batch, read: int = 0) -> Packed:
        """Work on a batch that an input gave."""
        return self._run(read, batch)

    def whole(self, codec: Codec, content: Iterable[bytes], read: int = 0) -> Iterator[Packed]:
        """Work on all of a stream whose codec cannot be cut, such as multiline, piece by piece."""
        for piece in content:
            for start in range(0, len(piece), CHUNK_BYTES):
                events = codec.decode_or_keep(piece[start : start + CHUNK_BYTES])
                yield self.events(Batch(codec.complete(events)), read)
        yield self.events(Batch(codec.complete(codec.flush())), read)

    def _run(self, read: int, batch: Batch) -> Packed:
        self._payloads = []
        through = self._work.run(read, batch)
        return Packed(self._payloads, [], through.events_in, through.events_out)

    def _give(self, number: int, payload: batch.Payload) -> None:
        self._payloads.append(_row(number, payload, self._keeps))

    def _note_dead_letter(self, number: int, events: list[Event], reasons: Reasons) -> None:
        letter = WorkerDeadLetter(number, copy(events), reasons)
        self._payloads.append(Payload(DEAD_LETTERS, "", pickle.dumps(letter, 5), len(events), True))

    def close(self) -> None:
        """Close the filters."""
        self._packed_work.close()


def _row(number: int, payload: batch.Payload, keeps: bool) -> Payload:
    """A payload as a row. Its events are kept for the dead letters, where there are some."""
    data, lane = payload.data, payload.lane
    is_plain = type(data) is bytes and (lane is None or (type(lane) is str and lane != ""))
    address = lane if isinstance(lane, str) else ""
    if is_plain:
        return Payload(number, address, data, payload.count)
    kept = payload.events if keeps else None
    return Payload(number, address, pickle.dumps((data, lane, kept), 5), payload.count, True)


_kept = threading.local()


def work_for(shipment: Shipment) -> Work:
    """The ``Work`` of a configuration in this thread, made when it is first asked for. Raises
    ConfigError where the configuration does not hold on this machine.
    """
    digest = shipment.digest
    known: dict[str, Work] = _kept.__dict__
    if digest not in known:
        for other in list(known):
            known.pop(other).close()
        known[digest] = Work(assembled(shipment))
    return known[digest]
