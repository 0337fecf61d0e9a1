"""The step of a pipeline where outputs pack and do not deliver: in a worker process, and wherever
an engine runs it. Filters are opened here; inputs and outputs are opened by whoever reads and
delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from ...dsl.program import Statement
from ...dsl.reference import Event
from ...plugins.batch import Payload
from ...plugins.context import Reasons
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.output import Output
from ..compile.instantiate import Assembly
from ..delivery.packing import packing
from ..observe.plugin_counters import plugin_counters
from .opening import open_plugin
from .work import Work

Give = Callable[[int, Payload], None]
"""Takes what the output with this number packed."""

NoteDeadLetter = Callable[[int, list[Event], Reasons], None]
"""Takes events that the plugin with this number, of all plugins, could not handle."""


class PackedWork:
    """A ``Work`` whose payloads are given away. ``statements``: the filters that run here, where
    they are not all. ``note_dead_letter``: None where there are no dead letters.
    """

    def __init__(
        self,
        assembly: Assembly,
        give: Give,
        note_dead_letter: NoteDeadLetter | None,
        statements: Sequence[Statement] | None = None,
    ) -> None:
        program = assembly.program
        statements = program.filters if statements is None else statements
        if note_dead_letter is not None:
            for number, plugin in enumerate(assembly.made.values()):
                plugin.context.dead_letter = partial(note_dead_letter, number)
        for number, output in enumerate(assembly.plugins(program.outputs)):
            assert isinstance(output, Output)
            output.write = _giving(number, output, give)  # type: ignore[method-assign,assignment]
        self._filters = [p for p in assembly.plugins(statements) if isinstance(p, Filter)]
        for plugin in self._filters:
            open_plugin(plugin)
        inputs = [p for p in assembly.plugins(program.inputs) if isinstance(p, Input)]
        self.counters = plugin_counters(assembly.made, program.settings)
        self.work = Work(assembly, inputs, self.counters, statements)

    def close(self) -> None:
        """Close the filters."""
        for plugin in self._filters:
            plugin.close()


def _giving(number: int, output: Output, give: Give) -> Callable[[list[Event]], None]:
    pack = packing(output)

    def write(events: list[Event]) -> None:
        for payload in pack(events):
            give(number, payload)

    return write
