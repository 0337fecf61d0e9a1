"""The events that windows become."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp
from ._stream_results import instant, merge_map
from ._window_columns import Record
from ._window_functions import Functions
from ._window_options import WindowOptions
from .state.calendar import Span
from .state.keys import Key

_NANOS = 1_000_000
_WHOLE = "whole"


class WindowResults:
    """Makes the results of one filter. ``put_key`` writes the fields of ``by`` and says whether the
    key is that of the overflow.
    """

    def __init__(
        self, window: WindowOptions, functions: Functions, put_key: Callable[[Event, Key], bool]
    ) -> None:
        self._functions, self._put_key = functions, put_key
        self._name, self._ecs, self._ids = window.title, window.ecs, window.ids()
        self._at_end = window.timestamp == "end"
        self._times = lru_cache(maxsize=256)(self._times_of)

    def sized(
        self, key: Key, mark: Any, span: Span, record: Record | None, reason: str, revision: int
    ) -> Event:
        """The result of a window of a fixed size."""
        return self._made(key, mark, span, self._times(span), record, reason, revision)

    def session(
        self, key: Key, mark: Any, span: Span, record: Record | None, reason: str, revision: int
    ) -> Event:
        """The result of a session, whose end is its last event."""
        stamp = instant(span[1] if self._at_end else span[0])
        return self._made(key, mark, span, (stamp, *self._ends(span)), record, reason, revision)

    def whole(
        self, key: Key, mark: Any, span: Span, record: Record | None, reason: str, revision: int
    ) -> Event:
        """The result of all events of an input, the same whatever their times."""
        return self.session(key, _WHOLE, span, record, reason, revision)

    def _ends(self, span: Span) -> tuple[Timestamp, Timestamp]:
        return instant(span[0]), instant(span[1])

    def _times_of(self, span: Span) -> tuple[Timestamp, Timestamp, Timestamp]:
        start, end = self._ends(span)
        return instant(span[1] - 1) if self._at_end else start, start, end

    def _made(
        self,
        key: Key,
        mark: Any,
        span: Span,
        times: tuple[Timestamp, Timestamp, Timestamp],
        record: Record | None,
        reason: str,
        revision: int,
    ) -> Event:
        event: Event = {"@timestamp": times[0], "@version": "1"}
        overflow = self._put_key(event, key)
        if record is None:
            self._functions.write_zero(event)
        else:
            self._functions.write(event, record)
        ident = self._ids.of_marked(key, mark)
        window = {
            "name": self._name,
            "count": 0 if record is None else record[0],
            "reason": reason,
            "revision": revision,
        }
        if overflow:
            window["overflow"] = True
        if self._ecs:
            about = {
                "kind": "metric",
                "id": ident,
                "start": times[1],
                "end": times[2],
                "duration": (span[1] - span[0]) * _NANOS,
            }
            if "event" in event:
                merge_map(event, "event", about)
            else:
                event["event"] = about
        else:
            window |= {"start": times[1], "end": times[2], "id": ident}
        if "window" in event:
            merge_map(event, "window", window)
        else:
            event["window"] = window
        return event
