"""What signals do to a run, and how a run is left when it cannot end well."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import NoReturn

from ..observe.counters import table
from ..runtime.supervisor import Supervisor

log = logging.getLogger("penstock")


def actions(supervisor: Supervisor, timeout: float) -> dict[int, Callable[[], None]]:
    """What signals do, in the thread that listens to them."""
    terminals = _terminals()
    stops: list[int] = []

    def stop(number: int) -> None:
        if stops:
            os._exit(128 + number)
        stops.append(number)
        supervisor.stop()
        limit = threading.Timer(timeout, _leave_undrained, (supervisor, timeout, number))
        limit.daemon = True
        limit.start()

    def hang_up() -> None:
        gone = terminals - _terminals()
        if not gone:
            supervisor.reload()
            return
        _say_no_more(gone)
        stop(signal.SIGHUP)  # the terminal that it was started from is gone

    return {
        signal.SIGINT: lambda: stop(signal.SIGINT),
        signal.SIGTERM: lambda: stop(signal.SIGTERM),
        signal.SIGHUP: hang_up,
        signal.SIGUSR1: lambda: _log_stats(supervisor),
    }


def _terminals() -> set[int]:
    """The standard streams that are terminals."""
    return {descriptor for descriptor in (0, 1, 2) if os.isatty(descriptor)}


def _say_no_more(descriptors: set[int]) -> None:
    """Writing to a terminal that has gone fails, also when Python flushes at the end."""
    for descriptor in descriptors:
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)


def _log_stats(supervisor: Supervisor) -> None:
    for member in supervisor.members:
        if member.pipeline is not None:
            rows = "\n".join(table(member.pipeline.stats()))
            log.info("outputs of pipeline %s:\n%s", member.id, rows)


def _leave_undrained(supervisor: Supervisor, timeout: float, number: int) -> NoReturn:
    left = _left(supervisor)
    if left:
        what = f"what was read could not be delivered within {timeout:.0f} s"
        log.error("%s (penstock.shutdown_timeout): left undelivered: %s", what, left)
    else:
        what = f"the run could not be ended within {timeout:.0f} s"
        log.error("%s (penstock.shutdown_timeout); no events wait for an output", what)
    os._exit(128 + number)


def _left(supervisor: Supervisor) -> str:
    """How many events wait for which output."""
    rows = [
        f"{row.waiting} events for output {row.output}"
        for member in supervisor.members
        if member.pipeline is not None
        for row in member.pipeline.stats()
        if row.waiting
    ]
    return ", ".join(rows)
