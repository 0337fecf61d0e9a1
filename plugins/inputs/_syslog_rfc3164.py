"""Messages of RFC 3164 as nearly all of them look, taken apart by one lean expression.

Logstash's pattern knows many forms that are seldom seen, and what it captures goes into an event
field by field. Here the usual form is matched alone; whatever it does not match is left to the
pattern. What it does match it takes apart as the pattern does: a test holds them against each
other.
"""

from __future__ import annotations

import re

from ...dsl.reference import Event

_NAME = r"[0-9A-Za-z]{1,62}"
find = re.compile(
    r"<([1-9][0-9]{0,2})>"
    r"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}(?:0[1-9]|[12][0-9]|3[01]|[1-9])"
    r" (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])"
    rf" ({_NAME}(?:[-.]{_NAME})*+)"
    r" ([A-Za-z_/][0-9A-Za-z_./-]*+)(?:\[([1-9][0-9]{0,8})\])?: (.*)",
    re.DOTALL,
).fullmatch
"""A match has the priority, the time, the host, the program, its process and the text."""


def put_ecs(event: Event, match: re.Match[str]) -> int:
    """Set the fields of ECS; the priority."""
    priority, event["timestamp"], host, program, process, event["message"] = match.groups()
    held = event.get("host")
    event["host"] = {**held, "hostname": host} if type(held) is dict else {"hostname": host}
    if process is None:
        event["process"] = {"name": program}
    else:
        event["process"] = {"name": program, "pid": int(process)}
    return int(priority)


def put_old(event: Event, match: re.Match[str]) -> int:
    """Set the fields from before ECS; the priority."""
    priority, event["timestamp"], event["logsource"], event["program"], process, message = (
        match.groups()
    )
    event["message"] = message
    if process is not None:
        event["pid"] = process
    return int(priority)
