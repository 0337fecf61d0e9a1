"""Messages of syslog as RFC 5424 has them: a header of fixed fields, structured data, text."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_HEADER = re.compile(
    r"<(?P<priority>\d{1,3})>(?P<version>[1-9]\d?) (?P<timestamp>\S+) (?P<host>\S+)"
    r" (?P<program>\S+) (?P<process>\S+) (?P<kind>\S+)"
    r" (?P<data>-|(?:\[[^ =\]\"]+(?: [^ =\]\"]+=\"(?:[^\"\\]|\\.)*\")*\])+)(?: (?P<text>.*))?",
    re.DOTALL,
)
_ELEMENT = re.compile(r"\[([^ =\]\"]+)((?: [^ =\]\"]+=\"(?:[^\"\\]|\\.)*\")*)\]", re.DOTALL)
_PARAMETER = re.compile(r" ([^ =\]\"]+)=\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_ESCAPED = re.compile(r"\\([\"\\\]])")
_MARK = "\ufeff"
_HIGHEST = 191


class Message(NamedTuple):
    """A message; None for what it says nothing of. ``data``: the structured data, as written."""

    priority: int
    version: str
    timestamp: str | None
    host: str | None
    program: str | None
    process: str | None
    kind: str | None
    data: str | None
    text: str


def parse(text: str) -> Message | None:
    """The message that a text is; None where it is none."""
    found = _HEADER.fullmatch(text.removesuffix("\n"))
    if found is None or int(found[1]) > _HIGHEST:
        return None
    priority, version, *header, last = found.groups()
    known = [None if value == "-" else value for value in header]
    timestamp, host, program, process, kind, data = known
    rest = (last or "").removeprefix(_MARK)
    return Message(int(priority), version, timestamp, host, program, process, kind, data, rest)


def elements(data: str) -> dict[str, Any]:
    """Structured data as a map: of each element, its parameters. A name that comes twice has a list
    of values.
    """
    found: dict[str, Any] = {}
    for element in _ELEMENT.finditer(data):
        parameters = found.setdefault(element[1], {})
        for name, value in _PARAMETER.findall(element[2]):
            value = _ESCAPED.sub(r"\1", value)
            if name not in parameters:
                parameters[name] = value
            elif isinstance(parameters[name], list):
                parameters[name].append(value)
            else:
                parameters[name] = [parameters[name], value]
    return found
