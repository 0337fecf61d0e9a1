"""The event as Ruby code sees it: Logstash's event API, LogStash::Event and LogStash::Timestamp.

What ``get`` gives is a copy, as in Logstash: to change an event, code calls ``set``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..event import accept, add_tag
from ..reference import Event as Data
from ..reference import FieldError, FieldRef, reference
from ..template import Template
from ..timestamp import Timestamp, parse_timestamp
from ..values import copy as copied
from ..values import json_text
from .comparison import raw
from .dispatch import CLASS_OF, define
from .errors import RubyException, TypeError_
from .inspection import class_name, text, to_s
from .objects import Hash, MutStr, Set, Symbol, key_back

PLAIN = frozenset({str, int, float, bool, type(None), Timestamp})
"""Types of values that can be handed over as they are."""

UNSHARED = PLAIN - {str}
"""The same where strings change in place."""

_template = lru_cache(maxsize=1024)(Template)


class RubyEvent:
    """An event in the hands of code."""

    __slots__ = ("cancelled", "data")

    def __init__(self, data: Data) -> None:
        self.data = data
        self.cancelled = False


CLASS_OF[RubyEvent] = "LogStash::Event"


def as_field(value: Any) -> Any:
    """A value as events hold it."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is list:
        return [as_field(item) for item in value]
    if kind is dict or kind is Hash:
        return {to_s(key_back(key)): as_field(item) for key, item in value.items()}
    if kind is MutStr or kind is bytes or kind is Symbol:
        return _text(raw(value))
    if kind is Set:
        return [as_field(key_back(item)) for item in value.items]
    if kind is RubyEvent:
        return copied(value.data)
    nanos = getattr(value, "nanos", None)
    if type(nanos) is int:
        return Timestamp.of_nanos(nanos)
    return to_s(value)


def _text(value: Any) -> str:
    if type(value) is bytes:
        return value.decode("utf-8", "replace")
    return value.name if type(value) is Symbol else str(value)


def getter(field: str) -> Callable[[Data], Any]:
    """How a field is read."""
    return FieldRef(field).get


def setter(field: str) -> Callable[[RubyEvent, Any], Any]:
    """How a field is set."""
    ref = FieldRef(field)
    if ref.keys in (("@timestamp",), ("@metadata",)):
        return lambda event, value: set_(event, field, value)
    put = ref.set

    def set_field(event: RubyEvent, value: Any) -> Any:
        put(event.data, value if type(value) in PLAIN else as_field(value))
        return value

    return set_field


@define("LogStash::Event", "get")
def get(self: RubyEvent, name: Any) -> Any:
    """The value of a field."""
    return copied(reference(text(name)).get(self.data))


@define("LogStash::Event", "set")
def set_(self: RubyEvent, name: Any, value: Any) -> Any:
    """Set a field."""
    ref = reference(text(name))
    made = as_field(value)
    if ref.keys == ("@timestamp",):
        made = _instant(made)
    if ref.keys == ("@metadata",) and type(made) is not dict:
        raise FieldError("`@metadata` takes only a hash")
    ref.set(self.data, made)
    return value


def _instant(value: Any) -> Any:
    made = parse_timestamp(value) if type(value) is str else value
    if type(made) is not Timestamp:
        raise TypeError_("wrong argument type String (expected LogStash::Timestamp)")
    return made


@define("LogStash::Event", "remove")
def remove(self: RubyEvent, name: Any) -> Any:
    """Take a field out."""
    return reference(text(name)).remove(self.data)


@define("LogStash::Event", "include?")
def includes(self: RubyEvent, name: Any) -> bool:
    """Whether a field is there."""
    return reference(text(name)).has(self.data)


@define("LogStash::Event", "tag")
def tag(self: RubyEvent, *tags: Any) -> None:
    """Give a tag."""
    for given in tags:
        add_tag(self.data, to_s(given))


@define("LogStash::Event", "cancel")
def cancel(self: RubyEvent) -> bool:
    """Drop the event."""
    self.cancelled = True
    return True


@define("LogStash::Event", "uncancel")
def uncancel(self: RubyEvent) -> bool:
    """Keep the event after all."""
    self.cancelled = False
    return False


