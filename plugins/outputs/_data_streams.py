"""Data streams: whether the options ask for them, to which stream an event goes, and what its
document says of that.

A stream is named TYPE-DATASET-NAMESPACE. An event may say in `[data_stream]` where it belongs; its
document says where it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ...dsl.reference import Event
from ...dsl.values import copy
from ..codecs._json import encode
from ._bulk_options import BulkOptions, IndexOptions

_PARTS = ("type", "dataset", "namespace")
_FORBIDDEN = '\\/*?"<>| ,#:'
_LONGEST = 100
_INDEX_OPTIONS = frozenset(IndexOptions.__annotations__)
_GO_WELL = ("routing", "pipeline", "data_stream")


def wants_streams(output: BulkOptions) -> bool:
    """Whether the options ask for data streams; what contradicts itself is reported."""
    contrary = list(_contrary(output))
    if output.data_stream == "true":
        for name in contrary:
            message = f"`{name}` does not go with `data_stream => true`"
            output.problem(name, message, "remove one of them")
        if not output.ecs:
            message = "data streams need fields named by ECS"
            output.problem("data_stream", message, "remove ecs_compatibility => disabled")
        return True
    if output.data_stream != "false" and output.ecs and not contrary:
        return True
    for name in sorted(name for name in output.given if name.startswith("data_stream_")):
        why = f", because of `{contrary[0]}`" if contrary and output.data_stream is None else ""
        message = f"`{name}` is given, but events do not go to data streams{why}"
        output.problem(name, message, "write data_stream => true, or remove it")
    return False


def _contrary(output: BulkOptions) -> Iterator[str]:
    """The options that do not go with data streams."""
    for name in sorted(output.given & _INDEX_OPTIONS):
        if name in _GO_WELL or name.startswith("data_stream_"):
            continue
        if name == "action" and output.action is not None and output.action.text == "create":
            continue
        if name == "manage_template" and not output.manage_template:
            continue
        yield name


def check_names(output: BulkOptions) -> None:
    """Report parts of names that no stream can have."""
    for name in ("data_stream_dataset", "data_stream_namespace"):
        value = getattr(output, name)
        if not value or len(value.encode()) > _LONGEST or set(value) & set(_FORBIDDEN):
            message = f"`{value}` cannot be a part of the name of a data stream"
            help = f"write 1 to {_LONGEST} bytes without any of {_FORBIDDEN}"
            output.problem(name, message, help)


class Streams:
    """To which stream events go."""

    def __init__(self, output: BulkOptions) -> None:
        self._routes, self._syncs = output.data_stream_auto_routing, output.data_stream_sync_fields
        self._default = {part: getattr(output, f"data_stream_{part}") for part in _PARTS}
        self.default_name = "-".join(self._default.values())
        self._field = b',"data_stream":%b}' % msgspec.json.encode(self._default)

    def index_of(self, event: Event) -> str:
        """The name of an event's stream."""
        said = event.get("data_stream")
        if not self._routes or type(said) is not dict:
            return self.default_name
        return "-".join([str(said.get(part) or self._default[part]) for part in _PARTS])

    def document(self, event: Event, encoded: bytes) -> bytes:
        """The document of an event, which says in which stream it is."""
        said: Any = event.get("data_stream")
        if not self._syncs:
            return encoded
        if said is None and "data_stream" not in event and len(encoded) > 2:
            return encoded[:-1] + self._field
        fields = dict(said) if type(said) is dict else {}
        for part in _PARTS:
            if not self._routes or not fields.get(part):
                fields[part] = self._default[part]
        if fields == said:
            return encoded
        return encode({**event, "data_stream": copy(fields)})
