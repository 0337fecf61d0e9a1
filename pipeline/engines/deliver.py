"""Outputs where an engine works: payloads are delivered in the task, as a pipeline delivers them,
with connections kept from batch to batch.

An outage is waited for. What an output cannot take at all ends the task, and the engine gives its
batch again: so delivery is at least once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial

from ...dsl.diagnostics import ConfigError
from ...plugins.errors import Misconfigured
from ...plugins.output import Output
from ..compile.instantiate import Assembly, misconfigured
from ..delivery.dead_letter_writer import DeadLetterWriter
from ..delivery.dispatch import OutputSink, sinks_of
from ..delivery.pending import PendingAck
from ..runtime.opening import open_plugin
from .packed import DEAD_LETTERS, Payload


class Deliveries:
    """The outputs of a configuration, or those with the given numbers, open and connected. Where
    it does not keep dead letters, whoever has made it gives the outputs a place for them.
    """

    def __init__(
        self,
        assembly: Assembly,
        numbers: Sequence[int] | None = None,
        keeps_dead_letters: bool = True,
    ) -> None:
        self._assembly = assembly
        self._stopping, self._ended = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        settings = assembly.program.settings
        self._dead_letters: DeadLetterWriter | None = None
        if keeps_dead_letters and settings["dead_letter_queue.enable"]:
            self._dead_letters = DeadLetterWriter(settings)
        plugins = assembly.plugins(assembly.program.outputs)
        outputs = [plugin for plugin in plugins if isinstance(plugin, Output)]
        self._numbers = list(range(len(outputs))) if numbers is None else list(numbers)
        self._opened: list[Output] = []
        self._sinks: list[OutputSink] = []
        try:
            self._open([outputs[number] for number in self._numbers])
        except BaseException:
            self.close()
            raise

    def _open(self, outputs: list[Output]) -> None:
        for output in outputs:
            output.context.stopping = self._stopping
            if self._dead_letters is not None:
                output.context.dead_letter = partial(self._dead_letters.write, output)
            open_plugin(output)
            self._opened.append(output)
        self._sinks += sinks_of(outputs, self._stopping, self._failed)
        for sink in self._sinks:
            self._or_refused(sink.start)

    def deliver(self, payloads: Sequence[Payload]) -> None:
        """Deliver payloads of these outputs, and dead letters; returns when the targets have them.
        Raises Undelivered, OSError, or ConfigError where a server refuses what an option says.
        """
        ended, failed = threading.Event(), list[Exception | None]()

        def done(error: Exception | None) -> None:
            failed.append(error)
            ended.set()

        sinks = dict(zip(self._numbers, self._sinks, strict=True))
        with PendingAck(done) as pending:
            for payload in payloads:
                if payload.output == DEAD_LETTERS:
                    self._write_dead_letter(payload)
                else:
                    sink = sinks[payload.output]
                    self._or_refused(partial(sink.submit, payload.unpacked(), pending))
        while not ended.wait(0.5):
            if self._error is not None:
                break
        if self._error is not None:
            raise self._told(self._error)
        if failed[0] is not None:
            raise self._told(failed[0])

    def _write_dead_letter(self, payload: Payload) -> None:
        if self._dead_letters is None:
            return
        letter = payload.dead_letter()
        plugin = list(self._assembly.made.values())[letter.plugin]
        self._dead_letters.write_if_possible(plugin, letter.events, letter.reasons)

    @property
    def dead_letters(self) -> int:
        """How many dead letters were written."""
        return 0 if self._dead_letters is None else self._dead_letters.store.counts.written

    def _failed(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stopping.set()

    def _or_refused(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Misconfigured as error:
            raise self._told(error) from error

    def _told(self, error: BaseException) -> BaseException:
        if isinstance(error, Misconfigured):
            return ConfigError([misconfigured(self._assembly, error)])
        return error

    def end(self) -> None:
        """Let the outputs deliver what waits. Raises what made one fail."""
        for sink in self._sinks:
            sink.end()
        if self._error is not None:
            raise self._told(self._error)

    def close(self) -> None:
        """Let go of connections and files."""
        self._stopping.set()
        for sink in self._sinks:
            sink.close()
        for output in reversed(self._opened):
            output.close()
        if self._dead_letters is not None:
            self._dead_letters.close()
