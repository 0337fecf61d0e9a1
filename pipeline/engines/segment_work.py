"""One segment at work: its filters, and behind them the outputs, or the exchange to the next."""

from __future__ import annotations

from ...dsl.reference import Event
from ...dsl.values import copy
from ...plugins import batch
from ...plugins.context import Reasons
from ..compile.instantiate import Assembly
from ..runtime.packed_work import PackedWork
from ..runtime.worker_messages import WorkerDeadLetter
from .exchange import Exchange
from .packed import Packed, Payload
from .parts import statements_of
from .segments import segments_of


class SegmentWork:
    """The filters of a segment, open in this thread, and where their events go."""

    def __init__(self, assembly: Assembly, number: int) -> None:
        self.assembly = assembly
        segments = segments_of(assembly)
        self.segment = segments[number]
        behind = segments[number + 1] if number + 1 < len(segments) else None
        self.statements = statements_of(assembly.program, self.segment)
        self._exchange = None if behind is None else Exchange(assembly, behind)
        self._keeps = bool(assembly.program.settings["dead_letter_queue.enable"])
        note = self._note_dead_letter if self._keeps else None
        self._payloads: list[Payload] = []
        self._packed_work = PackedWork(assembly, self._give, note, self.statements)
        self.work = self._packed_work.work

    def emit(self, events: list[Event]) -> None:
        """Hand on events that came out of the filters."""
        if self._exchange is None:
            self.work.write(events)
        else:
            self._exchange.add(events)

    def taken(self, events_in: int, events_out: int, gathers: bool = False) -> Packed:
        """What was handed on since the last call. Where it ``gathers``, and filters make results in
        parts, those may stay for a later call.
        """
        payloads, self._payloads = self._payloads, []
        exchange, rows = self._exchange, []
        if exchange is not None and not (gathers and exchange.gathers()):
            rows = exchange.take()
        return Packed(payloads, rows, events_in, events_out)

    def _give(self, number: int, payload: batch.Payload) -> None:
        self._payloads.append(Payload.of(number, payload, self._keeps))

    def _note_dead_letter(self, number: int, events: list[Event], reasons: Reasons) -> None:
        letter = WorkerDeadLetter(number, copy(events), reasons)
        self._payloads.append(Payload.of_dead_letter(letter))

    def close(self) -> None:
        """Close the filters."""
        self._packed_work.close()
