"""The examples of the filter correlate."""

from __future__ import annotations

from typing import Any

from ..plugins.declaration import Example


def _at(minute: int, tag: str, **fields: Any) -> dict[str, Any]:
    stamp = f"2025-09-04T08:{minute:02d}:00.000Z"
    return {"@timestamp": stamp, "user": "ann", "tags": [tag], **fields}


_FAILED = [_at(minute, "failed", ip=f"192.0.2.{minute}") for minute in range(3)]

EXAMPLES = (
    Example(
        "three failed logins within five minutes",
        'correlate { id => "failing" type => "event_count" events => ["failed"] by => ["user"]'
        ' within => "5m" condition => { "gte" => 3 } add_tag => ["alert"] remove_field =>'
        ' ["event"] }',
        before=_FAILED,
        after=[
            *_FAILED,
            {
                "@timestamp": "2025-09-04T08:02:00.000Z",
                "user": "ann",
                "rule": {"name": "failing"},
                "correlation": {"type": "event_count", "count": 3, "tags": ["failed"]},
                "tags": ["alert"],
            },
        ],
    ),
    Example(
        "a login after a failed one, with the addresses",
        'correlate { id => "guessed" type => "temporal_ordered" events => ["failed", "login"]'
        ' by => ["user"] within => "5m" collect => ["ip"] keep => false remove_field =>'
        ' ["event"] }',
        before=[_at(0, "failed", ip="192.0.2.1"), _at(4, "login", ip="192.0.2.2")],
        after={
            "@timestamp": "2025-09-04T08:04:00.000Z",
            "user": "ann",
            "rule": {"name": "guessed"},
            "correlation": {
                "type": "temporal_ordered",
                "count": 2,
                "tags": ["failed", "login"],
                "values": {"ip": ["192.0.2.1", "192.0.2.2"]},
            },
        },
    ),
    Example(
        "a heartbeat that stopped",
        'correlate { id => "silent" type => "absent" events => ["beat", "beat"] by => ["user"]'
        ' within => "2m" keep => false remove_field => ["event", "@version"] }',
        before=[_at(0, "beat"), _at(1, "beat"), _at(3, "beat")],
        after={
            "@timestamp": "2025-09-04T08:03:00.000Z",
            "user": "ann",
            "rule": {"name": "silent"},
            "correlation": {"type": "absent", "count": 0, "tags": ["beat"]},
        },
    ),
)
