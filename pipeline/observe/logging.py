"""The program's own log, on stderr: plain lines for people, or JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from ...dsl.secrets import masked

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


def _time(record: logging.LogRecord) -> str:
    """When it was logged, as ISO 8601 in UTC."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


class _Plain(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s [%(levelname)s] %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        return _time(record)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = _time(record)
        return json.dumps(
            {"@timestamp": at, "level": record.levelname, "message": masked(record.getMessage())},
            ensure_ascii=False,
        )
