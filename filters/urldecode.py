"""The filter urldecode: %20 and its like made characters again."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..plugins.codecs._charset import charset_option
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._references import named_field


class Urldecode(Filter, name="urldecode"):
    """Decode what is percent-encoded in a field, or in all of them.

    Strings in lists and maps are decoded, too, but not the keys of maps. A plus sign stays one. A
    percent sign without two hexadecimal digits behind it stays as it is. The bytes are read in
    `charset`; in UTF-8, bytes that are not a character are shown as `\\xE9`.

    A field that is not there becomes null. A field that cannot be decoded tags the event; the
    common options are applied all the same. Both as in Logstash.
    """

    field: str = option("The field to decode.", default="message")
    all_fields: bool = option("Whether every field is decoded.", default=False)
    charset: str = option("The character set of the bytes.", default="UTF-8")
    tag_on_failure: list[str] = option(
        "Tags for an event on which it failed.", default=["_urldecodefailure"]
    )

    examples = (
        Example(
            "a path",
            'urldecode { field => "path" }',
            before={"path": "/caf%C3%A9?q=a%20b+c"},
            after={"path": "/café?q=a b+c"},
        ),
        Example(
            "every field, in another character set",
            'urldecode { all_fields => true charset => "ISO-8859-1" }',
            before={"a": "caf%E9", "b": ["100%", "%26", 5]},
            after={"a": "café", "b": ["100%", "&", 5]},
        ),
    )

    def prepare(self) -> None:
        """Find the field and the character set."""
        self.source = named_field(self, "field", self.field)
        self.set = charset_option(self)

    def run(self, events: list[Event]) -> list[Event]:
        """Decode the field of each event; the same list."""
        get, put, decorate = self.source.get, self.source.set, self.decorate
        for event in events:
            try:
                if self.all_fields:
                    event.update(
                        {name: self._decoded(event[name]) for name in event if name != "@metadata"}
                    )
                else:
                    put(event, self._decoded(get(event)))
            except Exception as error:
                self.failed(event, error)
            if decorate is not None:
                self._decorate(event)
        return events

    def _decorate(self, event: Event) -> None:
        try:
            assert self.decorate is not None
            self.decorate(event)
        except Exception as error:
            self.failed(event, error)

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which it failed."""
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)
        complain(
            self.context.where, "%s: urldecode failed on an event: %s", self.context.where, error
        )

    def _decoded(self, value: Any) -> Any:
        if type(value) is str:
            if self.set.is_utf8 and "%" not in value:
                return value
            return self.set.text(unquote_to_bytes(value))
        if type(value) is list:
            return [self._decoded(item) for item in value]
        if type(value) is dict:
            return {key: self._decoded(item) for key, item in value.items()}
        return value
