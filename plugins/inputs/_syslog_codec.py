"""From messages of syslog to events: what Logstash's input does with its own grok and date filters,
as a codec, so that it runs where events are filtered.

Each message goes through the codec of the input first; the field that holds its text then is
matched with the pattern. A text that does not match is looked at as a message of RFC 5424, where
that is wanted, which Logstash does not do. What is not syslog is passed on, tagged.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...dsl.event import add_tag
from ...dsl.grok import Expression, Guard, MatchTimeout
from ...dsl.grok.captures import Assign, assigner
from ...dsl.grok.expression import to_integer
from ...dsl.reference import Event, FieldRef
from ...dsl.values import ruby_text
from ..codec import Codec
from . import _syslog_rfc3164 as rfc3164
from ._syslog_fields import Fields
from ._syslog_frames import frames
from ._syslog_rfc5424 import parse
from ._syslog_time import Times

Find = Callable[[str], Any]

NOT_SYSLOG = "_grokparsefailure_sysloginput"
_UNKNOWN_PRIORITY = 13


class Rules(NamedTuple):
    """How texts become fields. ``guard``: ends matches of the pattern that take too long, None
    where none does; ``is_usual``: whether the pattern and the field are the default;
    ``takes_5424``: whether RFC 5424 is understood.
    """

    expression: Expression
    field: FieldRef
    guard: Guard | None
    is_usual: bool
    takes_5424: bool
    fields: Fields
    times: Times


class SyslogCodec(Codec):
    """Decodes what was cut between two messages of a connection, or a datagram."""

    needs_whole_chunks = True

    def __init__(self, inner: Codec, rules: Rules) -> None:
        self.inner, self.context, self.given = inner, inner.context, inner.given
        self.rules = rules
        self._is_usual = rules.is_usual and inner.name == "plain"
        self._assign: Assign | None = None
        self._host: Any = None
        self._is_stream = False

    @property
    def name(self) -> str:
        return "syslog"

    def stream(self, origin: Mapping[str, Any] | None = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        fresh.inner = self.inner.stream({}, True)
        fresh._host = fresh.origin.get("host")
        fresh._is_stream = _protocol(fresh.origin) == "tcp"
        return fresh

    def start(self) -> None:
        self.inner.start()

    def decode(self, data: bytes) -> list[Event]:
        decode = self.inner.decode_or_keep
        if not self._is_stream:
            return self._parsed(decode(data))
        found: list[Event] = []
        for message in frames(data):
            found += decode(message)
        return self._parsed(found)

    def flush(self) -> list[Event]:
        return self._parsed(self.inner.flush())

    def complete(self, events: list[Event]) -> list[Event]:
        now, protocol = self.context.now(), "tcp" if self._is_stream else "udp"
        for event in events:
            if "@timestamp" not in event:
                event["@timestamp"] = now
            if "@version" not in event:
                event["@version"] = "1"
            if "@metadata" not in event:
                event["@metadata"] = {"input": {"syslog": {"protocol": protocol}}}
        return events

    def _parsed(self, events: list[Event]) -> list[Event]:
        guard, expression = self.rules.guard, self.rules.expression
        if not events:
            return events
        if guard is None:
            self._parse(events, expression.find)
        else:
            with guard:
                self._parse(events, guard.finder(expression))
        return events

    def _parse(self, events: list[Event], find: Find) -> None:
        rules = self.rules
        ecs, put_priority, take = rules.fields.ecs, rules.fields.put_priority, rules.times.take
        put_usual = rfc3164.put_ecs if ecs else rfc3164.put_old
        rules.times.look_at_clock()
        for event in events:
            self._place_host(event)
            text = self._text_of(event)
            if ecs:
                self._keep_original(event, text)
            usual = rfc3164.find(text) if self._is_usual else None
            if usual is None:
                self._parse_unusual(event, text, find)
            else:
                put_priority(event, put_usual(event, usual))
                take(event)

    def _text_of(self, event: Event) -> str:
        text = self.rules.field.get(event)
        return text if type(text) is str else ruby_text(text)

    def _parse_unusual(self, event: Event, text: str, find: Find) -> None:
        fields = self.rules.fields
        try:
            match = find(text)
            if match is None:
                self._parse_other(event, text)
                return
            self._assigner()(event, match)
            fields.put_priority(event, _priority(fields.get_priority(event)))
            self.rules.times.take(event)
        except MatchTimeout:
            add_tag(event, "_groktimeout")
            self._is_unknown(event)
        except Exception as error:
            self.context.log.warning("a message cannot be taken apart: %s", error)
            self._is_unknown(event)

    def _assigner(self) -> Assign:
        """Made when the first message comes."""
        if self._assign is None:
            overwrite = frozenset([str(self.rules.field)])
            self._assign = assigner(self.rules.expression, "", overwrite, False)
        return self._assign

    def _place_host(self, event: Event) -> None:
        host = self._host
        if host is not None:
            event["host"] = host.copy() if type(host) is dict else host

    def _keep_original(self, event: Event, text: str) -> None:
        held = event.get("event")
        if type(held) is dict:
            held["original"] = text
        elif held is None:
            event["event"] = {"original": text}

    def _parse_other(self, event: Event, text: str) -> None:
        rules = self.rules
        message = parse(text) if rules.takes_5424 else None
        if message is None:
            self._is_unknown(event)
            return
        rules.fields.put_message(event, message)
        rules.field.set(event, message.text)
        rules.fields.put_priority(event, message.priority)
        if message.timestamp is not None:
            rules.times.read(event, message.timestamp)

    def _is_unknown(self, event: Event) -> None:
        add_tag(event, NOT_SYSLOG)
        self.rules.fields.put_priority(event, _UNKNOWN_PRIORITY)


def _protocol(origin: Mapping[str, Any]) -> str:
    metadata = origin.get("@metadata", {})
    return str(metadata.get("input", {}).get("syslog", {}).get("protocol", "udp"))


def _priority(value: Any) -> int:
    """The priority that was captured, as Ruby's to_i reads it."""
    if type(value) is int:
        return value
    if value is None:
        return 0
    if type(value) is str:
        return to_integer(value)
    return int(value) if type(value) is float else _UNKNOWN_PRIORITY
