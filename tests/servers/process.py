"""A server as a process: started on free ports, waited for, stopped, paused and killed."""
from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

LOOPBACK = "127.0.0.1"


_PORTS = range(10_240, 32_768)
"""Below those that the system gives to clients: nothing takes one while its server is down."""


def free_ports(count: int = 1) -> list[int]:
    """Ports that nobody listens on now; all are taken at once, so that they differ."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            port = _PORTS.start + secrets.randbelow(len(_PORTS))  # other processes choose, too
            with contextlib.suppress(OSError):
                held.enter_context(socket.socket()).bind((LOOPBACK, port))
                found.append(port)
    return found


def accepts(port: int) -> Callable[[], bool]:
    """Whether something accepts connections on that port."""

    def check() -> bool:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 0.5):
            return True
        return False

    return check


class Server:
    """A process of its own group. ``facts`` become attributes: ports, addresses, passwords; they
    must be plain data, since another worker of the test run gets them as JSON.

    ``ready`` is asked until it says True; what it raises counts as False.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        ready: Callable[[], bool],
        home: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        patience: float = 120,
        **facts: Any,
    ) -> None:
        self.command = [str(part) for part in command]
        self.home, self.facts = home, facts
        self._ready, self._environment, self._user = ready, environment or {}, user
        self._patience = patience
        self.process: subprocess.Popen[bytes] | None = None

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def start(self, waits: bool = True) -> Self:
        """Start it, also again after ``kill`` or ``stop``, with the data and ports that it had.
        Unless it ``waits``, it is ready after ``wait``: servers that need each other.
        """
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
                env={**os.environ, **self._environment}, start_new_session=True, user=self._user,
            )
        return self.wait() if waits else self

    def wait(self) -> Self:
        """Wait until it is ready."""
        assert self.process is not None
        end = time.monotonic() + self._patience
        while not self._is_ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.command[0]} ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > end:
                self.kill()
                raise TimeoutError(f"{self.command[0]} is not ready after {self._patience} s:\n{self.log()}")
            time.sleep(0.05)
        return self

    def _is_ready(self) -> bool:
        try:
            return self._ready()
        except Exception:
            return False

    def log(self, lines: int = 20) -> str:
        """The end of what it printed."""
        text = (self.home / "server.log").read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def signal(self, number: int) -> None:
        """Send a signal to the whole group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def pause(self) -> None:
        """Have it hang: connections stay, and nothing is answered."""
        self.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a ``pause``."""
        self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash does; returns when the whole group is gone, so that its ports are free."""
        if self.process is None:
            return
        self.signal(signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            for _ in range(200):
                os.killpg(self.process.pid, 0)
                time.sleep(0.05)

    def stop(self, patience: float = 20) -> None:
        """End it as an operator does."""
        if self.process is None or self.process.poll() is not None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        self.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
