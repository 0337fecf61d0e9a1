"""What the log says when a pipeline starts and when it has ended."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from ...plugins.plugin import Plugin
from ..delivery.dispatch import OutputSink
from ..observe.counters import Counts

log = logging.getLogger("penstock")


def log_start(name: str, inputs: Sequence[Plugin], outputs: Sequence[Plugin]) -> int:
    """Say what is read and written; the level, which is for the end as well. What writes to stdout
    alone, a step in a pipe of the shell, is silent where all is well.
    """
    names = [", ".join(plugin.name for plugin in plugins) for plugins in (inputs, outputs)]
    level = logging.DEBUG if names[1] == "stdout" else logging.INFO
    text = "pipeline %s: started; %s → %s"
    log.log(level, text, name, names[0], names[1] or "no output")
    return level


def log_summary(name: str, sinks: Sequence[OutputSink], counts: Counts, level: int) -> None:
    """What has gone through, and what an output did not get."""
    for sink in sinks:
        if left_out := sink.stats().left_out:
            log.warning("%s: %s", sink.sender.where, left_out)
    log.log(
        level,
        "pipeline %s: ended; %d events in, %d out of the filters, %.1f s",
        name,
        counts.events_in,
        counts.events_out,
        time.monotonic() - counts.started,
    )
