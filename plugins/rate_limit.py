"""Log lines that would repeat, at most one a minute for each key."""

from __future__ import annotations

import logging
import time

log = logging.getLogger("penstock")

_PERIOD = 60.0
_MOST_KEYS = 10_000
_last_logged: dict[str, float] = {}


def is_due(key: str) -> bool:
    """Whether a line of that key may be logged again: once a minute."""
    now = time.monotonic()
    if now - _last_logged.get(key, -_PERIOD) < _PERIOD:
        return False
    if len(_last_logged) >= _MOST_KEYS:
        _last_logged.clear()
    _last_logged[key] = now
    return True


def forget() -> None:
    """Log every key again."""
    _last_logged.clear()


def complain(key: str, message: str, *arguments: object) -> None:
    """Log a warning, for each key once a minute at most."""
    if is_due(key):
        log.warning(message, *arguments)


class PluginLog:
    """The program's log for one plugin: each line names it and its place; the same line comes once
    a minute at most, for warnings and errors. Its logger is ``penstock.NAME``, so that one kind of
    plugin can be heard in more detail.
    """

    def __init__(self, where: str, name: str) -> None:
        self._prefix = f"{where}: {name}: " if where else f"{name}: "
        self._log = logging.getLogger(f"penstock.{name}" if name else "penstock")

    def debug(self, message: str, *arguments: object) -> None:
        """Something for whoever looks for a fault."""
        self._log.debug("%s" + message, self._prefix, *arguments)

    def info(self, message: str, *arguments: object) -> None:
        """Something that an operator may want to know."""
        self._log.info("%s" + message, self._prefix, *arguments)

    def warning(self, message: str, *arguments: object, about: str = "") -> None:
        """Something went wrong and was handled. ``about``: lines about other things, such as other
        files, are heard all the same.
        """
        if is_due(f"{self._prefix}{message}{about}"):
            self._log.warning("%s" + message, self._prefix, *arguments)

    def error(self, message: str, *arguments: object, about: str = "") -> None:
        """Something does not work; ``about`` as of warnings."""
        if is_due(f"{self._prefix}{message}{about}"):
            self._log.error("%s" + message, self._prefix, *arguments)
