"""The program's own log, on stderr: plain lines for people, or JSON."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime

from ...dsl.secrets import masked
from .places import place_of

_ROOT = "penstock"
_LEVELS = {
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}


def start_logging(level: str, form: str) -> None:
    """Send the log of Penstock to stderr from ``level`` on, in the form ``plain`` or ``json``."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Plain())
    log = logging.getLogger("penstock")
    log.handlers = [handler]
    log.propagate = False
    log.setLevel(_LEVELS[level])


_started: dict[str, int] = {}
_lock = threading.Lock()


def levels() -> dict[str, str]:
    """The level of each logger of Penstock that has been used, by its name."""
    known = logging.root.manager.loggerDict
    names = sorted(name for name in list(known) if name.partition(".")[0] == _ROOT)
    return {name: _level_name(logging.getLogger(name).getEffectiveLevel()) for name in names}


def set_levels(wanted: Mapping[str, str]) -> None:
    """Set levels of loggers by name, such as ``penstock.kafka``; all at once, or raises ValueError
    where one is not a logger of Penstock, or a level is not known. From any thread.
    """
    numbers: dict[str, int] = {}
    for name, level in wanted.items():
        if name.partition(".")[0] != _ROOT:
            raise ValueError(f"`{name}` is not a logger: they are called {_ROOT}, {_ROOT}.NAME")
        if level.lower() not in _LEVELS:
            raise ValueError(f"`{level}` is not a level: {', '.join(_LEVELS)}")
        numbers[name] = _LEVELS[level.lower()]
    with _lock:
        for name, number in numbers.items():
            _started.setdefault(name, logging.getLogger(name).level)
            logging.getLogger(name).setLevel(number)


def reset_levels() -> None:
    """Set all levels as they were before ``set_levels``."""
    with _lock:
        for name, number in _started.items():
            logging.getLogger(name).setLevel(number)
        _started.clear()


def _level_name(number: int) -> str:
    return next((name.upper() for name, value in _LEVELS.items() if value == number), str(number))


def _time(record: logging.LogRecord) -> str:
    """When it was logged, as ISO 8601 in UTC."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s [%(levelname)s] %(message)s")

    def formatTime(  # noqa: N802
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        return _time(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        found = place_of(record.message)
        if found is not None and found[1].id:
            record.message = f"[{found[1].pipeline}] [{found[1].id}] {record.message}"
        elif found is not None:
            record.message = f"[{found[1].pipeline}] {record.message}"
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        told = {"@timestamp": _time(record), "level": record.levelname, "message": masked(message)}
        found = place_of(message)
        if found is not None:
            place, owner = found
            told |= {"pipeline.id": owner.pipeline, "plugin.name": owner.plugin}
            told |= {"plugin.place": place, **({"plugin.id": owner.id} if owner.id else {})}
        return json.dumps(told, ensure_ascii=False)
