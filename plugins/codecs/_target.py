"""The option ``target`` that codecs share: the field under which decoded data goes, instead of the event's root."""
from __future__ import annotations

from typing import Any

from ...dsl.reference import Event, FieldError, FieldRef


def under(target: FieldRef, data: Any) -> Event:
    """An event that holds the data in one field; raises FieldError where the field takes no such value."""
    event: Event = {}
    target.set(event, data)
    return event


def check_target(plugin: Any) -> None:
    """Warn of a target that takes no map."""
    if plugin.target is None:
        return
    try:
        under(plugin.target, {})
    except FieldError as error:
        plugin.problem("target", f"decoded data cannot be put there: {error}", "name another field", code="W304")
