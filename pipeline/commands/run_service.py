"""What a service manager is told of a run: that it is ready, that it stops, and that it is alive.

The protocol is systemd's sd_notify: datagrams of ``KEY=VALUE`` to the socket that ``NOTIFY_SOCKET``
names (sd_notify(3)). Without that variable nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Mapping

from ..runtime.supervisor import Supervisor

_LOOKS = 0.2


class ServiceManager:
    """Tells the manager once all pipelines have started, and then twice in each interval of the
    watchdog that the process is alive: threads run, and the supervisor answers.
    """

    def __init__(self, supervisor: Supervisor, environment: Mapping[str, str] = os.environ) -> None:
        self._supervisor = supervisor
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._alive = int(environment.get("WATCHDOG_USEC") or 0) / 2e6
        self._ended = threading.Event()

    def start(self) -> None:
        """Watch the run, in a thread of its own, if there is a manager."""
        if self._address:
            threading.Thread(target=self._watch, name="service", daemon=True).start()

    def end(self) -> None:
        """The run has ended."""
        self._ended.set()
        self._tell("STOPPING=1")

    def _watch(self) -> None:
        while not self._supervisor.is_ready:
            if self._ended.wait(_LOOKS):
                return
        count = len(self._supervisor.members)
        self._tell(f"READY=1\nSTATUS={count} pipeline{'s' if count != 1 else ''} running")
        while not self._ended.wait(self._alive or None):
            if self._supervisor.is_stopping:
                self._tell("STOPPING=1")
            self._tell("WATCHDOG=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        # An address that begins with @ is one of the abstract namespace, which begins with NUL.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        ):
            manager.sendto(text.encode(), address)
