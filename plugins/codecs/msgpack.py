"""MessagePack, a payload of one map for each event. Source: the MessagePack specification."""

from __future__ import annotations

from typing import Any

import msgspec

from ...dsl.reference import Event, FieldError, FieldRef
from ...dsl.template import Template
from ..contract import Codec
from ..declaration import option
from ._foreign import at_home, text_of
from ._packing import packed
from ._rendering import renderer
from ._target import check_target, placed


def _refuse(code: int, data: memoryview) -> Any:
    raise ValueError(f"the extension type {code} is not known")


_decode = msgspec.msgpack.Decoder(ext_hook=_refuse).decode


class Msgpack(Codec, name="msgpack"):
    """MessagePack, one map for each payload.

    Decoding: binary values become text, timestamps instants. A payload that is not at a map is an
    event with its text as `message`, tagged `_msgpackparsefailure`. Encoding: the event without
    `@metadata`; times are ISO-8601 text.
    """

    format: Template | None = option(
        "A string for `message`, where the data has none.", default=None, literal=True
    )
    target: FieldRef | None = option(
        "The field to put the data under, instead of the event's root.", default=None
    )

    def prepare(self) -> None:
        check_target(self)
        self._render = renderer(self.format)

    def decode(self, data: bytes) -> list[Event]:
        try:
            found = _decode(data)
            if not isinstance(found, dict):
                raise ValueError("the data is not a map")
            event = placed(self.target, at_home(found), self.context.now())
        except (ValueError, TypeError, FieldError, RecursionError):
            return [{"message": text_of(data), "tags": ["_msgpackparsefailure"]}]
        if self.format is not None and event.get("message") is None:
            event["message"] = self._render(event)
        return [event]

    def encode(self, events: list[Event]) -> bytes:
        return b"".join(map(packed, events))
