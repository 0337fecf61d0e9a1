"""The input heartbeat."""

from __future__ import annotations

import socket
import time

from ...dsl.reference import Event
from ..batch import Batch, Part
from ..contract import Ecs, EndOfInput, Input
from ..declaration import option
from ..wake_pipe import WakePipe


class Heartbeat(Ecs, Input, name="heartbeat"):
    """Make an event every so often, to see that a pipeline is alive.

    The event has `message`, the name of this machine, and, if asked, a clock: seconds since 1970
    (`sequence => "epoch"`) or a number that grows (`sequence => "sequence"`), in
    `[event][sequence]` (`clock` without ECS).
    """

    local = True

    count: int = option("How many events; -1 for no end.", default=-1)
    interval: float = option("Seconds between two events.", default=60, at_least=0)
    message: str = option(
        "The message; `epoch` and `sequence` here mean the option `sequence`.", default="ok"
    )
    sequence: str = option(
        ("The format of the time in the event."),
        default="none",
        choices=("none", "epoch", "sequence"),
    )
    threads: int = option("Ignored.", default=1)

    _pipe: WakePipe | None = None

    def prepare(self) -> None:
        self._clock = self.message if self.message in ("epoch", "sequence") else self.sequence

    @property
    def bounded(self) -> bool:
        return self.count >= 0

    def open(self) -> None:
        self._host = socket.gethostname()
        self._pipe, self._number = WakePipe(), 0
        self._due = self.context.clock()

    def read(self, timeout: float) -> Batch | None:
        if self._number == self.count:
            raise EndOfInput
        wait = self._due - self.context.clock()
        if wait > 0:
            assert self._pipe is not None
            self._pipe.wait(min(wait, timeout))
        if self._due > self.context.clock():
            return None
        event = self._event(self._number)
        self._number, self._due = self._number + 1, self._due + self.interval
        return Batch([event], parts=[Part(self.name, events=1)])

    def wake(self) -> None:
        pipe = self._pipe
        if pipe is not None:
            pipe.wake()

    def close(self) -> None:
        self._pipe = None

    def _event(self, number: int) -> Event:
        event: Event = {"host": {"name": self._host} if self.ecs else self._host}
        if self.message not in ("epoch", "sequence"):
            event["message"] = self.message
        if self._clock != "none":
            clock = int(time.time()) if self._clock == "epoch" else number
            if self.ecs:
                event["event"] = {"sequence": clock}
            else:
                event["clock"] = clock
        return event