@define("LogStash::Event", "cancelled?")
def is_cancelled(self: RubyEvent) -> bool:
    """Whether the event is dropped."""
    return self.cancelled


@define("LogStash::Event", "to_hash")
def to_hash(self: RubyEvent) -> Data:
    """A copy of the fields, without metadata."""
    return {name: copied(value) for name, value in self.data.items() if name != "@metadata"}


@define("LogStash::Event", "to_hash_with_metadata")
def to_hash_with_metadata(self: RubyEvent) -> Data:
    """A copy of the fields."""
    made: Data = copied(self.data)
    if not made.get("@metadata", True):
        del made["@metadata"]
    return made


@define("LogStash::Event", "to_json")
def to_json(self: RubyEvent, *state: Any) -> str:
    """The event as JSON."""
    return json_text(to_hash(self))


@define("LogStash::Event", "clone", "dup")
def clone(self: RubyEvent, **options: Any) -> RubyEvent:
    """A copy that shares nothing with the event."""
    return RubyEvent(copied(self.data))


@define("LogStash::Event", "overwrite")
def overwrite(self: RubyEvent, other: Any) -> RubyEvent:
    """Hold what another event holds."""
    given = copied(_event(other).data)
    self.data.clear()
    self.data.update(given)
    return self


@define("LogStash::Event", "append")
def append(self: RubyEvent, other: Any) -> RubyEvent:
    """Take the fields of another event: hashes merged, other values joined to lists."""
    for name, value in _event(other).data.items():
        if name not in ("@timestamp", "@version"):
            self.data[name] = _appended(self.data.get(name), copied(value))
    return self


def _appended(own: Any, other: Any) -> Any:
    if own is None:
        return other
    if type(own) is dict and type(other) is dict:
        merged = {name: _appended(own.get(name), value) for name, value in other.items()}
        return {**own, **merged}
    mine, theirs = (value if type(value) is list else [value] for value in (own, other))
    return [*mine, *[value for value in theirs if value not in mine]]


def _event(value: Any) -> RubyEvent:
    if type(value) is not RubyEvent:
        raise TypeError_(f"wrong argument type {class_name(value)} (expected LogStash::Event)")
    return value


@define("LogStash::Event", "sprintf")
def sprintf(self: RubyEvent, template: Any) -> str:
    """A text with its templates filled in."""
    return _template(to_s(template)).render(self.data)


@define("LogStash::Event", "timestamp")
def timestamp(self: RubyEvent) -> Any:
    """The time of the event."""
    return self.data.get("@timestamp")


@define("LogStash::Event", "timestamp=")
def set_timestamp(self: RubyEvent, value: Any) -> Any:
    """Set the time of the event."""
    return set_(self, "@timestamp", value)


@define("LogStash::Event", "to_s", "inspect")
def event_to_s(self: RubyEvent) -> str:
    """Time, host and message."""
    return f"{to_s(timestamp(self))} {_shown(self, 'host')} {_shown(self, 'message')}"


def _shown(self: RubyEvent, name: str) -> str:
    value = self.data.get(name)
    return f"%{{{name}}}" if value is None else to_s(value)


def new_event(now: Callable[[], Timestamp]) -> Callable[..., RubyEvent]:
    """``LogStash::Event.new``"""

    def make(fields: Any = None) -> RubyEvent:
        if fields is not None and not isinstance(fields, dict):
            raise TypeError_(f"wrong argument type {class_name(fields)} (expected Hash)")
        return RubyEvent(accept(as_field(fields or {}), now()))

    return make


class Logger:
    """``logger``: each message goes to a function with its level."""

    __slots__ = ("write",)

    def __init__(self, write: Callable[[str, str], None]) -> None:
        self.write = write


CLASS_OF[Logger] = "Logger"


def _level(name: str) -> None:
    @define("Logger", name)
    def log(self: Logger, message: Any = None, *details: Any, **named: Any) -> bool:
        from .inspection import inspect

        shown = to_s(message)
        if isinstance(message, RubyException):
            shown = message.message
        self.write(name, " ".join([shown, *map(inspect, details)]))
        return True

    @define("Logger", f"{name}?")
    def is_on(self: Logger) -> bool:
        return name not in ("debug", "trace")


for _name in ("fatal", "error", "warn", "info", "debug", "trace"):
    _level(_name)
