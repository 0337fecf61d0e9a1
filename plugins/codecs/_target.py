"""The option ``target`` that codecs share: the field under which decoded data goes, instead of the
event's root.
"""

from __future__ import annotations

from typing import Any

from ...dsl.event import accept
from ...dsl.reference import Event, FieldError, FieldRef
from ...dsl.timestamp import Timestamp


def placed(target: FieldRef | None, data: Any, now: Timestamp) -> Event:
    """Decoded data as an event, under the target or as the event itself, checked; raises ValueError
    or FieldError.
    """
    if target is not None:
        return under(target, data)
    if type(data) is not dict or type(data.get("@metadata", {})) is not dict:
        raise ValueError("the data is not a map")
    return accept(data, now)


def under(target: FieldRef, data: Any) -> Event:
    """An event that holds the data in one field; raises FieldError where the field takes no such
    value.
    """
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
        plugin.problem(
            "target",
            f"decoded data cannot be set there: {error}",
            "name another field",
            code="W304",
        )
