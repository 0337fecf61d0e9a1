"""What filters of event time did with each event, in words: which window took it, how late it came,
what a result was made of and why it was due.

The filter is run event by event, which changes nothing (its time moves after each event), so that
what stands behind an event is known to be due because of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ...plugins.event_time import KeepsState, Seen

_MOST = 20
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}

Number = Callable[[Event], int]


@dataclass(slots=True)
class StreamTrace:
    """The history of one filter: the events that it took in, and its watermark behind each."""

    plugin: KeepsState
    number: Number
    taken: list[tuple[int, Seen]] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)

    def run(
        self, events: list[Event], run: Callable[[list[Event]], list[Event]]
    ) -> tuple[list[Event], dict[int, str]]:
        """What leaves the filter, and what is to be said of each event."""
        out, notes = list[Event](), dict[int, str]()
        for event in events:
            number, seen = self.number(event), self.plugin.seen(event)
            before = self.plugin.late_events
            left = run([event])
            if seen is not None and self.plugin.late_events > before:
                notes[number] = self._late(seen)
            elif seen is not None:
                notes[number] = self._taken(seen)
                self.taken.append((number, seen))
            self.marks.append((number, self.plugin.watermark))
            for result in left:
                if result is not event:
                    notes[self.number(result)] = self._result(result, self._moved(number))
            out += left
        return out, notes

    def flushed(self, results: list[Event], final: bool) -> dict[int, str]:
        """What is to be said of results that no event made due."""
        why = "due at the end of the input" if final else "due by the clock"
        return {self.number(result): self._result(result, why) for result in results}

    def _moved(self, number: int) -> str:
        return f"due because of event {number + 1}, {self._mark(self.plugin.watermark)}"

    def _mark(self, watermark: int) -> str:
        return f"watermark {_clock(watermark)}"

    def _taken(self, seen: Seen) -> str:
        of = f" of {seen.key_text}" if seen.key_text else ""
        if not seen.spans:
            return f"taken in{of}"
        first = seen.spans[0]
        before = sum(
            first in other.spans and other.key_text == seen.key_text for _, other in self.taken
        )
        windows = ", ".join(_span(span) for span in seen.spans[:3])
        more = f" and {len(seen.spans) - 3} more" if len(seen.spans) > 3 else ""
        return f"taken into {windows}{more}{of}, its {_ordinal(before + 1)} event"

    def _late(self, seen: Seen) -> str:
        behind, lateness = self.plugin.late_by, self.plugin.lateness_millis
        mark = self.plugin.watermark
        end = seen.spans[-1][1] if seen.spans else None
        when = next((n for n, at in self.marks if end is not None and at >= end), None)
        emitted = "" if when is None else f"emitted at event {when + 1}, "
        window = f" for {_span(seen.spans[-1])}" if seen.spans else ""
        return (
            f"too late{window}: {emitted}{self._mark(mark)}, {_seconds(behind)} late;"
            f' lateness => "{_seconds(lateness + behind).replace(" ", "")}" would have taken it'
        )

    def _result(self, result: Event, why: str) -> str:
        made_of = [number + 1 for number, seen in self.taken if self.plugin.is_part(seen, result)]
        names = ", ".join(str(number) for number in made_of[:_MOST])
        more = f" and {len(made_of) - _MOST} more" if len(made_of) > _MOST else ""
        if not made_of:
            return why
        events = "events" if len(made_of) > 1 else "event"
        return f"of {events} {names}{more}, {why}"


def _clock(millis: int) -> str:
    """A time of the day, as short as it is exact."""
    if abs(millis) > 1 << 47:
        return "the beginning"
    text = str(Timestamp.of_millis(millis))
    time = text[11:].removesuffix("Z").removesuffix(".000")
    return time.removesuffix(":00") if time.endswith(":00") and len(time) == 8 else time


def _span(span: tuple[int, int]) -> str:
    start, end = _clock(span[0]), _clock(span[1])
    return f"{start}–{end}"


def _seconds(millis: int) -> str:
    return f"{millis / 1000:g} s"


def _ordinal(number: int) -> str:
    suffix = "th" if 10 <= number % 100 <= 20 else _ORDINALS.get(number % 10, "th")
    return f"{number}{suffix}"


def stream_of(run: Callable[..., Any]) -> KeepsState | None:
    """The filter of event time whose method this is; None of any other."""
    plugin = getattr(run, "__self__", None)
    return plugin if getattr(plugin, "event_time", False) else None
