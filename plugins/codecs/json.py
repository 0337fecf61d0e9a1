"""JSON without a frame: a payload is one map, or a list of maps."""

from __future__ import annotations

from collections.abc import Sequence

from ...dsl.event import check_all
from ...dsl.reference import Event, FieldError, FieldRef
from ..contract import Codec, Ecs
from ..declaration import option
from ._charset import charset_option
from ._framing import BYTES_MARK, MARK
from ._json import (
    FAILED,
    decode_maps,
    encode,
    keep_original,
    parse_events,
    parse_plain,
    with_whole_text,
)
from ._target import check_target, under


class Json(Ecs, Codec, name="json"):
    """JSON, one map (or a list of maps) for each payload.

    Decoding: a map is an event; a list of maps is one event for each. A payload that is neither is
    an event that holds it as `message`, tagged `_jsonparsefailure`; a blank one is none. With ECS a
    payload of one event is kept in `[event][original]`, unless the data has that field. Where text
    stands behind the first JSON value, the event is tagged `_jsonparsefailure` and keeps the whole
    payload as `message`; where the data has a `message` of its own, the event is the payload alone.
    Where an input reads a stream (`file`, `stdin`), each line is a payload. Encoding: the event
    without `@metadata`; nothing stands between the events.
    """

    charset: str = option("The character set of the bytes.", default="UTF-8")
    target: FieldRef | None = option(
        "The field to put the data under, instead of the event's root.", default=None
    )

    def prepare(self) -> None:
        self._charset = charset_option(self)
        check_target(self)
        self._bounds = self.context.json_bounds()

    def decode(self, data: bytes) -> list[Event]:
        payload: bytes | str = data.removeprefix(BYTES_MARK)
        if not self._charset.is_utf8:
            payload = self._charset.text(data).removeprefix(MARK)
        try:
            self._bounds.check(payload)
            found, more = parse_events(payload)
            made = self._events(found)
        except (ValueError, FieldError):
            return [{"message": self._shown(payload), "tags": [FAILED]}]
        if len(made) == 1 and self.ecs:
            keep_original(made[0], self._shown(payload))
        return with_whole_text(made, self._shown(payload)) if more else made

    def decode_messages(self, messages: Sequence[bytes]) -> list[list[Event]]:
        if self.target is not None or not self._charset.is_utf8:
            return super().decode_messages(messages)
        ecs, short = self.ecs, self._bounds.short
        found: list[list[Event]] = []
        for message in messages:
            try:
                event = parse_plain(message) if len(message) <= short else None
            except (ValueError, RecursionError):
                event = None
            if event is None:
                found.append(self.decode_or_keep(message))
                continue
            if ecs:
                if "event" not in event:
                    event["event"] = {"original": message.decode()}
                else:
                    keep_original(event, message.decode())
            found.append([event])
        return found

    def decode_one_each(self, messages: Sequence[bytes]) -> list[Event] | None:
        if self.target is not None or not self._charset.is_utf8:
            return None
        try:
            found = decode_maps(messages, self._bounds)
        except ValueError:
            return None
        check_all(found, self.context.now())
        if self.ecs:
            for event, message in zip(found, messages, strict=True):
                if "event" not in event:
                    event["event"] = {"original": message.decode()}
                else:
                    keep_original(event, message.decode())
        return found

    def _shown(self, payload: bytes | str) -> str:
        return payload if isinstance(payload, str) else self._charset.text(payload)

    def _events(self, found: list[Event]) -> list[Event]:
        if self.target is not None:
            return [under(self.target, data) for data in found]
        check_all(found, self.context.now())
        return found

    def encode(self, events: list[Event]) -> bytes:
        return b"".join(map(encode, events))

    def encode_messages(self, events: Sequence[Event]) -> list[bytes]:
        return list(map(encode, events))
