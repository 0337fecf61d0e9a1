"""The options that all filters share: add_field, remove_field, add_tag and remove_tag, compiled to
one function.

They run in this order, after the filter declares success. Adding to a field that is there makes a
list; a tag is given even if the event has it: both as Logstash does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..dsl.naming import FieldName
from ..dsl.reference import Event
from ..dsl.template import Template
from ..dsl.values import ruby_text

Action = Callable[[Event], None]


def decoration(
    add_field: Mapping[str, Any],
    remove_field: Sequence[str] = (),
    add_tag: Sequence[Any] = (),
    remove_tag: Sequence[str] = (),
) -> Action | None:
    """The function that decorates an event; None when there is nothing to do."""
    actions = [
        _adding(name, value) for name, values in add_field.items() for value in _several(values)
    ]
    actions += [_removing(name) for name in remove_field]
    if add_tag:
        actions.append(_tagging(add_tag))
    if remove_tag:
        actions.append(_untagging(remove_tag))
    return sequence(actions)


def only_keys(names: Sequence[str]) -> tuple[str, ...]:
    """The keys that the names mean, if all are fields of the event itself, whatever the event; else
    none.
    """
    constants = [FieldName(name).constant for name in names]
    keys = [each.keys[0] for each in constants if each is not None and len(each.keys) == 1]
    return tuple(keys) if len(keys) == len(names) else ()


def decorating(decorate: Action | None, removes: Sequence[str]) -> list[str]:
    """The lines of code that decorate ``event``, as ``Filter.decorate`` and ``Filter.removes`` say;
    they may call ``decorate``.
    """
    if removes:
        return [f"event.pop({key!r}, None)" for key in removes]
    return [] if decorate is None else ["decorate(event)"]


def sequence(actions: Sequence[Action]) -> Action | None:
    """Actions as one function."""
    if len(actions) < 2:
        return actions[0] if actions else None

    def run(event: Event) -> None:
        for action in actions:
            action(event)

    return run


def _several(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _adding(name: str, value: Any) -> Action:
    field, template = FieldName(name), Template(ruby_text(value))
    render = template.render
    if (
        field.constant is not None
        and len(field.constant.keys) == 1
        and name not in ("tags", "@timestamp")
    ):
        (key,) = field.constant.keys

        def add_plain(event: Event) -> None:
            if key in event:
                event[key] = [*as_list(event[key]), render(event)]
            else:
                event[key] = render(event)

        return add_plain
    return lambda event: add(event, field, render(event))


def add(event: Event, field: FieldName, value: Any) -> None:
    """Add a value to a field: set it, or append to what is there."""
    ref = field.of(event)
    if ref.has(event):
        ref.set(event, [*as_list(ref.get(event)), value])
    else:
        ref.set(event, value)


def as_list(value: Any) -> list[Any]:
    """A value as Ruby's Array() makes a list of it."""
    if type(value) is list:
        return value
    if type(value) is dict:
        return [[key, item] for key, item in value.items()]
    return [] if value is None else [value]


def _removing(name: str) -> Action:
    field = FieldName(name)
    if field.constant is not None and len(field.constant.keys) == 1:
        (key,) = field.constant.keys

        def take_plain(event: Event) -> None:
            event.pop(key, None)

        return take_plain
    if field.constant is not None:
        remove = field.constant.remove

        def take(event: Event) -> None:
            remove(event)

        return take

    def take_named(event: Event) -> None:
        field.of(event).remove(event)

    return take_named


def _tagging(tags: Sequence[Any]) -> Action:
    renders = [Template(ruby_text(tag)).render for tag in tags]

    def tag(event: Event) -> None:
        held = event.get("tags")
        event["tags"] = [*as_list(held), *[render(event) for render in renders]]

    return tag


def _untagging(tags: Sequence[str]) -> Action:
    renders = [Template(tag).render for tag in tags]

    def untag(event: Event) -> None:
        held = event.get("tags")
        if held:
            gone = {render(event) for render in renders}
            event["tags"] = [tag for tag in as_list(held) if tag not in gone]

    return untag
