"""Hits of a search as events, and what the placeholders of a query stand for."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...dsl.event import check_all
from ...dsl.reference import Event, FieldRef
from ...dsl.timestamp import Timestamp
from ...dsl.values import json_text, to_text

FAILED = "_elasticsearch_input_failure"
_ORIGINAL = FieldRef("[event][original]")
_DELAY = 30
"""Seconds that `:present` lies behind: what is indexed becomes visible a little later."""


class HitEvents:
    """Makes events of hits. ``target``: the field for the document; ``info_target``: the field for
    what ``info_fields`` say of it.
    """

    def __init__(
        self, target: FieldRef | None, info_target: FieldRef | None, info_fields: Sequence[str]
    ) -> None:
        self._target, self._info_target, self._info_fields = target, info_target, info_fields

    def make(self, hits: Sequence[dict[str, Any]], now: Timestamp) -> list[Event]:
        """An event for each hit."""
        events = [self._event(hit) for hit in hits]
        check_all(events, now)
        return events

    def _event(self, hit: dict[str, Any]) -> Event:
        source = hit.get("_source")
        if type(source) is not dict or type(source.get("@metadata", {})) is not dict:
            return _failed(hit)
        event: Event = source
        if self._target is not None:
            event = {}
            self._target.set(event, source)
        if self._info_target is not None:
            self._inform(event, hit, self._info_target)
        return event

    def _inform(self, event: Event, hit: dict[str, Any], target: FieldRef) -> None:
        said = {name: hit[name] for name in self._info_fields if hit.get(name) is not None}
        there = target.get(event)
        target.set(event, {**there, **said} if type(there) is dict else said)


def _failed(hit: dict[str, Any]) -> Event:
    """A hit without a document that can be an event."""
    event: Event = {"tags": [FAILED]}
    _ORIGINAL.set(event, json_text(hit))
    return event


def filled(query: str, value: str) -> str:
    """A query with what its placeholders stand for."""
    present = str(Timestamp.of_millis(int((time.time() - _DELAY) * 1000)))
    return query.replace(":last_value", _inside(value)).replace(":present", _inside(present))


def _inside(text: str) -> str:
    """A text as it stands inside the quotes of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def body_of(query: str, value: str) -> dict[str, Any]:
    """The body that a query means; raises ValueError."""
    found = json.loads(filled(query, value))
    if type(found) is not dict:
        raise ValueError("it is not an object")
    return found


def is_sorted_by(body: Mapping[str, Any], field: FieldRef) -> bool:
    """Whether a query sorts by a field first of all, from its least value on."""
    sort = body.get("sort")
    first = sort[0] if isinstance(sort, list) and sort else sort
    if not isinstance(first, dict):
        return bool(first == ".".join(field.keys))
    ((name, order),) = first.items() if len(first) == 1 else (("", ""),)
    order = order.get("order", "asc") if isinstance(order, dict) else order
    return bool(name == ".".join(field.keys) and order == "asc")


def value_before_last(events: Sequence[Event], field: FieldRef, otherwise: str) -> str:
    """The last value of a field that is not that of the last event: all events that have it have
    come, if they are sorted by it.
    """
    last = field.get(events[-1])
    for event in reversed(events):
        value = field.get(event)
        if value is not None and value != last:
            return to_text(value)
    return otherwise
