"""Clojure's data notation, a line of one map for each event."""

from __future__ import annotations

from ...dsl.reference import Event, FieldError, FieldRef
from ..contract import Codec
from ..declaration import option
from ._charset import Charset
from ._edn import read, written
from ._framing import TOO_LONG, LineReader
from ._json import bare
from ._rendering import utf8
from ._target import check_target, placed


class EdnLines(Codec, name="edn_lines"):
    """EDN, Clojure's data notation, one map on a line.

    Decoding: keywords and symbols become text, sets and lists become lists; empty lines are none. A
    line that is not a map, or that has a tagged value such as `#inst`, is an event with the line,
    and its end, as `message`. Encoding: a line for each event, without `@metadata`.
    """

    target: FieldRef | None = option(
        "The field to put the data under, instead of the event's root.", default=None
    )

    def prepare(self) -> None:
        check_target(self)

    def start(self) -> None:
        self._reader = LineReader(Charset("UTF-8"), "\n", self.longest, self.begun)

    def decode(self, data: bytes) -> list[Event]:
        return self._events(self._reader.lines(data), "\n")

    def flush(self) -> list[Event]:
        return self._events(self._reader.rest(), "")

    def _events(self, lines: list[str], end: str) -> list[Event]:
        cut = self._reader.cut
        return [
            {"message": line, "tags": [TOO_LONG]}
            if cut and place in cut
            else self._event(line, end)
            for place, line in enumerate(lines)
            if line
        ]

    def _event(self, line: str, end: str) -> Event:
        try:
            found = read(line)
            if type(found) is not dict:
                raise ValueError("the data is not a map")
            return placed(self.target, found, self.context.now())
        except (ValueError, FieldError):
            return {"message": line + end}

    def encode(self, events: list[Event]) -> bytes:
        return utf8("".join([written(bare(event)) + "\n" for event in events]))
