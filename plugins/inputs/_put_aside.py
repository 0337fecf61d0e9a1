"""Setting fields that an input gives, in events that hold what a client sent."""

from __future__ import annotations

from typing import Any

from ...dsl.reference import Event, FieldError, FieldRef


def put(event: Event, field: FieldRef, value: Any) -> None:
    """Set a field; where a text or number is in its way, such as a `host` that a client sent, that
    is put aside.
    """
    try:
        field.set(event, value)
    except FieldError:
        put_aside(event, field.keys[0])
        field.set(event, value)


def put_aside(event: Event, key: str) -> None:
    """Keep a value under a name with an underscore, as the border of events does."""
    event[f"_{key}"] = event.pop(key)
