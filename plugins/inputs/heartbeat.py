"""The input heartbeat."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

from ...dsl.reference import Event
from ..contract import Batch, Ecs, Input
from ..declaration import option


class Heartbeat(Ecs, Input, name="heartbeat"):
    """Make an event every so often, to see that a pipeline is alive.

    The event has `message`, the name of this machine, and, if asked, a clock: seconds since 1970
    (`sequence => "epoch"`) or a number that grows (`sequence => "sequence"`), in
    `[event][sequence]` (`clock` without ECS).
    """

    count: int = option("How many events; -1 for no end.", default=-1)
    interval: float = option("Seconds between two events.", default=60, at_least=0)
    message: str = option(
        "The message; `epoch` and `sequence` here mean the option `sequence`.", default="ok"
    )
    sequence: str = option(
        "What the clock says.", default="none", choices=("none", "epoch", "sequence")
    )
    threads: int = option("Ignored.", default=1)

    def prepare(self) -> None:
        self._clock = self.message if self.message in ("epoch", "sequence") else self.sequence

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        host, number = socket.gethostname(), 0
        due = time.monotonic()
        while not stopping() and number != self.count:
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, 0.25))
                yield None
                continue
            yield Batch([self._event(number, host)])
            number, due = number + 1, due + self.interval

    def _event(self, number: int, host: str) -> Event:
        event: Event = {"host": {"name": host} if self.ecs else host}
        if self.message not in ("epoch", "sequence"):
            event["message"] = self.message
        if self._clock != "none":
            clock = int(time.time()) if self._clock == "epoch" else number
            if self.ecs:
                event["event"] = {"sequence": clock}
            else:
                event["clock"] = clock
        return event
