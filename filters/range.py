"""The filter range: what to do with values within limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..dsl.event import add_tag
from ..dsl.naming import FieldName
from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..dsl.template import Template
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ..plugins.decoration import as_list
from ..plugins.strict_numbers import integer, number
from ._ruby import to_s

Action = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class _Range:
    """A range of a field's values; ``action`` is None to drop the event."""

    field: FieldRef
    least: float
    most: float
    action: Action | None


class Range(Filter, name="range"):
    """Tag, mark or drop events whose numbers, or lengths of strings, are within limits.

    `ranges` is a list of groups of four: a field, the least and the greatest value, both
    included, and an action: `drop`, `tag:NAME` or `field:NAME:VALUE`, with templates in names and
    values. A value that is written as a number becomes one. Numbers are compared, and the lengths
    of strings; other values are in no range. With `negate` the action is taken outside the range.

    All ranges are looked at in turn; a field that is not there is skipped. The common options
    apply to all events that are not dropped.
    """

    ranges: list[Any] = option(
        "Groups of four: a field, the least value, the greatest value and an action.", default=[]
    )
    negate: bool = option("Whether to act on values outside of the ranges.", default=False)

    examples = (
        Example(
            "a tag by the length of the message",
            'range { ranges => ["message", 0, 3, "tag:short", "message", 4, 100, "tag:long"] }',
            before=[{"message": "abc"}, {"message": "abcdef"}],
            after=[{"message": "abc", "tags": ["short"]}, {"message": "abcdef", "tags": ["long"]}],
        ),
        Example(
            "a field, and slow requests only",
            'range { ranges => ["ms", 0, 99, "drop", "ms", 1000, 9999,'
            ' "field:class_%{app}:slow"] }',
            before=[{"ms": 20, "app": "a"}, {"ms": 2000, "app": "a"}],
            after={"ms": 2000, "app": "a", "class_a": "slow"},
        ),
    )

    def prepare(self) -> None:
        if len(self.ranges) % 4:
            self.problem(
                "ranges",
                "`ranges` must be a list of groups of four",
                "give a field, the least value, the greatest value and an action for each",
            )
        fours = [self.ranges[at : at + 4] for at in range(0, len(self.ranges) - 3, 4)]
        self._ranges = [
            found for place, four in enumerate(fours) if (found := self._range(place * 4, *four))
        ]
        by_field: dict[FieldRef, list[_Range]] = {}
        for found in self._ranges:
            by_field.setdefault(found.field, []).append(found)
        self._by_field = list(by_field.items())
        self._drops = any(found.action is None for found in self._ranges)
        self.reshapes = self._drops

    def _range(self, place: int, name: Any, least: Any, most: Any, action: Any) -> _Range | None:
        try:
            field = FieldRef(name if isinstance(name, str) else "")
        except ReferenceSyntaxError as error:
            self.problem(
                "ranges",
                str(error),
                "the first value of each group must be a field",
                path=(place,),
                code="E207",
            )
            return None
        limits = []
        for offset, limit in enumerate((least, most), 1):
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                self.problem(
                    "ranges",
                    "a limit must be a number",
                    "write it without quotes",
                    path=(place + offset,),
                )
                return None
            limits.append(limit)
        try:
            return _Range(field, limits[0], limits[1], _action(str(action)))
        except ValueError as error:
            help = "write `drop`, `tag:NAME` or `field:NAME:VALUE`"
            self.problem("ranges", str(error), help, path=(place + 3,))
            return None

    def apply(self, event: Event) -> bool | list[Event]:
        goes_on = self._act(event)
        if not self._drops:
            return True
        if goes_on and self.decorate is not None:
            self.decorate(event)
        return [event] if goes_on else []

    def _act(self, event: Event) -> bool:
        """Take the actions; whether the event goes on."""
        for field, ranges in self._by_field:
            for found in ranges:
                value = field.get(event)
                if value is None and not field.has(event):
                    break
                if _within(value, found) is self.negate:
                    continue
                if found.action is None:
                    return False
                found.action(event)
        return True


def _within(value: Any, limits: _Range) -> bool:
    if isinstance(value, str):
        value = len(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return bool(limits.least <= value <= limits.most)


def _action(text: str) -> Action | None:
    """What an action's text says; raises ValueError."""
    kind, *parts = text.split(":")
    if kind == "drop" and not parts:
        return None
    if kind == "tag" and len(parts) == 1:
        tag = Template(parts[0]).render
        return lambda event: add_tag(event, tag(event))
    if kind == "field" and len(parts) == 2:
        return _adding(FieldName(parts[0]), parts[1])
    raise ValueError(f"`{text}` is not a valid action")


def _adding(field: FieldName, text: str) -> Action:
    value = _typed(text)
    render = Template(text).render

    def add(event: Event) -> None:
        ref = field.of(event)
        held = ref.get(event)
        if held is None or held is False:
            ref.set(event, render(event) if value is None else value)
        else:
            ref.set(event, [*as_list(held), render(event)])

    return add


def _typed(text: str) -> int | float | None:
    """The number that a text is, if it is written as that number is; else None."""
    for value in (integer(text), number(text)):
        if value is not None and to_s(value) == text:
            return value
    return None
