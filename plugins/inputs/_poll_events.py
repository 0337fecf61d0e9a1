"""What a poller makes of an answer, or of a request without one: events, and what they say of the
request.
"""

from __future__ import annotations

import socket
from typing import Any, NamedTuple

from ...dsl.event import add_tag
from ...dsl.reference import Event, FieldRef
from ...dsl.values import copy
from ..clients.http import Response
from ._poll_requests import Poll
from ._put_aside import put

FAILED = "_http_request_failure"

_NAMES = {
    "host": "[input][http_poller][request][host][hostname]",
    "name": "[input][http_poller][request][name]",
    "request": "[input][http_poller][request][original]",
    "times_retried": "[input][http_poller][request][retry_count]",
    "code": "[input][http_poller][response][status_code]",
    "response_headers": "[input][http_poller][response][headers]",
    "response_message": "[input][http_poller][response][status_message]",
    "runtime_seconds": "[input][http_poller][response][elapsed_time_ns]",
}
"""What ECS calls the metadata, by the names without ECS."""


class Asked(NamedTuple):
    """A request that was sent: its answer, or why there is none, and the seconds it took."""

    poll: Poll
    answer: Response | Exception
    seconds: float


class PollFields:
    """Sets what events say of their request, beneath ``target``."""

    def __init__(self, is_ecs: bool, target: FieldRef) -> None:
        self._is_ecs = is_ecs
        self._host = socket.gethostname()
        below = target.canonical
        self._fields = {
            name: FieldRef(below + (path if is_ecs else f"[{name}]"))
            for name, path in _NAMES.items()
        }

    def describe(self, event: Event, asked: Asked) -> None:
        """Set the metadata."""
        values: dict[str, Any] = {
            "host": self._host,
            "name": asked.poll.name,
            "request": asked.poll.shown,
        }
        answer = asked.answer
        if isinstance(answer, Response):
            values |= {
                "code": answer.status,
                "response_headers": answer.headers,
                "response_message": answer.reason,
                "times_retried": answer.retries,
                "runtime_seconds": self._duration(asked.seconds),
            }
        for name, value in values.items():
            put(event, self._fields[name], copy(value))

    def _duration(self, seconds: float) -> float:
        return round(seconds * 1e9) if self._is_ecs else seconds

    def failure(self, asked: Asked) -> Event:
        """The event of a request without an answer."""
        error = str(asked.answer) or type(asked.answer).__name__
        event: Event = {}
        if self._is_ecs:
            event["error"] = {"message": error}
            event["event"] = {"duration": self._duration(asked.seconds)}
            event["host"] = {"hostname": self._host}
            event["http"] = {"request": {"method": asked.poll.shown["method"]}}
            event["url"] = {"full": asked.poll.request.url}
        else:
            event["http_request_failure"] = {
                "request": copy(asked.poll.shown),
                "name": asked.poll.name,
                "error": error,
                "runtime_seconds": asked.seconds,
            }
        add_tag(event, FAILED)
        return event
