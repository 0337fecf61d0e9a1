"""JSON lines on their way to JSON lines, with nothing between: maps are opened, what is in them is
passed on as it was written.

Only what an event must have is looked at: ``@timestamp``, ``@version``, ``tags`` and the fields of
the stream's origin. Values repeat themselves: each is judged once, by its bytes. What is out of the
ordinary raises NotPlain; then the chunk goes the long way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ...dsl.diagnostics import PenstockError
from ...dsl.event import complete
from ...dsl.timestamp import Timestamp, parse_timestamp
from ..json_bounds import Bounds

Raw = msgspec.Raw
_decode = msgspec.json.Decoder(dict[str, Raw]).decode
_encoder = msgspec.json.Encoder()
_read = msgspec.json.decode
_REST_OF_MINUTE = re.compile(rb'[0-5][0-9]\.[0-9]{3}Z"').fullmatch
_VERSION = Raw(b'"1"')
_MOST = 4096


class NotPlain(PenstockError):
    """Something that only the long way knows what to do with."""


class JsonPassthrough:
    """Passes pieces of one stream on; ``origin`` are the fields that its events get unless they
    have them.
    """

    def __init__(self, origin: Mapping[str, Any], bounds: Bounds) -> None:
        self._bounds = bounds
        self._minutes: set[bytes] = set()
        self._tags: set[bytes] = set()
        plain = {key: value for key, value in origin.items() if key != "@metadata"}
        self._origin: list[tuple[str, Raw, dict[bytes, Raw], Callable[[bytes], Raw] | None]] = [
            (key, _raw(value), {}, _merger(key, value)) for key, value in plain.items()
        ]

    def lines(self, data: bytes, now: Timestamp) -> tuple[bytes, int]:
        """The lines to write for lines that were read, and how many; raises NotPlain."""
        try:
            data.decode()
            events = list(map(_decode, self._bounds.checked(data.removesuffix(b"\n").split(b"\n"))))
        except (ValueError, RecursionError) as error:
            raise NotPlain(str(error)) from None
        self._complete(events, _raw(now))
        return _encoder.encode_lines(events), len(events)

    def _complete(self, events: list[dict[str, Raw]], now: Raw) -> None:
        minutes, origin = self._minutes, self._origin
        for event in events:
            if "@timestamp" in event:
                text = bytes(event["@timestamp"])
                if text[:18] not in minutes or not _REST_OF_MINUTE(text, 18):
                    event["@timestamp"] = self._stamp(text)
            else:
                event["@timestamp"] = now
            if "@version" not in event:
                event["@version"] = _VERSION
            if "tags" in event:
                self._check_tags(bytes(event["tags"]))
            if "@metadata" in event:
                self._take_off_metadata(event)
            for key, value, known, merge in origin:
                if key not in event:
                    event[key] = value
                elif merge is not None:
                    held = bytes(event[key])
                    event[key] = known.get(held) or _learnt(known, held, merge)

    def _stamp(self, text: bytes) -> Raw:
        value = _read(text)
        stamp = parse_timestamp(value) if type(value) is str else None
        if stamp is None:
            raise NotPlain("no instant")
        if len(text) == 26 and text[1:-1].decode() == stamp:
            if len(self._minutes) >= _MOST:
                self._minutes.clear()
            self._minutes.add(text[:18])
        return _raw(stamp)

    def _check_tags(self, text: bytes) -> None:
        if text in self._tags:
            return
        tags = _read(text)
        if type(tags) is not str and not (
            type(tags) is list and all(type(tag) is str for tag in tags)
        ):
            raise NotPlain("no tags")
        if len(self._tags) >= _MOST:
            self._tags.clear()
        self._tags.add(text)

    def _take_off_metadata(self, event: dict[str, Raw]) -> None:
        if not bytes(event.pop("@metadata")).startswith(b"{"):
            raise NotPlain("metadata is not a map")


def _raw(value: Any) -> Raw:
    return Raw(_encoder.encode(str(value) if type(value) is Timestamp else value))


def _learnt(known: dict[bytes, Raw], text: bytes, judge: Callable[[bytes], Raw]) -> Raw:
    if len(known) >= _MOST:
        known.clear()
    raw = known[text] = judge(text)
    return raw


def _merger(key: str, value: Any) -> Callable[[bytes], Raw] | None:
    """What becomes of a map that an event has where its origin has one too; None where the origin
    has none.
    """
    if type(value) is not dict:
        return None

    def merge(text: bytes) -> Raw:
        held = _read(text)
        event = {"@timestamp": None, "@version": None, key: held}
        complete([event], Timestamp.now(), {key: value})
        return Raw(text) if event[key] is held else _raw(event[key])

    return merge
