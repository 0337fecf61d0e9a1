"""The filter truncate: long texts cut to a number of bytes."""

from __future__ import annotations

from typing import Any

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option


class Truncate(Filter, name="truncate"):
    """Cut strings to a number of bytes in UTF-8, at the end and never inside a character.

    Of a list the strings in it are cut, of a map the strings at any depth; lists within lists and
    maps within lists stay as they are, as do numbers. Without `fields` every field is looked at,
    but for `@metadata`. The common options apply when something was cut.
    """

    length_bytes: int = option("The longest length to keep, in bytes.", at_least=0)
    fields: list[FieldRef] | None = option("The fields to cut. Default: all.", default=None)

    examples = (
        Example(
            "one field",
            'truncate { length_bytes => 5 fields => ["message"] add_tag => ["cut"] }',
            before=[{"message": "abcdefgh"}, {"message": "abc"}],
            after=[{"message": "abcde", "tags": ["cut"]}, {"message": "abc"}],
        ),
        Example(
            "all fields, whole characters",
            "truncate { length_bytes => 3 }",
            before={"a": "ééé", "b": {"c": ["12345", 67890]}},
            after={"a": "é", "b": {"c": ["123", 67890]}},
        ),
    )

    def prepare(self) -> None:
        self._length = self.length_bytes

    def apply(self, event: Event) -> bool:
        if self.fields is None:
            return self._cut_fields(event, [name for name in event if name != "@metadata"])
        cut = False
        for ref in self.fields:
            value = ref.get(event)
            shorter = self._shorter(value)
            if shorter is not value:
                ref.set(event, shorter)
                cut = True
            elif type(value) is dict:
                cut = self._cut_fields(value, list(value)) or cut
        return cut

    def _cut_fields(self, fields: Event, names: list[str]) -> bool:
        """Cut the values of a map and of the maps in it; whether any was."""
        cut = False
        for name in names:
            value = fields[name]
            shorter = self._shorter(value)
            if shorter is not value:
                fields[name] = shorter
                cut = True
            elif type(value) is dict:
                cut = self._cut_fields(value, list(value)) or cut
        return cut

    def _shorter(self, value: Any) -> Any:
        """A text cut, or a list with its texts cut; the same value when there is nothing to cut."""
        length = self._length
        if type(value) is str:
            return truncated(value, length)
        if type(value) is list:
            items = [truncated(item, length) if type(item) is str else item for item in value]
            return (
                items
                if any(new is not old for new, old in zip(items, value, strict=True))
                else value
            )
        return value


def truncated(text: str, length: int) -> str:
    """The start of a text that has at most this many bytes in UTF-8; the same text when it is short
    enough.
    """
    if len(text) * 4 <= length or (len(text) <= length and text.isascii()):
        return text
    data = text[: length + 1].encode("utf-8", "surrogatepass")
    if len(data) <= length:
        return text
    return data[:length].decode("utf-8", "ignore")
