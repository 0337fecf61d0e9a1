"""The operator of windows of a fixed size, tumbling or sliding: the events of one key.

Events are gathered in panes, which are merged to windows when these end. A window ends when the
watermark reaches its end; panes stay until no window needs them any more, with ``retain`` a while
longer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from ..dsl.reference import Event
from ._window_columns import Record
from ._window_functions import Functions
from .state import FOREVER, NEVER
from .state.calendar import Span, Windows
from .state.keys import Key


class MakeResult(Protocol):
    """Makes the event of a window: of its key, what tells it from other windows of the key, its
    span, record (None: it was empty), reason and revision.
    """

    def __call__(
        self, key: Key, mark: Any, span: Span, record: Record | None, reason: str, revision: int
    ) -> Event: ...


class SizedState(msgspec.Struct):
    """One key: its panes by their start; ``told``, the watermark at which it was last looked at;
    the last window that was emitted and how many empty ones since; revisions by window.
    """

    key: Key
    panes: dict[int, Record] = {}
    told: int = NEVER
    emitted: Span | None = None
    zeros: int = 0
    revisions: dict[Span, int] = {}


class Timing(msgspec.Struct, frozen=True):
    """When windows are emitted besides their end; all in milliseconds, but for ``empty``, the
    number of empty windows.
    """

    early: int = 0
    retain: int = 0
    empty: int = 0


class SizedOperator:
    """Windows of a fixed size."""

    def __init__(
        self, windows: Windows, functions: Functions, make: MakeResult, timing: Timing
    ) -> None:
        self.windows, self.functions, self.make = windows, functions, make
        self.early, self.retain, self.empty = timing.early, timing.retain, timing.empty
        self.plain = not (timing.early or timing.retain or timing.empty)
        self.simple = self.plain and not windows.sliding

    def new(self, key: Key) -> SizedState:
        return SizedState(key)

    def is_late(self, time: int, watermark: int) -> bool:
        """Whether no window takes an event of this time any more."""
        return self.late_by(time, watermark) > 0

    def late_by(self, time: int, watermark: int) -> int:
        """How much more lateness the last window of this time would need to take an event in."""
        windows = self.windows.of_pane(self.windows.pane(time)[0])
        return watermark - windows[-1][1] - self.retain + 1

    def take(self, state: SizedState, time: int, event: Event, watermark: int) -> list[Event]:
        start = self.windows.pane(time)[0]
        before = self._closed(state, start, watermark) if self.retain else []
        record = self.pane(state, start, watermark)
        self.functions.add(record, time, event)
        return [self._corrected(state, span, was_there) for span, was_there in before]

    def merge(self, state: SizedState, other: SizedState, watermark: int) -> list[Event]:
        """Take in the panes of another state of the key; a result for each that is too late for all
        its windows.
        """
        late = []
        for start, record in other.panes.items():
            self.functions.fold(record)
            if self._last_need(start) <= watermark:
                span = self.windows.of_pane(start)[-1]
                late.append(self.make(state.key, span, span, record, "late", 0))
                continue
            held = self.pane(state, start, watermark)
            state.panes[start] = self.functions.merged([held, record])
            self.functions.fold(state.panes[start])
        return late

    def pane(self, state: SizedState, start: int, watermark: int) -> Record:
        """The record of a pane, made if there is none."""
        record = state.panes.get(start)
        if record is None:
            record = state.panes[start] = self.functions.new()
            state.told = max(state.told, watermark)
        return record

    def _closed(self, state: SizedState, start: int, watermark: int) -> list[tuple[Span, bool]]:
        """The windows of a pane that have ended and still take events, and whether it had some."""
        spans = self.windows.of_pane(start)
        ended = [span for span in spans if span[1] <= watermark < span[1] + self.retain]
        return [(span, self._was_emitted(state, span)) for span in ended]

    def _was_emitted(self, state: SizedState, span: Span) -> bool:
        return bool(self._records(state, span)) or span in state.revisions

    def _corrected(self, state: SizedState, span: Span, was_there: bool) -> Event:
        revision = state.revisions.get(span, 0) + was_there
        state.revisions[span] = revision
        return self._result(state, span, "late", revision)

    def due(self, state: SizedState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        if self.simple:
            return self._simply_due(state, watermark, reason)
        if self.plain:
            return self._plainly_due(state, watermark, reason)
        results = []
        for span, filled in self._ended(state, watermark):
            if filled:
                results.append((span[1], self._result(state, span, reason, 0)))
            else:
                results.append((span[1], self.make(state.key, span, span, None, reason, 0)))
        if self.early and watermark < FOREVER:
            results += [
                (watermark, self._result(state, span, "early", 0))
                for span in self._open(state, watermark)
                if self._early_mark(span, state.told) <= watermark
            ]
        state.told = max(state.told, watermark)
        self._prune(state, sorted(state.panes))
        return results

    def _simply_due(
        self, state: SizedState, watermark: int, reason: str
    ) -> list[tuple[int, Event]]:
        """What is due where a window is a pane, and goes when it is told."""
        panes, results, of_pane = state.panes, list[tuple[int, Event]](), self.windows.of_pane
        for start in sorted(panes) if len(panes) > 1 else list(panes):
            span = of_pane(start)[0]
            end = span[1]
            if end <= watermark:
                record = panes.pop(start)
                results.append((end, self.make(state.key, span, span, record, reason, 0)))
        if state.told < watermark:
            state.told = watermark
        return results

    def _plainly_due(
        self, state: SizedState, watermark: int, reason: str
    ) -> list[tuple[int, Event]]:
        """What is due where windows overlap, and are told once, at their end."""
        panes, results = state.panes, list[tuple[int, Event]]()
        starts = sorted(panes)
        for span in self._ended_spans(state, starts, watermark):
            first, end = span
            records = [panes[start] for start in starts if first <= start < end]
            record = self.functions.merged(records)
            results.append((end, self.make(state.key, span, span, record, reason, 0)))
        state.told = max(state.told, watermark)
        self._prune(state, starts)
        return results

    def _ended(self, state: SizedState, watermark: int) -> list[tuple[Span, bool]]:
        """The windows that have ended since the key was last looked at, in order, and whether each
        has events.
        """
        ended = self._ended_spans(state, sorted(state.panes), watermark)
        if not self.empty:
            return [(span, True) for span in ended]
        found: list[tuple[Span, bool]] = []
        for span in ended:
            found += [(zero, False) for zero in self._zeros(state, span, FOREVER)]
            found.append((span, True))
            state.emitted, state.zeros = span, 0
        if watermark < FOREVER:
            found += [(zero, False) for zero in self._zeros(state, None, watermark)]
        return found

    def _ended_spans(self, state: SizedState, starts: list[int], watermark: int) -> list[Span]:
        """The windows with events that have ended since the key was last looked at. The later a
        pane, the later are its windows, so that few of them are looked at.
        """
        found: list[Span] = []
        last, start_of_last = state.told, FOREVER
        for start in starts:
            for span in self.windows.of_pane(start):
                end = span[1]
                if end > watermark:
                    return found
                if end > last or (end == last and span[0] > start_of_last):
                    last, start_of_last = end, span[0]
                    found.append(span)
        return found

    def _next_end(self, state: SizedState) -> int:
        """When the next window with events ends."""
        for start in sorted(state.panes):
            for span in self.windows.of_pane(start):
                if span[1] > state.told:
                    return span[1]
        return FOREVER

    def _zeros(self, state: SizedState, before: Span | None, watermark: int) -> Iterator[Span]:
        """The empty windows behind the last one emitted, up to a window or to the watermark."""
        while state.emitted is not None and state.zeros < self.empty:
            span = self.windows.after(state.emitted)
            if span[1] > watermark or (before is not None and span >= before):
                return
            state.emitted, state.zeros = span, state.zeros + 1
            yield span

    def _spans(self, state: SizedState) -> set[Span]:
        """The windows that have events."""
        of_pane = self.windows.of_pane
        return {span for start in state.panes for span in of_pane(start)}

    def _open(self, state: SizedState, watermark: int) -> list[Span]:
        return sorted((s for s in self._spans(state) if s[1] > watermark), key=_by_end)

    def _early_mark(self, span: Span, told: int) -> int:
        """When an open window is emitted early next; FOREVER if not before its end."""
        steps = max((told - span[0]) // self.early + 1, 1) if told > NEVER else 1
        mark = span[0] + steps * self.early
        return mark if mark < span[1] else FOREVER

    def _records(self, state: SizedState, span: Span) -> list[Record]:
        panes = state.panes
        return [panes[start] for start in sorted(panes) if span[0] <= start < span[1]]

    def _result(self, state: SizedState, span: Span, reason: str, revision: int) -> Event:
        if self.windows.sliding:
            record = self.functions.merged(self._records(state, span))
        else:
            record = state.panes[span[0]]
        return self.make(state.key, span, span, record, reason, revision)

    def _prune(self, state: SizedState, starts: list[int]) -> None:
        """Let go of panes that no window needs any more."""
        for start in starts:
            if self._last_need(start) > state.told:
                break
            del state.panes[start]
        if state.revisions:
            for span in [span for span in state.revisions if span[1] + self.retain <= state.told]:
                del state.revisions[span]

    def _last_need(self, start: int) -> int:
        return self.windows.of_pane(start)[-1][1] + self.retain

    def next_timer(self, state: SizedState) -> int:
        if self.simple:
            return self._last_need(min(state.panes)) if state.panes else NEVER
        told, marks = state.told, list[int]()
        if state.panes:
            marks.append(self._last_need(min(state.panes)))
            marks.append(self._next_end(state))
            if self.plain:
                return min(marks)
        if self.early:
            marks += [self._early_mark(span, told) for span in self._spans(state) if span[1] > told]
        if state.emitted is not None and state.zeros < self.empty:
            marks.append(self.windows.after(state.emitted)[1])
        return min(marks, default=NEVER)

    def windows_open(self, state: SizedState) -> int:
        """How many windows have events and have not ended."""
        if self.simple:
            return len(state.panes)
        panes = list(state.panes)  # figures are asked for in another thread
        spans = {span for start in panes for span in self.windows.of_pane(start)}
        return sum(span[1] > state.told for span in spans)

    def latest(self, state: SizedState) -> int:
        return max(state.panes, default=NEVER)

    def dump(self, state: SizedState) -> list[Any]:
        row = list(msgspec.structs.astuple(state))
        row[1] = {start: self.functions.dump(record) for start, record in state.panes.items()}
        return row

    def load(self, data: list[Any]) -> SizedState:
        state = SizedState(*data)
        state.panes = {start: self.functions.load(row) for start, row in state.panes.items()}
        return state


def _by_end(span: Span) -> tuple[int, int]:
    return span[1], span[0]
