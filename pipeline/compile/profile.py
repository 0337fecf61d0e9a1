"""What a pipeline's parts cost, by their places in the configuration: CPU time of whatever thread
works.

The times are those of a part alone: what another part takes within it (the codec within an input,
the delivery within an output) is that one's. What no part accounts for stands in rows of its own,
so that all rows add up to the CPU time of the process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from ...dsl.program import Branch, PluginUse
from ...dsl.reference import Event
from ...dsl.source import Span
from ...dsl.unmade import UnmadeEvents
from ...plugins.contract import Batch, Codec, Input, Output, Plugin

Events = list[Event]
T = TypeVar("T")
Row = tuple[float, int, str, str]
"""Seconds, events, what and where."""

_LEAST_SHARE = 0.002
_LEAST_GATHERED = 5


class Cost(msgspec.Struct):
    """How many events a part was given, and the seconds of CPU time that it took for them."""

    events: int = 0
    seconds: float = 0.0


class Profile:
    """Observes compiled sections, inputs and outputs, and adds up what they cost."""

    def __init__(self) -> None:
        self.costs: dict[tuple[str, str], Cost] = {}
        self.waited = 0.0
        self._watched: set[int] = set()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._begun: float | None = None
        self._clock = time.monotonic()

    def cost(self, what: str, place: str) -> Cost:
        """The cost of a part."""
        return self.costs.setdefault((what, place), Cost())

    def total(self) -> float:
        """The seconds of all parts."""
        return sum(cost.seconds for cost in self.costs.values())

    def timed(
        self, cost: Cost, call: Callable[..., T], size: Callable[..., int]
    ) -> Callable[..., T]:
        """A function whose time is added up, but for that of parts that it calls; ``size`` tells
        the number of events from its arguments and, last, its result.
        """

        def run(*arguments: Any) -> T:
            depth = self._enter()
            result: Any = None
            try:
                made = result = call(*arguments)
            finally:
                # Where the call has raised, parts in it may not have come to their end.
                del self._local.stack[depth:]
                self._leave(cost, size(*arguments, result))
            return made

        return run

    def _enter(self) -> int:
        """Begin to count for a part; how many are under way. What the process did before the first
        one was its start.
        """
        if self._begun is None:
            self._begun = time.process_time()
        stack = self._local.__dict__.setdefault("stack", [])
        stack.append([time.thread_time(), 0.0])
        return len(stack)

    def _leave(self, cost: Cost, events: int) -> None:
        stack = self._local.stack
        started, inner = stack.pop()
        spent = time.thread_time() - started
        if stack:
            stack[-1][1] += spent
        with self._lock:
            cost.seconds += spent - inner
            cost.events += events

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        """``run`` with its cost added up."""
        return self.timed(self.cost(use.name, use.span.place), run, _given)

    def flush(self, use: PluginUse, run: Callable[[bool], Events]) -> Callable[[bool], Events]:
        """A flush is counted with the filter, its events are not: they came to it before."""
        return self.timed(self.cost(use.name, use.span.place), run, _none)

    def arm(self, branch: Branch, number: int) -> Callable[[Events], None]:
        """Arms are not counted."""
        return lambda events: None

    def sorting(self, span: Span) -> Callable[[Events | None], None]:
        """What is called with None before a batch is sorted by conditions, and with it after."""
        cost = self.cost("conditions", span.place)

        def mark(events: Events | None) -> None:
            if events is None:
                self._enter()
            else:
                self._leave(cost, len(events))

        return mark

    def section(self, name: str, run: Callable[..., Events]) -> Callable[..., Events]:
        """The run of a whole section, of which only what its parts leave over is counted."""
        return self.timed(self.cost("between the steps", name), run, _given)

    def watch(self, plugins: Iterable[tuple[PluginUse, Plugin]]) -> None:
        """Count what inputs and outputs do outside of the sections."""
        for use, plugin in plugins:
            if id(plugin) in self._watched:
                continue
            self._watched.add(id(plugin))
            if isinstance(plugin, Input):
                self._watch_input(plugin, use.span.place)
            elif isinstance(plugin, Output):
                self._watch_output(plugin, use.span.place)

    def _watch_input(self, plugin: Input, place: str) -> None:
        read = self.timed(self.cost("read", place), plugin.read, _read)
        settle = self.timed(self.cost("acknowledge", place), plugin.settle, _none)
        decode, new_codec = self.cost("decode", place), plugin.new_codec

        def read_and_wait(timeout: float) -> Batch | None:
            started, before = time.monotonic(), time.thread_time()
            try:
                return read(timeout)
            finally:
                self.waited += time.monotonic() - started - (time.thread_time() - before)

        def timed_codec(*arguments: Any) -> Codec:
            codec = new_codec(*arguments)
            codec.__class__ = self._timed_codec(type(codec), decode)
            return codec

        plugin.read = read_and_wait  # type: ignore[method-assign]
        plugin.settle = settle  # type: ignore[method-assign]
        plugin.new_codec = timed_codec  # type: ignore[method-assign, assignment]

    def _timed_codec(self, kind: type[Codec], cost: Cost) -> type[Codec]:
        """A class of codecs that count: the copies that a codec makes of itself do so as well."""
        functions = {
            "decode": self.timed(cost, kind.decode, _made),
            "flush": self.timed(cost, kind.flush, _made),
            "lines_or_events": self.timed(cost, kind.lines_or_events, _unmade),
        }
        return type(kind.__name__, (kind,), functions)

    def _watch_output(self, plugin: Output, place: str) -> None:
        encode, deliver = self.cost("encode", place), self.cost("deliver", place)
        plugin.pack = self.timed(encode, plugin.pack, _given)  # type: ignore[method-assign]
        plugin.deliver = self.timed(deliver, plugin.deliver, _none)  # type: ignore[method-assign]

    def report(self) -> str:
        """The costs as a table, the dearest first; the shares add up to the whole process."""
        process = time.process_time()
        started = process if self._begun is None else self._begun
        rows = sorted(
            (
                (cost.seconds, cost.events, what, place)
                for (what, place), cost in self.costs.items()
            ),
            key=lambda row: -row[0],
        )
        rows = gathered([row for row in rows if row[0] > 0 or row[1]], process)
        rows += [
            (started, 0, "start of the process", ""),
            (max(process - started - self.total(), 0.0), 0, "all else", ""),
            (process, 0, "whole process", ""),
        ]
        wall = time.monotonic() - self._clock
        return f"{table(rows, process)}\ninputs waited {self.waited:.2f} s of {wall:.2f} s"


def gathered(rows: list[Row], whole: float) -> list[Row]:
    """Rows, the dearest first, with one in the place of those whose shares are too small to be
    looked at.
    """
    shown = [row for row in rows if row[0] >= _LEAST_SHARE * whole]
    rest = rows[len(shown) :]
    if len(rest) < _LEAST_GATHERED:
        return rows
    each = f"{len(rest)} parts of less than {_LEAST_SHARE:.1%} each"
    return [*shown, (sum(row[0] for row in rest), 0, each, "")]


def table(rows: Iterable[Row], whole: float) -> str:
    """Rows as a table with shares of a whole."""
    cells = [("share", "µs an event", "events", "what", "where")]
    for seconds, events, what, place in rows:
        each = f"{1e6 * seconds / events:.2f}" if events else ""
        share = f"{100 * seconds / (whole or 1.0):.1f} %"
        cells.append((share, each, f"{events:,}" if events else "", what, place))
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = []
    for row in cells:
        numbers = [cell.rjust(width) for cell, width in zip(row[:3], widths, strict=False)]
        lines.append("  ".join([*numbers, row[3].ljust(widths[3]), row[4]]).rstrip())
    return "\n".join(lines)


def _given(events: Events, *others: Any) -> int:
    return len(events)


def _none(*arguments: Any) -> int:
    return 0


def _unmade(*arguments: Any) -> int:
    """The lines whose events are not made yet; events were counted by ``decode`` and ``flush``."""
    return len(arguments[-1]) if type(arguments[-1]) is UnmadeEvents else 0


def _made(*arguments: Any) -> int:
    return len(arguments[-1] or ())


def _read(timeout: float, batch: Batch | None) -> int:
    return 0 if batch is None else len(batch.events or ())
