"""Avro records as Confluent's serializers frame them: a zero, the number of the schema in four
bytes, the record.

A record that cannot be read is an event with a tag, like those of the codec avro. A registry that
is away is none of the record's faults: that is raised, and the record is read again later.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from typing import Any

from fastavro import schemaless_reader

from ...dsl.reference import Event
from ..clients.schema_registry import SchemaRegistry, UnknownSchema
from ..contract import Codec, ConnectorError
from ..rate_limit import PluginLog
from ._foreign import at_home, text_of
from ._target import placed

FAILED = "_avroparsefailure"
_MAGIC = 0
_HEAD = 5


def framed(number: int, record: bytes) -> bytes:
    """A record with the number of its schema."""
    return b"\x00" + number.to_bytes(4, "big") + record


class RegistryAvro(Codec):
    """Decodes framed records. ``like``: a codec of the same plugin, for what all codecs have."""

    def __init__(self, like: Codec, registry: SchemaRegistry, log: PluginLog) -> None:
        self.context, self.given = like.context, like.given
        self._registry, self._log = registry, log

    def stream(self, origin: Any = None, begun: bool | None = None) -> Codec:
        fresh = copy.copy(self)
        fresh.origin = origin or {}
        return fresh

    def decode(self, data: bytes) -> list[Event]:
        if not data:
            return []
        try:
            return [self._event(data)]
        except ConnectorError:
            raise
        except Exception as error:  # fastavro raises whatever comes up
            self._log.warning("a value is not an Avro record: %s", error, about=FAILED)
            return [{"message": text_of(data), "tags": [FAILED]}]

    def _event(self, data: bytes) -> Event:
        if data[0] != _MAGIC or len(data) < _HEAD:
            raise ValueError("it does not begin with the number of a schema")
        number = int.from_bytes(data[1:_HEAD], "big")
        try:
            schema = self._registry.schema(number)
        except UnknownSchema as error:
            raise ValueError(f"schema {number}: {error}") from error
        found = schemaless_reader(io.BytesIO(data[_HEAD:]), schema, None)
        if not isinstance(found, dict):
            raise ValueError("the record is not a map")
        return placed(None, at_home(found), self.context.now())

    def decode_messages(self, messages: Sequence[bytes]) -> list[list[Event]]:
        """The events of each message; raises what the registry raises."""
        return [self.decode(message) for message in messages]
