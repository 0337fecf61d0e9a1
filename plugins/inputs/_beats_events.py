"""From the JSON of a Beat to events: what ``message`` holds goes through the codec, and the fields
that say who sent it are added to those that the Beat sent, in ``[@metadata]`` mostly.

With the codec plain, which nearly everybody has, there is nothing to decode: the JSON is the event.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ...dsl.event import accept, add_tag, check_all
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ..codec import Codec
from ..codecs._json import FAILED, decode_maps, parse_events
from ..json_bounds import Bounds

_TEXTS = ("message", "line")
"""Where Filebeat, and where Logstash-Forwarder and the output lumberjack have the text."""

_RAW = "beats_input_raw_event"
_USUAL = len(["input", "beats", "host", "ip", "127.0.0.1"])
_encode = msgspec.json.Encoder().encode


class _Enrichment:
    """The fields that events of an origin get, in maps that are their own. ``usual``: the names of
    four maps in each other that hold but one value, and that value; five times None where the
    fields are others.
    """

    def __init__(self, origin: Mapping[str, Any]) -> None:
        self._fields = origin.get("@metadata") or {}
        path = _only_path(self._fields)
        self.usual = path if len(path) == _USUAL else [None] * _USUAL

    def add(self, event: Event) -> None:
        """Give an event the fields."""
        if self._fields:
            _merge(event.setdefault("@metadata", {}), self._fields)


class EventCodec(Codec):
    """Makes events of what Beats send. ``inner``: the codec of the text; ``has_tags``: whether
    events are tagged with it; ``host``: the field for the name of a Beat's host, where it is
    wanted.
    """

    def __init__(self, inner: Codec, bounds: Bounds, has_tags: bool, host: Sequence[str]) -> None:
        self.context, self.given = inner.context, inner.given
        self._inner, self._bounds = inner, bounds
        self._has_tags, self._host = has_tags, host
        self._tag = f"beats_input_codec_{inner.name}_applied"
        self._is_plain = inner.name == "plain" and "charset" not in inner.given
        self._keeps_original = self._is_plain and bool(getattr(inner, "ecs", False))
        self._enrichment = _Enrichment(self.origin)
        self._completed: list[Event] | None = None

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh._enrichment = _Enrichment(fresh.origin)
        fresh._inner = self._inner.stream()
        return fresh

    def decode(self, data: bytes) -> list[Event]:
        return self.decode_messages([data])[0]

    def decode_messages(self, messages: Sequence[bytes]) -> list[list[Event]]:
        """The events of each message."""
        found = self._maps(messages)
        if found is None:
            return [self._one(message) for message in messages]
        return [self._decoded(event) for event in found]

    def decode_one_each(self, messages: Sequence[bytes]) -> list[Event] | None:
        found = self._maps(messages) if self._is_plain else None
        if found is not None:
            self._finish_plain(found)
            self._completed = found
        return found

    def _maps(self, messages: Sequence[bytes]) -> list[Event] | None:
        """What the messages hold, if each of them is a map."""
        try:
            found = decode_maps(messages, self._bounds)
        except ValueError:
            return None
        check_all(found, self.context.now())
        return found

    def _one(self, message: bytes) -> list[Event]:
        """A message by itself: one that is not JSON must not take its neighbours along."""
        try:
            self._bounds.check(message)
            found, more = parse_events(message)
            if more or len(found) != 1:
                raise ValueError("not one map")
        except ValueError:
            return [{"message": message.decode("utf-8", "backslashreplace"), "tags": [FAILED]}]
        return self._decoded(accept(found[0], self.context.now()))

    def _finish_plain(self, events: list[Event]) -> None:
        """What the codec plain makes of the text, and all that ``complete`` would add: one loop for
        both, since this is the hottest code of the input.
        """
        keeps_original, has_tags, now = self._keeps_original, self._has_tags, self.context.now()
        first, second, third, fourth, value = self._enrichment.usual
        for event in events:
            tag, text = self._tag, event.get("message")
            if type(text) is not str:
                text = _message_of(event)
                if text is None:
                    tag = _RAW
            if keeps_original and text is not None and "event" not in event:
                event["event"] = {"original": text}
            if has_tags:
                if "tags" in event:
                    add_tag(event, tag)
                else:
                    event["tags"] = [tag]
            if "@timestamp" not in event:
                event["@timestamp"] = now
            if "@version" not in event:
                event["@version"] = "1"
            held = event.get("@metadata")
            if held is None or first is None or first in held:
                self._enrichment.add(event)
            else:  # nearly always; a literal is the cheapest way to make maps in maps
                held[first] = {second: {third: {fourth: value}}}

    def _mark(self, event: Event, tag: str) -> None:
        if self._has_tags:
            add_tag(event, tag)

    def _decoded(self, sent: Event) -> list[Event]:
        """The events of the text, each with all the rest that was sent."""
        if self._is_plain:
            self._finish_plain([sent])
            return [sent]
        name = next((name for name in _TEXTS if sent.get(name) is not None), None)
        if name is None:
            self._mark(sent, _RAW)
            return [sent]
        text = _text_of(sent.pop(name)).encode("utf-8", "surrogatepass")
        events = self._inner.decode_or_keep(text) + self._inner.flush()
        for event in events:
            tags = event.get("tags", ())
            event.update(sent if len(events) == 1 else copy.deepcopy(sent))
            for tag in [tags] if isinstance(tags, str) else tags:
                add_tag(event, tag)
            self._mark(event, self._tag)
        return events

    def complete(self, events: list[Event]) -> list[Event]:
        if events is not self._completed:
            now = self.context.now()
            for event in events:
                if "@timestamp" not in event:
                    event["@timestamp"] = now
                if "@version" not in event:
                    event["@version"] = "1"
                self._enrichment.add(event)
        self._completed = None
        if self._host:
            for event in events:
                _copy_host(event, self._host)
        return events


def _message_of(event: Event) -> str | None:
    """The text of an event, which becomes its message."""
    sent = event.get("message")
    if sent is None:
        sent = event.pop("line", None)
    if sent is None:
        return None
    text = event["message"] = _text_of(sent)
    return text


def _text_of(value: Any) -> str:
    """A value as text: as JSON where it is none."""
    if isinstance(value, str | Timestamp):
        return str(value)
    return str(_encode(value), "utf-8")


def _only_path(fields: Mapping[str, Any]) -> list[Any]:
    """The names of maps in maps that have one field each, and the value in the last."""
    path: list[Any] = []
    value: Any = fields
    while isinstance(value, Mapping) and len(value) == 1:
        ((name, value),) = value.items()
        path.append(name)
    return [*path, value]


def _merge(held: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if type(value) is dict:
            inner = held.get(name)
            if type(inner) is not dict:
                inner = held[name] = {}
            _merge(inner, value)
        else:
            held[name] = value


def _copy_host(event: Event, place: Sequence[str]) -> None:
    """The name that old Beats give in ``[beat][hostname]``, where there is none."""
    beat = event.get("beat")
    name = beat.get("hostname") if type(beat) is dict else None
    if name is None:
        return
    inner = event
    for key in place[:-1]:
        inner = inner.setdefault(key, {})
        if type(inner) is not dict:
            return
    inner.setdefault(place[-1], name)
