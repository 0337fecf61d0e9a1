"""JSON, a line for each event. A block of lines is read in one go; only if one of them is odd, line
by line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...dsl.event import check_all
from ...dsl.reference import Event, FieldError, FieldRef
from ...dsl.unmade import UnmadeEvents
from ..codec import Passthrough
from ..contract import Codec, Ecs
from ..declaration import option
from ._charset import charset_option
from ._framing import Framing, LineReader, delimiter_option
from ._json import (
    FAILED,
    bare,
    decode,
    encode,
    encoder,
    is_true_to,
    keep_original,
    parse_events,
    with_whole_text,
)
from ._passthrough import decoded_and_encoded
from ._target import check_target, under

TOO_BIG = "_jsonparsetoobigfailure"


class JsonLines(Ecs, Codec, name="json_lines"):
    """JSON, one map on a line.

    Decoding: each line is what the codec `json` makes of a payload: a map, or a list of maps; blank
    lines are none. A line that is neither is an event that holds it as `message`, tagged
    `_jsonparsefailure`. So is a line with text behind its JSON, which is kept as `message` beside
    the fields; where the data has a `message` of its own, the line alone. The last line counts even
    without a delimiter. Encoding: a line for each event, without `@metadata`.

    Differs from Logstash: a line over `decode_size_limit_bytes`, or else over the setting
    `penstock.limits.line`, is not thrown away; it comes in parts as `message`, each tagged
    `_jsonparsetoobigfailure`.
    """

    charset: str = option("The character set of the bytes.", default="UTF-8")
    delimiter: str = option("What ends a line.", default="\n", literal=True)
    target: FieldRef | None = option(
        "The field to put the data under, instead of the event's root.", default=None
    )
    decode_size_limit_bytes: int | None = option(
        "The longest line that is read as JSON, in bytes. Default: `penstock.limits.line`.",
        default=None,
        at_least=1,
    )

    def prepare(self) -> None:
        self._charset = charset_option(self)
        self._end = delimiter_option(self).encode()
        self.takes_rows = self._end == b"\n"
        check_target(self)

    def start(self) -> None:
        self._framing = Framing(self._end, self.longest, self.begun)
        self._reader = LineReader(self._charset, self.delimiter, self.longest, self.begun)
        self._bounds = self.context.json_bounds()
        self._keeps_lines = self.ecs and self.of_lines and bool(self.instead_of)

    def decode(self, data: bytes) -> list[Event]:
        if self._charset.is_utf8:
            return self._block(self._framing.feed(data))
        return self._each(self._reader.lines(data), self._reader.cut)

    def flush(self) -> list[Event]:
        if self._charset.is_utf8:
            return self._block(self._framing.rest())
        return self._each(self._reader.rest(), self._reader.cut)

    def _block(self, block: bytes | None) -> list[Event]:
        if block is None:
            return []
        if not self._framing.cut:
            try:
                lines = block.split(self._end)
                return self._finished(list(map(decode, self._bounds.checked(lines))), lines)
            except (ValueError, FieldError, RecursionError):
                pass  # one of them is odd
        return self._each(block.split(self._end), self._framing.cut)

    def _finished(self, found: list[Any], lines: Sequence[str | bytes]) -> list[Event]:
        """Maps as events, of a line each if these are given; raises ValueError or FieldError where
        one cannot be.
        """
        for data in found:
            if type(data) is not dict or (
                "@metadata" in data and type(data["@metadata"]) is not dict
            ):
                raise ValueError("not a map, or its metadata is not a map")
        events = found if self.target is None else [under(self.target, data) for data in found]
        check_all(events, self.context.now())
        if self._keeps_lines:
            for event, line in zip(events, lines, strict=False):
                keep_original(event, self._text(line))
        return events

    def _each(self, lines: Sequence[str | bytes], cut: Sequence[int]) -> list[Event]:
        events: list[Event] = []
        for place, line in enumerate(lines):
            if cut and place in cut:
                events.append({"message": self._text(line), "tags": [TOO_BIG]})
            else:
                events += self._line(line)
        return events

    def _line(self, line: str | bytes) -> list[Event]:
        try:
            self._bounds.check(line)
            found, more = parse_events(line)
            events = self._finished(found, [line] if len(found) == 1 else [])
            return with_whole_text(events, self._text(line)) if more else events
        except (ValueError, FieldError):
            return [{"message": self._text(line), "tags": [FAILED]}]

    def _text(self, line: str | bytes) -> str:
        return line if isinstance(line, str) else self._charset.text(line)

    def boundary(self) -> bytes | None:
        delimiter = self.delimiter.encode()
        return delimiter if self._charset.is_utf8 and len(delimiter) == 1 else None

    def passthrough(self, encoder: Codec) -> Passthrough | None:
        if (
            not isinstance(encoder, JsonLines)
            or self.target is not None
            or (self.ecs and self.of_lines and self.instead_of)
            or not self._charset.is_utf8
        ):
            return None
        if not self._end == encoder._end == b"\n":
            return None
        from ._json_passthrough import JsonPassthrough, NotPlain

        short = JsonPassthrough(self.origin, self._bounds)

        def pass_on(chunk: bytes) -> tuple[bytes, int]:
            if chunk and len(chunk) <= self.longest:
                try:
                    return short.lines(chunk, self.context.now())
                except NotPlain:
                    pass
            return decoded_and_encoded(self, chunk, encoder)

        return pass_on

    def _rows(self, events: UnmadeEvents) -> bytes | None:
        """The lines of events that are not made; None where they are to be."""
        if events.rows is None:
            return None
        from ._json_rows import rows_as_json

        try:
            return rows_as_json(events, events.rows)
        except ValueError:
            return None  # a text that is not UTF-8

    def encode(self, events: list[Event]) -> bytes:
        if self._end == b"\n":
            data = self._rows(events) if type(events) is UnmadeEvents else None
            if data is not None:
                return data
            try:
                shown = [bare(event) if "@metadata" in event else event for event in events]
                data = encoder.encode_lines(shown)
                if self.writes_finite or is_true_to(shown, data):
                    return data
            except Exception:
                pass  # one of them is odd: each is encoded for itself, below
        end = self._end
        return b"".join([encode(event) + end for event in events])
