"""Events at the border: plain data from outside made an event, an event made plain data again.

Inside, ``@timestamp`` is a Timestamp and ``tags`` a text or a list of texts. What does not fit is
kept beside, under a name with an underscore, and tagged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .reference import Event
from .timestamp import Timestamp, parse_timestamp, parse_together
from .values import copier, copy, plain, rebuilt


def receive(data: Mapping[str, Any], now: Timestamp) -> Event:
    """Make an event of a map that stays its owner's: a deep copy, in which a datetime (without a
    zone, in UTC) is a timestamp.
    """
    try:
        received = _received(data)
    except RecursionError:
        received = rebuilt(data, _leaf)
    return accept(received, now)


_SHARED = frozenset((str, int, float, bool, type(None), Timestamp))


def _received(value: Any) -> Any:
    kind = type(value)
    if kind in _SHARED:
        return value
    if kind is dict or isinstance(value, Mapping):
        return {key: _received(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_received(item) for item in value]
    return _leaf(value)


def _leaf(value: Any) -> Any:
    return Timestamp.of(value) if isinstance(value, datetime) else value


def accept(data: Event, now: Timestamp) -> Event:
    """Make an event of a dict from outside, in place: the fields that every event has, checked."""
    if "@version" not in data:
        data["@version"] = "1"
    if "tags" in data:
        _check_tags(data)
    stamp = data.get("@timestamp")
    if type(stamp) is not Timestamp:
        _check_timestamp(data, stamp, now)
    return data


def check_all(events: list[Event], now: Timestamp) -> None:
    """What ``accept`` checks, for many dicts: ``@timestamp`` and ``tags`` where they are there.
    Each text is read once.
    """
    try:
        together = parse_together([event["@timestamp"] for event in events])
    except KeyError:
        together = None
    if together is None:
        _check_each(events, now)
        return
    for event, stamp in zip(events, together, strict=True):
        event["@timestamp"] = stamp
        if "tags" in event:
            _check_tags(event)


def _check_each(events: list[Event], now: Timestamp) -> None:
    stamps: dict[str, Timestamp | None] = {}
    for event in events:
        if "@timestamp" in event:
            stamp = event["@timestamp"]
            if type(stamp) is not str:
                accept(event, now)
                continue
            known = stamps.get(stamp)
            if known is None:
                known = stamps[stamp] = parse_timestamp(stamp)
            if known is None:
                accept(event, now)
                continue
            event["@timestamp"] = known
        if "tags" in event:
            _check_tags(event)


def complete(events: list[Event], now: Timestamp, origin: Mapping[str, Any]) -> None:
    """Give events what every event has, and the fields of an origin, unless they have them."""
    plain = [(key, value) for key, value in origin.items() if type(value) is not dict]
    maps = [(key, value, copier(value)) for key, value in origin.items() if type(value) is dict]
    for event in events:
        if "@timestamp" not in event:
            event["@timestamp"] = now
        if "@version" not in event:
            event["@version"] = "1"
        for key, value in plain:
            if key not in event:
                event[key] = value
        for key, value, copied in maps:
            if key not in event:
                event[key] = copied()
            elif type(held := event[key]) is dict and not value.keys() <= held.keys():
                event[key] = copied() | held


def add_origins(events: Sequence[Event], origins: Sequence[Mapping[str, Any]], owned: bool) -> None:
    """Give each event the fields of its own origin, unless it has them. ``owned``: nobody else has
    these origins, and the events may hold their maps as they are.
    """
    for event, origin in zip(events, origins, strict=True):
        for key, value in origin.items():
            if type(value) is not dict:
                event.setdefault(key, value)
                continue
            if key not in event:
                event[key] = value if owned else copy(value)
            elif type(held := event[key]) is dict and not value.keys() <= held.keys():
                event[key] = copy(value) | held


def _check_timestamp(event: Event, stamp: Any, now: Timestamp) -> None:
    parsed = parse_timestamp(stamp) if type(stamp) is str else None
    event["@timestamp"] = parsed or now
    if parsed is None and stamp is not None:
        event["_@timestamp"] = stamp
        add_tag(event, "_timestampparsefailure")


def _check_tags(event: Event) -> None:
    tags = event["tags"]
    if isinstance(tags, str) or (type(tags) is list and all(isinstance(tag, str) for tag in tags)):
        return
    event["tags"] = ["_tagsparsefailure"]
    event["_tags"] = [tags]


def add_tag(event: Event, tag: str) -> None:
    """Tag an event; a tag that it has is not given twice."""
    tags = event.get("tags")
    if type(tags) is list:
        if tag not in tags:
            tags.append(tag)
    elif tags is None:
        event["tags"] = [tag]
    elif tags != tag:
        event["tags"] = [tags, tag]


def release(event: Event) -> Event:
    """A copy as plain data: timestamps are text, ``@metadata`` stands there only when it is not
    empty.
    """
    data: Event = plain(event)
    if not data.get("@metadata", True):
        del data["@metadata"]
    return data
