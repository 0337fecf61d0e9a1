"""Text without a frame: what an input hands over is one event."""

from __future__ import annotations

from collections.abc import Sequence

from ...dsl.reference import Event
from ...dsl.template import Template
from ..contract import Codec, Ecs
from ..declaration import option
from ._charset import charset_option
from ._framing import MARK
from ._rendering import renderer, utf8


class Plain(Ecs, Codec, name="plain"):
    """Text, one event for each payload.

    Decoding: the payload of a message or request, whole, is the event's `message` (and
    `[event][original]`, with ECS). Inputs that read a stream use `line` instead. Encoding:
    `format`, or `<@timestamp> <host> <message>`; nothing stands between the events.
    """

    charset: str = option("The character set of the bytes.", default="UTF-8")
    format: Template | None = option(
        ("The string to write for an event."), default=None, literal=True
    )

    def prepare(self) -> None:
        self._charset = charset_option(self)
        self._text = self._charset.text
        self._keeps_original = self.ecs
        self._render = renderer(self.format)

    def decode(self, data: bytes) -> list[Event]:
        text = self._text(data).removeprefix(MARK)
        return [
            {"message": text, "event": {"original": text}}
            if self._keeps_original
            else {"message": text}
        ]

    def decode_messages(self, messages: Sequence[bytes]) -> list[list[Event]]:
        return [[event] for event in self.decode_one_each(messages)]

    def decode_one_each(self, messages: Sequence[bytes]) -> list[Event]:
        texts = [text.removeprefix(MARK) for text in self._charset.texts(messages)]
        if not self._keeps_original:
            return [{"message": text} for text in texts]
        return [{"message": text, "event": {"original": text}} for text in texts]

    def encode_messages(self, events: Sequence[Event]) -> list[bytes]:
        render = self._render
        return [utf8(render(event)) for event in events]

    def encode(self, events: list[Event]) -> bytes:
        return utf8("".join([self._render(event) for event in events]))
