"""The filter json_encode: a value written down as JSON."""

from __future__ import annotations

from typing import Any

import msgspec

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..dsl.values import is_finite, json_text
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._references import named_field


class JsonEncode(Filter, name="json_encode"):
    """Write a field as JSON, into another field or in its own place.

    Any value will do; a field that is not there is `null`. Instants are text, numbers that JSON
    does not know become null. What cannot be written (a map that nests too deep) leaves the event
    as it is, tagged `_jsongeneratefailure`.
    """

    source: str = option("The field to write as JSON.")
    target: str | None = option("Where the JSON goes. Default: the field itself.", default=None)

    examples = (
        Example(
            "a map as text",
            'json_encode { source => "user" target => "user_json" remove_field => ["user"] }',
            before={"user": {"name": "Ann", "groups": [1, 2.0]}},
            after={"user_json": '{"name":"Ann","groups":[1,2.0]}'},
        ),
        Example(
            "in its own place",
            'json_encode { source => "[a][b]" }',
            before={"a": {"b": 'say "hi"'}},
            after={"a": {"b": '"say \\"hi\\""'}},
        ),
    )

    def prepare(self) -> None:
        """Find the fields."""
        self.source_field = named_field(self, "source", self.source)
        self.target_field = (
            self.source_field if self.target is None else named_field(self, "target", self.target)
        )

    def run(self, events: list[Event]) -> list[Event]:
        """Write the source of each event; the same list."""
        get, put, decorate = self.source_field.get, self.target_field.set, self.decorate
        for event in events:
            try:
                put(event, _written(get(event)))
                if decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event whose field could not be written."""
        self.failures += 1
        add_tag(event, "_jsongeneratefailure")
        complain(
            self.context.where,
            "%s: a field cannot be written as JSON: %s",
            self.context.where,
            error,
        )


_encode = msgspec.json.Encoder(enc_hook=str).encode


def _written(value: Any) -> str:
    try:
        text = _encode(value).decode()
    except (OverflowError, UnicodeEncodeError, ValueError):
        return json_text(value)  # a number of more than 64 bits, or half a surrogate
    # An infinity is null there.
    return text if "null" not in text or is_finite(value) else json_text(value)
