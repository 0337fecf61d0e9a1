"""The slow-filter log: which filter took longer for a batch than a threshold, at the level that the
threshold belongs to.

Figures are taken once a batch, so it is the batch that was slow: every event that was slow is in a
batch that took at least as long.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ...dsl.options import read
from ...dsl.spec import Kind
from ...plugins.context import Context
from ...plugins.rate_limit import is_due

log = logging.getLogger("penstock.slowlog")

_LEVELS = {
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
}


class SlowLog:
    """The thresholds of a pipeline. ``least``: seconds from which on ``tell`` is to be called."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        found = [
            (float(read(Kind("duration"), settings[key])), level)
            for name, level in _LEVELS.items()
            if settings[key := f"slowlog.threshold.{name}"] != ""
        ]
        self._thresholds = sorted(found, key=lambda one: (-one[0], -one[1]))
        self.least = min((seconds for seconds, _ in found), default=float("inf"))
        self._untold: dict[str, int] = {}

    def tell(self, context: Context, events: int, seconds: float) -> None:
        """A filter took so long for a batch; said once a minute for each filter and level, with
        the number of those that were not said.
        """
        level = next((level for least, level in self._thresholds if seconds >= least), None)
        if level is None:
            return
        key = f"{context.where} slow {level}"
        if not is_due(key):
            self._untold[key] = self._untold.get(key, 0) + 1
            return
        untold = self._untold.pop(key, 0)
        text = "%s: filter %s is slow: %d events took %.0f ms (%.3f ms an event)%s"
        more = f"; {untold} more slow batches since the last line" if untold else ""
        millis = 1000 * seconds
        each = millis / max(events, 1)
        log.log(level, text, context.where, context.name, events, millis, each, more)
