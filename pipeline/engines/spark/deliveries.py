"""Where a task delivers: parts of files, dead letters, and outputs that talk to a server.

Connections are kept from task to task of one Python worker. What is delivered to a server is
delivered again when the task is repeated; files and dead letters count only when the driver has
heard that the task came through.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ....dsl.reference import Event
from ....plugins.context import Reasons
from ....plugins.data_paths import data_directory
from ....plugins.output import Output
from ....plugins.outputs.file import File
from ....plugins.outputs.stdout import Stdout
from ....plugins.plugin import Plugin
from ...compile.instantiate import Assembly
from ...delivery.dead_letter_writer import DeadLetterWriter
from ..deliver import Deliveries
from ..shipping import Shipment
from ..work import DEAD_LETTERS, Packed, Payload
from .shipped import work_here
from .write import TEMPORARY, Attempt, StagedFile, StagedFiles

_MOST_BYTES = 4 << 20
_MOST_EVENTS = 10_000


def outputs_of(assembly: Assembly) -> list[Output]:
    """The outputs of a configuration, in the order of the text."""
    plugins = assembly.plugins(assembly.program.outputs)
    return [plugin for plugin in plugins if isinstance(plugin, Output)]


class StagedLetters:
    """The dead letters of one attempt, in a directory that is begun with the first of them."""

    def __init__(self, assembly: Assembly, attempt: Attempt) -> None:
        self._settings = assembly.program.settings
        given = self._settings["path.dead_letter_queue"]
        root = Path(given) if given else data_directory(self._settings) / "dead_letter_queue"
        self._name, self._parent = attempt.own, root / TEMPORARY
        self._target = root / attempt.part
        self._writer: DeadLetterWriter | None = None
        self.count = 0

    def write(self, plugin: Plugin, events: list[Event], reasons: Reasons) -> None:
        """Write events that a plugin could not handle; raises OSError."""
        if self._writer is None:
            place = {"path.dead_letter_queue": str(self._parent), "pipeline.id": self._name}
            self._writer = DeadLetterWriter({**self._settings, **place})
        self._writer.write(plugin, events, reasons)
        self.count += len(events)

    def end(self) -> list[StagedFile]:
        """End them; the directory that is to be renamed, if there is one."""
        if self._writer is None:
            return []
        self._writer.close()
        return [StagedFile(str(self._parent / self._name), str(self._target))]


class TaskOutputs:
    """The outputs as one attempt sees them. ``bytes_out``: of what they were given."""

    def __init__(self, assembly: Assembly, deliveries: Deliveries, attempt: Attempt) -> None:
        self._outputs, self._deliveries = outputs_of(assembly), deliveries
        self._plugins = list(assembly.made.values())
        self._files = StagedFiles(attempt)
        self._letters = StagedLetters(assembly, attempt)
        self._waiting: list[Payload] = []
        self._bytes = self._events = self.bytes_out = 0
        if assembly.program.settings["dead_letter_queue.enable"]:
            for output in self._outputs:
                output.context.dead_letter = partial(self._letters.write, output)

    def take(self, packed: Packed) -> list[bytes]:
        """Deliver what outputs packed; what is to be printed. Raises OSError, Undelivered."""
        printed = []
        self.bytes_out += packed.bytes_out
        for payload in packed.payloads:
            if payload.output == DEAD_LETTERS:
                letter = payload.dead_letter()
                self._letters.write(self._plugins[letter.plugin], letter.events, letter.reasons)
                continue
            output = self._outputs[payload.output]
            if isinstance(output, File):
                unpacked = payload.unpacked()
                self._files.write(output, str(unpacked.lane), unpacked.data)
            elif isinstance(output, Stdout):
                printed.append(bytes(payload.unpacked().data))
            else:
                self._wait(payload)
        return printed

    @property
    def dead_letters(self) -> int:
        """How many events were written to dead letters."""
        return self._letters.count

    def _wait(self, payload: Payload) -> None:
        self._waiting.append(payload)
        self._bytes += len(payload.payload)
        self._events += payload.events
        if self._bytes >= _MOST_BYTES or self._events >= _MOST_EVENTS:
            self._deliver()

    def _deliver(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._bytes = self._events = 0
        if not waiting:
            return
        try:
            self._deliveries.deliver(waiting)
        except BaseException:
            _kept.__dict__.clear()  # the next attempt connects anew
            self._deliveries.close()
            raise

    def end(self) -> list[StagedFile]:
        """Deliver what waits; the files that are to be renamed."""
        self._deliver()
        return [*self._files.close(), *self._letters.end()]


_kept = threading.local()


def task_outputs(shipment: Shipment, attempt: Attempt) -> TaskOutputs:
    """The outputs for one attempt; raises ConfigError where a server refuses an option."""
    assembly = work_here(shipment).assembly
    known: dict[str, Deliveries] = _kept.__dict__
    digest = shipment.digest
    if digest not in known:
        for other in list(known):
            known.pop(other).close()
        known[digest] = Deliveries(assembly, _delivered(outputs_of(assembly)), False)
    return TaskOutputs(assembly, known[digest], attempt)


def _delivered(outputs: Sequence[Output]) -> list[int]:
    """The numbers of outputs that talk to something."""
    return [n for n, output in enumerate(outputs) if not isinstance(output, (File, Stdout))]
