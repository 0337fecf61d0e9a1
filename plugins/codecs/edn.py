"""Clojure's data notation, a payload of one map for each event."""

from __future__ import annotations

from ...dsl.reference import Event, FieldError, FieldRef
from ..contract import Codec
from ..declaration import option
from ._charset import Charset
from ._edn import read, written
from ._framing import MARK
from ._json import bare
from ._rendering import utf8
from ._target import check_target, placed

_UTF8 = Charset("UTF-8")


class Edn(Codec, name="edn"):
    """EDN, Clojure's data notation, one map for each payload.

    Decoding: keywords and symbols become text, sets and lists become lists. A payload that is not a
    map, or that has a tagged value such as `#inst`, is an event with the text as `message`.
    Encoding: the event without `@metadata`.
    """

    target: FieldRef | None = option(
        "The field to put the data under, instead of the event's root.", default=None
    )

    def prepare(self) -> None:
        check_target(self)

    def decode(self, data: bytes) -> list[Event]:
        text = _UTF8.text(data).removeprefix(MARK)
        try:
            found = read(text)
            if type(found) is not dict:
                raise ValueError("the data is not a map")
            return [placed(self.target, found, self.context.now())]
        except (ValueError, FieldError):
            return [{"message": text}]

    def encode(self, events: list[Event]) -> bytes:
        return utf8("".join([written(bare(event)) for event in events]))
