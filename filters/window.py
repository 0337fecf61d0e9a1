"""The filter window: events gathered by key in windows of event time, each told in one event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import OptionProblem
from ._event_time import Rows, millis
from ._window_checks import check_options, functions_of, limits_of
from ._window_columns import Record
from ._window_examples import EXAMPLES
from ._window_functions import Functions
from ._window_lengths import read_windows
from ._window_options import WindowOptions
from ._window_panes import Pane, Panes
from ._window_partials import merge_parts
from ._window_results import WindowResults
from ._window_sessions import SessionOperator
from ._window_sized import SizedOperator, Timing
from .state import FOREVER, NEVER
from .state.calendar import Span, Windows
from .state.held_keys import HeldKeys
from .state.keyed import Keyed
from .state.keys import Key, Keys
from .state.outflow import Outflow
from .state.watermarks import Watermarks

_ENDLESS = FOREVER >> 2
_OVERFLOW = ("overflow",)


class Window(WindowOptions, name="window"):
    """Count, sum and compare events in windows of their own time.

    Exactly one of `size` (windows of one length; with `every`, overlapping ones), `gap` (sessions:
    events that follow each other closely) and `whole` (all of an input that ends) says what a
    window is. Events with the same values of `by` belong together. A window becomes an event of its
    own: `event.start` and `event.end`, the fields of `by`, `[window][count]`, and what the
    functions say. The events themselves go on unless `keep` is false.

    Time is that of the events. The latest one seen, less `lateness`, is the *watermark*: a window
    is emitted when the watermark reaches its end, right behind the event that moved it there. An
    event that no open window takes any more goes on with the tag `_windowlate`: of sessions, one
    whose own session would have ended, or that would have joined one that was emitted. Where no
    events come, the clock moves time on after `idle`; at the end of the input all windows are told.

    A result has the same `event.id` after a restart, and for each correction: as the id of a
    document it makes repetitions harmless. `[window][reason]` says why it was told: `watermark`,
    `idle`, `early`, `late` (a correction), `longest`, `end`, `stop`.

    Functions pass over events without their source. Percentiles are exact up to 1,000 values a
    window and key, then within 1 %; distinct values are exact up to 10,000, then within 2 %.

    Without the Elastic Common Schema, `[window][start]`, `[window][end]` and `[window][id]` stand
    in the place of the fields below `event`.

    The common options are applied to results.
    """

    examples = EXAMPLES
    keyed: Keyed[Any]
    neutral = frozenset({"early", "timestamp", "percents", "frequent_max"})

    def prepare(self) -> None:
        kinds = [name for name in ("size", "gap") if getattr(self, name) is not None]
        kinds += ["whole"] if self.whole else []
        if len(kinds) != 1:
            said = f"{kinds[1]}` beside `{kinds[0]}" if kinds else ""
            message = f"`window` has `{said}`" if said else ""
            raise OptionProblem(
                kinds[1] if kinds else "size",
                message or "`window` has none of `size`, `gap` and `whole`",
                "give exactly one",
                code="E240",
            )
        check_options(self)
        self.needs_end = "whole" if self.whole else None
        self._keys = Keys(self.by)
        self._functions = Functions(functions_of(self), limits_of(self))
        results = WindowResults(self, self._functions, self._put_key)
        timing = Timing(self._millis("early"), self._millis("retain"), self.empty)
        if self.size is not None:
            self._prepare_sized(results, timing)
        else:
            self._prepare_sessions(results, timing)

    def _millis(self, name: str) -> int:
        given = getattr(self, name)
        return 0 if given is None else millis(given)

    # -- windows of a size --------------------------------------------------------------------

    def _prepare_sized(self, results: WindowResults, timing: Timing) -> None:
        windows = read_windows(str(self.size), self.every, millis(self.offset), self.timezone)
        self._windows: Windows = windows
        self._timing = timing
        self._sized: SizedOperator | None = SizedOperator(
            windows, self._functions, results.sized, timing
        )
        self.delay = 1 if timing.early else FOREVER
        self.slack = FOREVER
        self.ready(Keyed(self._sized, self._order), self._keys)
        self.gives_columns = not (self.keep or self._functions.want_events)
        self._panes = Panes(windows, self._record)
        self._overflowed: set[int] = set()
        self._span = (NEVER, NEVER)

    def boundary(self) -> int:
        """The watermark at which the next pane is over."""
        if self._sized is None or self.marks.watermark == NEVER:
            return FOREVER
        if not self._span[0] <= self.marks.watermark < self._span[1]:
            self._span = self._windows.pane(self.marks.watermark)
            self._panes.drop(self._span[0])
        return self._span[1]

    def floor(self) -> int:
        """The start of the pane that the watermark lies in."""
        if self._sized is None or self.marks.watermark == NEVER:
            return NEVER
        return self._span[0]

    def take_segment(self, rows: Rows, start: int, stop: int, out: Outflow) -> None:
        if self._sized is None:
            self._take_sessions(rows, start, stop, out)
        elif stop - start == 1 and rows.times[start] < self.floor():
            self._take_old(self._sized, rows, start, out)
        else:
            whole = stop - start == len(rows.times)
            times = rows.times if whole else rows.times[start:stop]
            keys = rows.keys if whole else rows.keys[start:stop]
            events = rows.events if whole else rows.events[start:stop]
            span = (rows.earliest, rows.latest) if whole else (min(times), max(times))
            # First the records of their panes, then what goes into these.
            records = self._panes.records(times, keys, span)
            self._functions.add_all(records, times, events)
            self._note(keys)

    def _note(self, keys: list[Key]) -> None:
        if self.keyed.changed is not None:
            self.keyed.changed.update(keys)

    def _record(self, pane: Pane, key: Key) -> Record:
        """The record of a key that is new in a pane; that of the overflow where there are too many
        keys.
        """
        assert self._sized is not None
        if len(pane) >= self.max_keys:
            key = _OVERFLOW
            self._note_overflow()
            if self.keyed.changed is not None:
                self.keyed.changed.add(key)
        state = self.keyed.states.get(key)
        if state is None:
            state, _ = self.keyed.open(key)
        record = self._sized.pane(state, pane.start, self.marks.watermark)
        if key != _OVERFLOW:
            pane[key] = record
        if self._sized.simple:
            self.keyed.timers.set(key, pane.end)
        elif self._timing.early or self.keyed.timers.at(key) > pane.start:
            self.keyed.settle(key, state)
        return record

    def _note_overflow(self) -> None:
        self.keyed.evicted += 1

    def _take_old(self, sized: SizedOperator, rows: Rows, at: int, out: Outflow) -> None:
        """Take in an event behind the watermark: some of its windows, or all, have been told."""
        when, key, event, mark = (
            rows.times[at],
            rows.keys[at],
            rows.events[at],
            self.marks.watermark,
        )
        if sized.is_late(when, mark):
            self.too_late(event, rows.index[at], sized.late_by(when, mark), out)
            return
        start = self._windows.pane(when)[0]
        pane = self._panes.get(start)
        if pane is None:
            pane = self._panes.open(start, self._restored_pane(start))
        if key not in pane and len(pane) >= self.max_keys:
            key = _OVERFLOW
            self._note_overflow()
        out.behind(rows.index[at], self.told(self.keyed.take(when, key, event, mark)))
        record = self.keyed.states[key].panes.get(start) if key in self.keyed.states else None
        if record is not None and key != _OVERFLOW:
            pane[key] = record

    def _restored_pane(self, start: int) -> dict[Key, Record]:
        states = self.keyed.states.items()
        return {k: s.panes[start] for k, s in states if start in s.panes and k != _OVERFLOW}

    # -- sessions, and all of an input ----------------------------------------------------------

    def _prepare_sessions(self, results: WindowResults, timing: Timing) -> None:
        self._sized = None
        gap = _ENDLESS if self.gap is None else millis(self.gap)
        longest = _ENDLESS if self.longest is None else millis(self.longest)
        make = results.whole if self.whole else results.session
        self._sessions = SessionOperator(gap, longest, self._functions, make, timing)
        self.delay = 1 if timing.early else min(gap, longest) + 1
        self.slack = _ENDLESS if self.whole else 0
        self.puts_off = not timing.early
        self.ready(Keyed(self._sessions, self._order), self._keys)

    def _take_sessions(self, rows: Rows, start: int, stop: int, out: Outflow) -> None:
        """Take in rows. What lengthens a session at its end is gathered together; what does more
        to a session is taken one by one.
        """
        gap, at, begin = self._sessions.gap, start - 1, start
        oldest = self.marks.watermark - gap - self._sessions.retain
        records: list[Record] = []
        times, keys = rows.times, rows.keys
        if stop - start < len(times):
            times, keys = times[start:stop], keys[start:stop]
        for when, state in zip(times, map(self.keyed.states.get, keys), strict=True):
            at += 1
            if state is not None:
                session = state.open
                if session.first <= when <= session.until and when >= oldest:
                    if when > session.last:
                        session.last, until = when, when + gap
                        session.until = until if until < session.limit else session.limit
                    records.append(session.record)
                    continue
            self._gather_sessions(rows, begin, at, records)
            begin, records = at + 1, []
            self._take_session(rows, at, out)
        self._gather_sessions(rows, begin, stop, records)
        if self.keyed.changed is not None:
            self.keyed.changed.update(rows.keys[start:stop])

    def _gather_sessions(self, rows: Rows, begin: int, end: int, records: list[Record]) -> None:
        """Gather the events from one index up to another, each into a record."""
        if not records:
            return
        times, events = rows.times, rows.events
        if end - begin < len(times) and self._functions.columns:
            times, events = times[begin:end], events[begin:end]
        self._functions.add_all(records, times, events)

    def _take_session(self, rows: Rows, at: int, out: Outflow) -> None:
        when, key, mark = rows.times[at], rows.keys[at], self.marks.watermark
        states = self.keyed.states
        if not self.whole and self._sessions.is_late(states.get(key), when, mark):
            behind = self._sessions.late_by(states.get(key), when, mark)
            self.too_late(rows.events[at], rows.index[at], behind, out)
            return
        if key not in states and len(states) >= self.max_keys:
            key = _OVERFLOW
            self._note_overflow()
        results = self.keyed.take(when, key, rows.events[at], mark)
        out.behind(rows.index[at], self.told(results))

    # -- results ----------------------------------------------------------------------------

    def _order(self, key: Key) -> Any:
        return ((9,),) if key == _OVERFLOW else self._keys.order(key)

    def _put_key(self, event: Event, key: Key) -> bool:
        """Write the fields of ``by``; whether the key is that of the overflow."""
        if key == _OVERFLOW:
            return True
        self._keys.put(event, key)
        return False

    def restore(self, data: dict[str, Any]) -> None:
        super().restore(data)
        if self._sized is not None:
            starts = {start for state in self.keyed.states.values() for start in state.panes}
            self._panes.clear()
            for start in starts:
                self._panes.open(start, self._restored_pane(start))
            self._span = (NEVER, NEVER)

    def turn_to(self, shard: HeldKeys[Any], marks: Watermarks) -> None:
        super().turn_to(shard, marks)
        if self._sized is not None:
            self._panes.clear()
            self._span = (NEVER, NEVER)

    @property
    def combines(self) -> bool:
        """Whether its results may be made in parts, on several machines, and merged."""
        if self.keep or self.gap is not None or self.early is not None or self.retain:
            return False
        return self._functions.are_of_sets

    def merge(self, parts: Sequence[tuple[Key, Any]]) -> list[Event]:
        """Take in what another such filter made of events, by key, and is written as state; what
        came too late goes on as results of its own.
        """
        operator = self._sized or self._sessions
        mark, name = self.marks.watermark, self.name
        return self.told(merge_parts(operator, self.keyed, parts, mark, name))

    def column_values(self, events: list[Event]) -> list[list[Any]]:
        return [read(events) for read in self._functions.reads]

    def column_sources(self) -> Sequence[FieldRef]:
        return self._functions.sources

    def floor_at(self, mark: int) -> Span:
        return self._windows.pane(mark)

    def spans_of(self, when: int) -> list[Span]:
        return [] if self._sized is None else self._windows.of_pane(self._windows.pane(when)[0])

    def bound(self) -> list[Event]:
        evicted = self.keyed.evicted
        results = super().bound()
        if self._sized is not None and self.keyed.evicted != evicted:
            self._panes.clear()
        return results

    def stats(self) -> dict[str, int | float]:
        held = super().stats()
        held["skipped"] += self._functions.skipped
        operator: Any = self._sessions if self._sized is None else self._sized
        held["windows_open"] = sum(map(operator.windows_open, list(self.keyed.states.values())))
        return held
