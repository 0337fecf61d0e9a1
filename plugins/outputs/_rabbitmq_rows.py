"""Events as what is published: plain data, an item for each event.

Where the routing key and the properties are the same for all, an item is the body alone; else a row
``[body, key, properties, refusal]``. A property has a type of its own in AMQP; what an event has
that does not fit is not guessed at: the row says why, and the event is refused when it is
delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.timestamp import parse_timestamp
from ..codec import Codec

_TEXTS = (
    "app_id",
    "cluster_id",
    "content_encoding",
    "content_type",
    "correlation_id",
    "message_id",
    "reply_to",
    "type",
    "user_id",
)
_LONGEST = 255
_LARGEST = {"priority": 255, "delivery_mode": 2, "timestamp": (1 << 63) - 1}
NAMES = (*_TEXTS, "delivery_mode", "expiration", "headers", "priority", "timestamp")

Render = Callable[[Event], Any]


class Row(NamedTuple):
    """What a row says. ``key``, ``properties``: None for those of all; ``refusal``: why it cannot
    be published, if it cannot.
    """

    body: bytes
    key: str | None
    properties: Mapping[str, Any] | None
    refusal: str | None


class Rows:
    """Packs events. ``key`` and ``properties`` are those of all messages, where there are such."""

    def __init__(self, codec: Codec, key: Template, properties: Mapping[str, Any]) -> None:
        self._encode = codec.encode_messages
        self.key = key.text if key.is_constant else None
        self._key = None if key.is_constant else key.render
        self._render = _rendering(properties)
        self.properties = dict(properties) if self._render is None else None
        self._are_bodies = self._key is None and self._render is None

    def of(self, events: list[Event]) -> list[Any]:
        """An item for each event."""
        bodies = self._encode(events)
        if self._are_bodies:
            return bodies
        return [self._row(event, body) for event, body in zip(events, bodies, strict=True)]

    def _row(self, event: Event, body: bytes) -> list[Any]:
        key = None if self._key is None else self._key(event)
        properties = None if self._render is None else self._render(event)
        return [body, key, properties, refusal_of(key or "", properties or {})]


def row_of(item: Any) -> Row:
    """What an item says."""
    return Row(item, None, None, None) if isinstance(item, bytes) else Row(*item)


def _rendering(value: Any) -> Render | None:
    """What makes a value for an event; None where it is the same for all."""
    if isinstance(value, str):
        template = Template(value)
        return None if template.is_constant else template.render
    if isinstance(value, Mapping):
        made = {name: _rendering(item) for name, item in value.items()}
        if not any(made.values()):
            return None
        parts = [(name, item, made[name]) for name, item in value.items()]
        return lambda event: {
            name: item if render is None else render(event) for name, item, render in parts
        }
    if isinstance(value, list):
        return _rendering_list(value)
    return None


def _rendering_list(values: Sequence[Any]) -> Render | None:
    made = [_rendering(item) for item in values]
    if not any(made):
        return None
    parts = list(zip(values, made, strict=True))
    return lambda event: [item if render is None else render(event) for item, render in parts]


def refusal_of(key: str, properties: Mapping[str, Any]) -> str | None:
    """Why a message cannot be published with these."""
    if _is_long(key):
        return f"the routing key is longer than {_LONGEST} bytes"
    for name, value in properties.items():
        if name != "headers" and typed(name, value) is None:
            return f"`{str(value)[:50]}` is not a valid {name}"
    return None


def _is_long(text: str) -> bool:
    return len(text) > _LONGEST // 4 and len(text.encode("utf-8", "surrogatepass")) > _LONGEST


def typed(name: str, value: Any) -> Any:
    """The value of a property in its type of AMQP; None where it does not fit."""
    if name == "headers":
        return value if isinstance(value, Mapping) else None
    text = str(value)
    if name in _TEXTS:
        return None if _is_long(text) else text
    if name == "timestamp" and not text.isdigit():
        instant = parse_timestamp(text)
        return None if instant is None else instant.seconds()
    if not (text.isascii() and text.isdigit()):
        return None
    if name == "expiration":
        return text if int(text) < 1 << 32 else None
    return int(text) if int(text) <= _LARGEST[name] else None
