"""Lines of text, the codec that most streams use; its two loops are one comprehension each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...dsl.event import add_tag
from ...dsl.generated import function_of
from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.timestamp import Timestamp
from ...dsl.unmade import Leaf, Pattern, Shape, UnmadeEvents
from ..codec import Passthrough
from ..contract import Codec, Ecs
from ..declaration import option
from ._charset import charset_option
from ._framing import TOO_LONG, LineReader, delimiter_option
from ._passthrough import decoded_and_encoded
from ._rendering import renderer, utf8

_MARK = "\x00\ufdd0\x00"
"""A text that no format has, to see where the text of a line goes."""


class Line(Ecs, Codec, name="line"):
    """Lines of text, one event each.

    Decoding: a line is the event's `message` (and `[event][original]`, with ECS), without the
    delimiter; a carriage return before it stays. The last line counts even without a delimiter. A
    byte that is not UTF-8 is shown as `\\xE9`. Encoding: `format`, or `<@timestamp> <host>
    <message>`, and the delimiter.

    Differs from Logstash: of a line with bytes that are not UTF-8 only these are escaped, not its
    quotes and backslashes; `charset` holds for the delimiter too, so that UTF-16 works; a line over
    `decode_size_limit_bytes`, or else over the setting `penstock.limits.line`, comes in parts, each
    tagged `_linetoobig`.
    """

    charset: str = option("The character set of the bytes.", default="UTF-8")
    delimiter: str = option("What ends a line.", default="\n", literal=True)
    format: Template | None = option(
        "The string to write for an event, before the delimiter.", default=None, literal=True
    )
    decode_size_limit_bytes: int | None = option(
        "The longest line that becomes one event. Default: `penstock.limits.line`.",
        default=None,
        at_least=1,
    )

    def prepare(self) -> None:
        self._charset = charset_option(self)
        self._render = renderer(self.format)
        delimiter_option(self)

    completes = True
    finite = True

    def start(self) -> None:
        self._fresh, self._pattern = self._maker(), self._shape()
        self._reader = LineReader(self._charset, self.delimiter, self.longest, self.begun)

    def decode(self, data: bytes) -> list[Event]:
        return self._events(self._reader.lines(data))

    def flush(self) -> list[Event]:
        return self._events(self._reader.rest())

    def lines_or_events(self, data: bytes) -> list[Event]:
        reader, pattern = self._reader, self._pattern
        if pattern is None:
            return super().lines_or_events(data)
        lines = reader.lines(data)
        if reader.cut:
            return self._events(lines) + self.flush()
        more = reader.rest()
        if reader.cut:
            return self._fresh(lines, self.context.now()) + self._events(more)
        return UnmadeEvents(lines + more, self.context.now(), pattern, self._fresh)

    def _shape(self) -> Pattern | None:
        """What the events of this stream hold; None where that is not known beforehand."""
        text = Leaf("value", True)
        shape: Shape = {"message": text}
        if self.ecs:
            shape["event"] = {"original": text}
        shape |= {"@version": Leaf('"1"', True), "@timestamp": Leaf("now", False)}
        return Pattern.of(shape, self.origin) if self._charset.is_utf8 else None

    def _maker(self) -> Callable[[list[str], Timestamp], list[Event]]:
        """The one comprehension, with the stream's origin written into it: maps that Python builds
        itself cost the least.
        """
        original = ', "event": {"original": line}' if self.ecs else ""
        origin = "".join(
            f", {key!r}: {value!r}"
            for key, value in self.origin.items()
            if key != "event" or not self.ecs
        )
        scope: dict[str, Any] = {}
        body = f'{{"message": line{original}, "@version": "1", "@timestamp": now{origin}}}'
        text = f"def events(lines, now): return [{body} for line in lines]"
        # No circle: who holds the function holds no scope.
        made: Callable[[list[str], Timestamp], list[Event]] = function_of([text], "line", scope)
        return made

    def _events(self, lines: list[str]) -> list[Event]:
        events = self._fresh(lines, self.context.now())
        for place in self._reader.cut:
            add_tag(events[place], TOO_LONG)
        return events

    def boundary(self) -> bytes | None:
        delimiter = self.delimiter.encode()
        return delimiter if self._charset.is_utf8 and len(delimiter) == 1 else None

    def passthrough(self, encoder: Codec) -> Passthrough | None:
        if (
            not isinstance(encoder, Line)
            or self.boundary() is None
            or self._around(encoder) is None
        ):
            return None
        end = self.delimiter

        def pass_on(chunk: bytes) -> tuple[bytes, int]:
            around = self._around(encoder)
            try:
                if around is None or not chunk or len(chunk) > self.longest:
                    return decoded_and_encoded(self, chunk, encoder)
                lines = chunk.decode().removesuffix(end)
            except UnicodeDecodeError:
                return decoded_and_encoded(self, chunk, encoder)
            before, after = around
            return f"{before}{lines.replace(end, after + before)}{after}".encode(), lines.count(
                end
            ) + 1

        return pass_on

    def _around(self, encoder: Codec) -> tuple[str, str] | None:
        """What the encoder writes before and after the text of a line that comes now; None if that
        is not all it writes.
        """
        parts = encoder.encode(self._fresh([_MARK], self.context.now())).decode().split(_MARK)
        return (parts[0], parts[1]) if len(parts) == 2 else None

    def encode(self, events: list[Event]) -> bytes:
        render, delimiter = self._render, self.delimiter
        return utf8("".join([render(event) + delimiter for event in events]))
