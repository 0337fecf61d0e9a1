"""Events as what a producer is handed: plain data, an item for each event.

Where topic, partition, key and headers are the same for all, an item is the value alone; else a row
``[value, key, topic, partition, headers]``. A partition that is not a number stays text, and is
refused when it is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...dsl.reference import Event, FieldRef
from ...dsl.template import Template
from ..codec import Codec
from ..codecs._rendering import utf8

Render = Callable[[Event], str]


class Row(NamedTuple):
    """What a row says. ``partition``: None for any; ``headers``: pairs."""

    value: bytes | None
    key: bytes | None
    topic: str | None
    partition: int | str | None
    headers: Sequence[Sequence[Any]] | None


class Rows:
    """Packs events. ``topic`` is the topic of all messages, where there is one."""

    def __init__(
        self,
        codec: Codec,
        topic: Template,
        key: Template | None,
        partition: Template | None,
        headers: dict[str, Template],
        tombstone: FieldRef | None,
    ) -> None:
        self._encode = codec.encode_messages
        self.topic = topic.text if topic.is_constant else None
        self._topic = None if topic.is_constant else topic.render
        self._key = None if key is None else key.render
        self._partition = None if partition is None else partition.render
        self._headers = [(name, template.render) for name, template in headers.items()]
        self._tombstone = tombstone
        parts = (self._topic, self._key, self._partition, self._headers, tombstone)
        self._are_values = not any(parts)

    def of(self, events: list[Event]) -> list[Any]:
        """An item for each event."""
        values = self._encode(events)
        if self._are_values:
            return values
        return [self._row(event, value) for event, value in zip(events, values, strict=True)]

    def _row(self, event: Event, value: bytes) -> list[Any]:
        shown: bytes | None = value
        if self._tombstone is not None and self._tombstone.get(event) is True:
            shown = None
        return [
            shown,
            None if self._key is None else utf8(self._key(event)),
            None if self._topic is None else self._topic(event),
            None if self._partition is None else _number(self._partition(event)),
            [[name, utf8(render(event))] for name, render in self._headers] or None,
        ]


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() else text


def row_of(item: Any) -> Row:
    """What an item says."""
    return Row(item, None, None, None, None) if isinstance(item, bytes) else Row(*item)
