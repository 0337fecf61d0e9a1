"""One step of the pipeline, wherever it runs: decode a batch, filter it, pack it for the outputs.

The main process, a worker process and an engine all run this; they differ in what becomes of the
payloads, which the outputs' ``write`` decides: whoever makes a Work sets it first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ...dsl.program import Branch, Statement
from ...dsl.reference import Event
from ...dsl.unmade import UnmadeEvents
from ...plugins.batch import Batch
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.output import Output
from ..compile.generate import Observer, generate
from ..compile.instantiate import Assembly
from ..compile.section import Run
from .decoding import Decoder
from .finite_numbers import FiniteNumbers
from .partitions import Partitions, by_part


class Through(NamedTuple):
    """How many events a step took in, and how many came out of the filters."""

    events_in: int
    events_out: int


class Work:
    """The step of one pipeline. The plugins are open; ``inputs`` are those that batches come from;
    ``statements``: the filters, where they are not all of the pipeline's.
    """

    def __init__(
        self,
        assembly: Assembly,
        inputs: list[Input],
        observer: Observer | None = None,
        statements: Sequence[Statement] | None = None,
    ) -> None:
        program = assembly.program
        statements = program.filters if statements is None else statements
        self.filters = generate(statements, assembly.made, "filters", observer)
        self._outputs = generate(program.outputs, assembly.made, "outputs", observer)
        self._decoders = [Decoder(source) for source in inputs]
        self._finite = self._known_numbers(assembly, inputs, statements)
        self._size = int(program.settings.get("pipeline.batch.size") or 0)
        self._partitions = Partitions.of(assembly, inputs)
        plugins = assembly.plugins(statements)
        self.flushes = any(p.flushes for p in plugins if isinstance(p, Filter))
        self._unmade = self._takes_lines(assembly, statements)
        self._rows = self._unmade and takes_rows(assembly, statements) and _writes_rows(assembly)

    def _takes_lines(self, assembly: Assembly, statements: Sequence[Statement]) -> bool:
        """Whether the filters may be given lines whose events are not made yet."""
        if not statements or self._size or self.filters.one_by_one:
            return False
        first = statements[0]
        plugin = None if isinstance(first, Branch) else assembly.made[first]
        return isinstance(plugin, Filter) and plugin.takes_lines

    def _known_numbers(
        self, assembly: Assembly, inputs: Sequence[Input], statements: Sequence[Statement]
    ) -> FiniteNumbers:
        codecs = [decoder.codec for decoder in self._decoders]
        outputs = assembly.plugins(assembly.program.outputs)
        writers = [codec for output in outputs for codec in output.context.codecs]
        return FiniteNumbers([*inputs, *codecs, *assembly.plugins(statements)], writers)

    def run(self, source: int, batch: Batch) -> Through:
        """Work on a batch of the input with this number; a batch without an input is decoded."""
        taken = given = 0
        if source < 0 or batch.chunks is None:
            self._finite.forget()
        unmade = self._unmade and self._partitions is None
        decoded = (
            [batch.events or []] if source < 0 else self._decoders[source].batches(batch, unmade)
        )
        if self._partitions is not None:
            return self._run_by_partition(self._partitions, source, batch, decoded)
        for events in decoded:
            taken += len(events)
            if self._rows and type(events) is UnmadeEvents:
                events.may_wait = True
            for some in self.slices(events):
                given += self._write(self.filters.run(some))
        return Through(taken, given)

    def decoded(self, source: int, batch: Batch) -> Iterator[tuple[int | None, list[Event]]]:
        """The events of a batch, by part, in lists of the size that a setting asks for."""
        if source < 0:
            lists: Iterable[list[Event]] = [batch.events or []]
        else:
            unmade = self._unmade and len(batch.parts) < 2
            lists = self._decoders[source].batches(batch, unmade)
        for events in lists:
            part = None if source < 0 else self._decoders[source].part
            for number, some in by_part(batch, part, events):
                for each in self.slices(some):
                    yield number, each

    def run_filtered(
        self, source: int, batch: Batch, filtered: Iterable[tuple[int | None, list[Event], Run]]
    ) -> int:
        """Work on what came out of filters before, by part of its batch, each list with the filters
        that it goes through; how many events came out of these.
        """
        assert self._partitions is not None
        self._finite.forget()
        self._partitions.begin(source, batch.parts)
        given = 0
        for part, events, run in filtered:
            self._partitions.turn_to(source, batch.parts, part)
            for some in self.slices(events):
                given += self._write(run(some))
        if self._partitions.end(source, batch.parts):
            given += self.flush(final=False)
        return given

    def _run_by_partition(
        self, partitions: Partitions, source: int, batch: Batch, decoded: Iterable[list[Event]]
    ) -> Through:
        taken = given = 0
        partitions.begin(source, batch.parts)
        for events in decoded:
            taken += len(events)
            part = None if source < 0 else self._decoders[source].part
            for each in partitions.slices(source, batch, part, events):
                for some in self.slices(each):
                    given += self._write(self.filters.run(some))
        if partitions.end(source, batch.parts):
            given += self.flush(final=False)
        return Through(taken, given)

    def flush(self, final: bool) -> int:
        """Have what the filters hold and is due go on; all of it, when ``final``."""
        if self._partitions is None:
            return self._write(self.filters.run([], final))
        given = 0
        for _ in self._partitions.turns():
            given += self._write(self.filters.run([], final))
        return given

    def write(self, events: list[Event]) -> int:
        """Hand events to the outputs that did not come through the filters; how many."""
        self._finite.forget()
        return self._write(events)

    def slices(self, events: list[Event]) -> Iterator[list[Event]]:
        """Events in batches of the size that a setting asks for."""
        size = self._size
        if not size or len(events) <= size:
            yield events
            return
        for start in range(0, len(events), size):
            yield events[start : start + size]

    def _write(self, events: list[Event]) -> int:
        if events:
            self._outputs.run(events)
        return len(events)


def takes_rows(assembly: Assembly, statements: Sequence[Statement]) -> bool:
    """Whether the filters behind the first one, without conditions, can do with rows in the place
    of events.
    """
    if not statements or any(isinstance(each, Branch) for each in statements):
        return False
    _, *others = assembly.plugins(statements)
    return all(isinstance(plugin, Filter) and plugin.takes_rows for plugin in others)


def _writes_rows(assembly: Assembly) -> bool:
    """Whether there is one output whose codec writes rows, and that keeps no events."""
    if any(isinstance(each, Branch) for each in assembly.program.outputs):
        return False
    outputs = assembly.plugins(assembly.program.outputs)
    if len(outputs) != 1 or not isinstance(output := outputs[0], Output):
        return False
    encoding = output.plain_encoding()
    if encoding is None or not encoding[0].takes_rows:
        return False
    return output.context.dead_letter is None
