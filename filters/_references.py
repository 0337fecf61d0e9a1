"""Fields that options name as plain text.

What names none is a warning, not an error: Logstash takes such a configuration, and the filter
fails when an event comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldError, FieldRef, ReferenceSyntaxError, reference
from ..dsl.template import REMEDY, Template
from ..plugins.contract import Plugin

NAMES_APART = frozenset(("@metadata", "@timestamp", "tags"))
"""Fields that take only some values."""


class BrokenReference(FieldRef):
    """A reference that is none: whatever is asked of it raises ReferenceSyntaxError."""

    def __init__(self, text: str, problem: str) -> None:
        self.text, self.keys, self.problem = text, (text,), problem
        self.get = self.set = self.remove = self._fail

    def _fail(self, *given: Any) -> Any:
        raise ReferenceSyntaxError(self.problem)

    def has(self, event: Event) -> bool:
        """Raises."""
        return bool(self._fail())


def set_named(event: Event, name: str, value: Any) -> None:
    """Set the field that data names, in brackets or not; raises ReferenceSyntaxError or FieldError
    where it cannot be.
    """
    if "[" not in name and "]" not in name and name not in NAMES_APART:
        event[name] = value
        return
    reference(name).set(event, value)


def set_all(event: Event, found: Mapping[str, Any]) -> None:
    """Set fields by their names. One that cannot be set does not keep back the others: they are
    set first, then its ReferenceSyntaxError or FieldError is raised.
    """
    refused: ReferenceSyntaxError | FieldError | None = None
    for name, value in found.items():
        if "[" not in name and "]" not in name and name not in NAMES_APART:
            event[name] = value
            continue
        try:
            reference(name).set(event, value)
        except (ReferenceSyntaxError, FieldError) as error:
            refused = refused or error
    if refused is not None:
        raise refused


def set_each(event: Event, values: Iterable[tuple[FieldRef, Any]]) -> None:
    """Set fields as ``set_all`` does, by reference."""
    refused: ReferenceSyntaxError | FieldError | None = None
    for ref, value in values:
        try:
            ref.set(event, value)
        except (ReferenceSyntaxError, FieldError) as error:
            refused = refused or error
    if refused is not None:
        raise refused


def set_or_tag(event: Event, ref: FieldRef, value: Any, tag: str) -> None:
    """Set a field of an event that no filter handles, or tag it."""
    try:
        ref.set(event, value)
    except (ReferenceSyntaxError, FieldError):
        add_tag(event, tag)


def field(text: str) -> FieldRef:
    """The field that a text names, templates not filled in; a BrokenReference where it names
    none.
    """
    try:
        return reference(text)
    except ReferenceSyntaxError as error:
        return BrokenReference(text, str(error))


def named_field(plugin: Plugin, option: str, text: str, path: Sequence[str | int] = ()) -> FieldRef:
    """The field that an option names, with a warning where it names none."""
    found = field(text)
    if isinstance(found, BrokenReference):
        plugin.problem(option, found.problem, REMEDY, path=path, code="W304")
    return found


def named_template(
    plugin: Plugin, option: str, text: str, path: Sequence[str | int] = ()
) -> Template:
    """The template that an option holds, with a warning where it fails when events come."""
    template = Template(text)
    if template.problem:
        plugin.problem(option, template.problem, template.help, path=path, code="W304")
    return template
