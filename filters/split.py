"""The filter split: one event for each part of a field."""

from __future__ import annotations

import re
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._references import named_field


class Split(Filter, name="split"):
    """Make an event of each part of a field: of each item of a list, or of each line of a string.

    The events take the place of the one they were made of. Each is a copy of it, with its part in
    the field, or in `target`, where the field then stays as it was. Parts that are empty or null
    are left out; so an empty list, or an empty string, makes the event disappear, as in Logstash.
    To keep it, put the filter in a condition on the first item: `if [items][0] { split { … } }`.

    A string of one part goes on as it is, without the common options. A field that holds neither a
    list nor a string, or is not there, tags the event `_split_type_failure`.
    """

    reshapes = True

    field: str = option("The field to split.", default="message")
    target: str | None = option("Where each part goes. Default: the field itself.", default=None)
    terminator: str = option("What stands between the parts of a text.", default="\n", literal=True)

    examples = (
        Example(
            "the items of a list",
            'split { field => "items" }',
            before={"order": 7, "items": [{"sku": "a"}, {"sku": "b"}]},
            after=[{"order": 7, "items": {"sku": "a"}}, {"order": 7, "items": {"sku": "b"}}],
        ),
        Example(
            "the parts of a text, elsewhere",
            'split { field => "groups" terminator => "," target => "[user][group]" }',
            before={"groups": "math,poetry"},
            after=[
                {"groups": "math,poetry", "user": {"group": "math"}},
                {"groups": "math,poetry", "user": {"group": "poetry"}},
            ],
        ),
    )

    def prepare(self) -> None:
        """Find the fields."""
        self.most = self.context.limit("fields")
        self.source = named_field(self, "field", self.field)
        self.place = (
            self.source if self.target is None else named_field(self, "target", self.target)
        )

    def apply(self, event: Event) -> list[Event]:
        """The events of the parts; the event itself where there is nothing to split."""
        value = self.source.get(event)
        if type(value) is list:
            self._check(len(value))
            return self._spread(event, value, moved=self.target is None)
        if type(value) is str:
            self._check(len(value) > self.most and value.count(self.terminator))
            parts = _parts(value, self.terminator)
            return [event] if len(parts) == 1 else self._spread(event, parts, moved=False)
        add_tag(event, "_split_type_failure")
        where = self.context.where
        complain(
            where,
            "%s: split needs a string or a list, and an event has a %s",
            where,
            type(value).__name__,
        )
        return [event]

    def _check(self, parts: int) -> None:
        if parts > self.most:
            raise ValueError(
                f"the event would become more than {self.most} events (penstock.limits.fields)"
            )

    def _spread(self, event: Event, parts: list[Any], moved: bool) -> list[Event]:
        if moved:
            self.source.remove(event)  # it is not to be copied with each part
        try:
            return [
                self._made(event, part)
                for part in parts
                if part is not None and part not in ("", [], {})
            ]
        except Exception:
            if moved:
                self.source.set(event, parts)
            raise

    def _made(self, event: Event, part: Any) -> Event:
        made: Event = copy(event)
        self.place.set(made, copy(part))
        if self.decorate is not None:
            self.decorate(made)
        return made


_WORD = re.compile(r"[^\t\n\v\f\r ]+")
_BLANK_END = re.compile(r"[\t\n\v\f\r ]\Z")


def _parts(text: str, separator: str) -> list[str]:
    """The parts of a text, empty ones too; a blank separates at white space, as in Ruby, and
    nothing at each character.
    """
    if separator == " ":
        return [*_WORD.findall(text), *([""] if _BLANK_END.search(text) else [])]
    if not text:
        return []
    return text.split(separator) if separator else [*text, ""]
