"""The filter alter: fields rewritten when they, or other fields, hold an expected value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..dsl.template import Template
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option

Action = Callable[[Event], None]

_UNRESOLVED = re.compile(r"%\{[^}]*\}")


class Alter(Filter, name="alter"):
    """Rewrite fields whose value is an expected one.

    `condrewrite` is a list of groups of three: a field, the value that it must have, the value to
    give it. `condrewriteother` is a list of groups of four: a field, the value that it must have,
    another field, the value to give that. Of a list any item counts, and with `condrewrite` those
    items are rewritten. `coalesce` is a field and strings: the field becomes the first string whose
    references are all there. Values have templates; only a string is the expected one, 404 is not
    "404".

    A conditional with the filter mutate says the same, and more clearly.

    Differs from Logstash: a per cent sign in a string of `coalesce` does no harm.
    """

    condrewrite: list[str] = option(
        "Groups of three: a field, an expected value and a new value.", default=[]
    )
    condrewriteother: list[str] = option(
        "Groups of four: a field, an expected value, a field to change and its new value.",
        default=[],
    )
    coalesce: list[str] = option(
        "A field, and strings; the field is set to the first whose references all exist.",
        default=[],
    )

    examples = (
        Example(
            "another name for a value",
            'alter { condrewrite => ["level", "WARN", "warning"] }',
            before=[{"level": "WARN"}, {"level": "INFO"}],
            after=[{"level": "warning"}, {"level": "INFO"}],
        ),
        Example(
            "the first that is there",
            'alter { coalesce => ["who", "%{user}", "%{ip}", "nobody"] }',
            before=[{"ip": "10.0.0.1"}, {}],
            after=[{"ip": "10.0.0.1", "who": "10.0.0.1"}, {"who": "nobody"}],
        ),
    )

    def prepare(self) -> None:
        self._actions: list[Action] = []
        for name, values, size, make in (
            ("condrewrite", self.condrewrite, 3, _rewrite),
            ("condrewriteother", self.condrewriteother, 4, _rewrite_other),
        ):
            if len(values) % size:
                self.problem(name, f"`{name}` has groups of {size} values", "see the reference")
            for at in range(0, len(values) - size + 1, size):
                self._add(name, at, make, *values[at : at + size])
        if len(self.coalesce) == 1:
            self.problem(
                "coalesce",
                "`coalesce` needs a field and strings to choose from",
                "give at least one string",
            )
        elif self.coalesce:
            self._add("coalesce", 0, _coalesce, *self.coalesce)

    def _add(self, name: str, at: int, make: Callable[..., Action], *values: str) -> None:
        try:
            self._actions.append(make(*values))
        except ReferenceSyntaxError as error:
            self.problem(name, str(error), "write a field as [a][b]", path=(at,), code="E207")

    def apply(self, event: Event) -> bool:
        for action in self._actions:
            action(event)
        return True


def _rewrite(name: str, expected: str, replacement: str) -> Action:
    field, wanted, new = FieldRef(name), Template(expected).render, Template(replacement).render

    def rewrite(event: Event) -> None:
        value, sought = field.get(event), wanted(event)
        if type(value) is list:
            field.set(event, [new(event) if _is(item, sought) else item for item in value])
        elif _is(value, sought):
            field.set(event, new(event))

    return rewrite


def _rewrite_other(name: str, expected: str, other: str, replacement: str) -> Action:
    field, target = FieldRef(name), FieldRef(other)
    wanted, new = Template(expected).render, Template(replacement).render

    def rewrite(event: Event) -> None:
        value, sought = field.get(event), wanted(event)
        if any(_is(item, sought) for item in (value if type(value) is list else [value])):
            target.set(event, new(event))

    return rewrite


def _coalesce(name: str, *texts: str) -> Action:
    field, renders = FieldRef(name), [Template(text).render for text in texts]

    def coalesce(event: Event) -> None:
        for render in renders:
            text = render(event)
            if text != "nil" and not _UNRESOLVED.search(text):
                field.set(event, text)
                return

    return coalesce


def _is(value: Any, sought: str) -> bool:
    return type(value) is str and value == sought
