"""Avro records on their way to a topic: the schema is registered for the topic, and each record
gets its number.

The number is known where messages are handed over, not where they are packed: workers ask no
registry, and a record that waits on disk needs none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..clients.schema_registry import RefusedSchema, SchemaRegistry, UnknownSchema
from ..codecs._registry_avro import framed
from ..codecs.avro import Avro
from ..contract import Misconfigured, Rejected
from ._kafka_rows import row_of

_UNFIT = "the event does not fit the schema"


class Framing:
    """Frames the values of items. ``topic``: that of items that name none."""

    def __init__(self, registry: SchemaRegistry, codec: Avro, topic: str | None) -> None:
        self._registry, self._codec, self._topic = registry, codec, topic

    def register(self) -> None:
        """Register the schema for the topic, where that is known before. Raises Disconnected,
        Misconfigured.
        """
        if self._topic is None:
            self._registry.subjects()
            return
        try:
            self._number(self._topic)
        except (RefusedSchema, UnknownSchema) as error:
            help = "give a schema that is compatible with those that the subject has"
            raise Misconfigured("codec", str(error), help) from error

    def _number(self, topic: str) -> int:
        return self._registry.number(f"{topic}-value", self._codec.schema_text())

    def framed(self, items: Sequence[Any]) -> list[Any]:
        """The items, framed. Raises Rejected for those that cannot be, Disconnected."""
        found: list[Any] = []
        refused: dict[int, str] = {}
        for index, item in enumerate(items):
            try:
                found.append(self._one(item))
            except (RefusedSchema, UnknownSchema, ValueError) as error:
                refused[index] = str(error)
        if refused:
            others = [index for index in range(len(items)) if index not in refused]
            raise Rejected(refused, retry=others)
        return found

    def _one(self, item: Any) -> Any:
        row = row_of(item)
        if row.value is None:
            return item
        if not row.value:
            raise ValueError(_UNFIT)
        value = framed(self._number(row.topic or str(self._topic)), row.value)
        return value if isinstance(item, bytes) else [value, *row[1:]]

    def close(self) -> None:
        """Let go of connections."""
        self._registry.close()
