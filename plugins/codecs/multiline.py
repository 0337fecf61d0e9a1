"""Lines joined to events: a pattern tells which lines belong together."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from ...dsl.event import add_tag
from ...dsl.grok import (
    GrokError,
    Guard,
    Library,
    MatchTimeout,
    UnknownPattern,
    compile_expression,
    shipped,
)
from ...dsl.reference import Event
from ...dsl.regex import RegexError
from ..contract import Codec, Ecs
from ..declaration import Bytes, option
from ._charset import charset_option
from ._framing import TOO_LONG, LineReader

Find = Callable[[str], object]

_LONGEST = 10 * 1024 * 1024


class Multiline(Ecs, Codec, name="multiline"):
    """Join lines that belong together to one event; for inputs only.

    A line that matches `pattern` (or does not, with `negate`) belongs to the line before it (`what
    => "previous"`) or to one after it (`"next"`). The lines of an event are its `message`, with
    line breaks between them; an event of several lines is tagged `multiline`. One that grows over
    `max_lines` or `max_bytes` is handed on at once and tagged `multiline_codec_max_lines_reached`
    or `multiline_codec_max_bytes_reached`.

    An event is complete when the next one starts, so the last one waits: until the stream ends, or
    for `auto_flush_interval` seconds. Stack traces: `pattern => "^\\s" what => "previous"`. Events
    that start with a time: `pattern => "^%{TIMESTAMP_ISO8601} " negate => true what => "previous"`.

    Differs from Logstash: a line may come in several pieces, and empty lines at the end of a piece
    are kept. A line over the setting `penstock.limits.line` belongs to no other: its parts are
    events tagged `_linetoobig`. A line on which the pattern takes longer than
    `penstock.limits.match` does not match, and its event is tagged `_matchtimeout`.
    """

    encodes: ClassVar[bool] = False

    pattern: str = option("A grok expression that matches the lines that belong to another line.")
    what: str = option("Which line they belong to.", choices=("previous", "next"))
    negate: bool = option(
        ("Whether the lines that do not match belong to another line."), default=False
    )
    patterns_dir: list[str] = option(
        "Directories (or globs) of files with grok patterns, one `NAME regex` a line.", default=[]
    )
    multiline_tag: str = option(
        "A tag for events of several lines; none if empty.", default="multiline"
    )
    max_lines: int = option("The most lines of an event.", default=500, at_least=0)
    max_bytes: Bytes = option("The most bytes of an event.", default=_LONGEST)
    auto_flush_interval: int | float | None = option(
        "After how many seconds without a line an event is complete.", default=None, at_least=0
    )
    charset: str = option("The character set of the bytes.", default="UTF-8")

    def prepare(self) -> None:
        self._charset = charset_option(self)
        self._patience = self.context.limit("match") / 1000
        try:
            self._expression = compile_expression(self.pattern, self._library())
        except UnknownPattern as error:
            near = " or ".join(f"%{{{name}}}" for name in error.suggestions)
            self.problem(
                "pattern", str(error), f"did you mean {near}?" if near else "", code="E221"
            )
        except (GrokError, RegexError) as error:
            self.problem("pattern", f"bad pattern: {error}", code="E208")

    def _library(self) -> Library:
        library = shipped("ecs-v1" if self.ecs else "legacy")
        if not self.patterns_dir:
            return library
        try:
            return library.extended(self.patterns_dir)
        except OSError as error:
            self.problem(
                "patterns_dir", f"`{error.filename}` cannot be read: {error.strerror}", code="E210"
            )
            return library

    def start(self) -> None:
        self._reader = LineReader(self._charset, "\n", self.longest, self.begun)
        self._guard = Guard(self._patience) if self._patience else None
        self._lines: list[str] = []
        self._late = False
        self._bytes = 0
        self._fed = time.monotonic()

    def decode(self, data: bytes) -> list[Event]:
        return self._joined(self._reader.lines(data))

    def flush(self) -> list[Event]:
        events = self._joined(self._reader.rest())
        return [*events, self._event()] if self._lines else events

    def idle(self) -> list[Event]:
        wait = self.auto_flush_interval
        if wait is None or not self._lines or time.monotonic() - self._fed < wait:
            return []
        return [self._event()]

    def _joined(self, lines: list[str]) -> list[Event]:
        if lines:
            self._fed = time.monotonic()
        if self._guard is None:
            return self._events(lines, self._expression.find)
        with self._guard as guard:
            return self._events(lines, guard.finder(self._expression))

    @property
    def held(self) -> int:
        """How many whole lines are in no event yet."""
        return len(self._lines)

    def _events(self, lines: list[str], find: Find) -> list[Event]:
        join = self._before if self.what == "previous" else self._after
        cut = self._reader.cut
        if not cut:
            return join(lines, find)
        events: list[Event] = []
        for place, line in enumerate(lines):
            if place not in cut:
                events += join([line], find)
                continue
            if self._lines:
                events.append(self._event())
            self._add(line)
            events.append(self._event())
            add_tag(events[-1], TOO_LONG)
        return events

    def _belongs(self, line: str, find: Find) -> bool:
        try:
            return (find(line) is not None) is not self.negate
        except MatchTimeout:
            self._late = True
            return self.negate

    def _before(self, lines: list[str], find: Find) -> list[Event]:
        """Events of lines of which some belong to the one before."""
        events: list[Event] = []
        for line in lines:
            late, self._late = self._late, False
            belongs = self._belongs(line, find)
            late, self._late = self._late, late
            if self._lines and (not belongs or self._is_full()):
                events.append(self._event())
            self._late = self._late or late
            self._add(line)
        return events

    def _after(self, lines: list[str], find: Find) -> list[Event]:
        """Events of lines of which some belong to the one after."""
        events: list[Event] = []
        for line in lines:
            self._add(line)
            if not self._belongs(line, find) or self._is_full():
                events.append(self._event())
        return events

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._bytes += len(line) if line.isascii() else len(line.encode("utf-8", "replace"))

    def _is_full(self) -> bool:
        return len(self._lines) > self.max_lines or self._bytes >= self.max_bytes

    def _event(self) -> Event:
        """The lines that are held as an event; nothing is held afterwards."""
        lines, size = self._lines, self._bytes
        self._lines, self._bytes = [], 0
        text = "\n".join(lines)
        event: Event = (
            {"message": text, "event": {"original": text}} if self.ecs else {"message": text}
        )
        tags = [self.multiline_tag] if self.multiline_tag and len(lines) > 1 else []
        if size >= self.max_bytes:
            tags.append("multiline_codec_max_bytes_reached")
        if len(lines) > self.max_lines:
            tags.append("multiline_codec_max_lines_reached")
        if self._late:
            self._late = False
            tags.append("_matchtimeout")
        if tags:
            event["tags"] = tags
        return event
