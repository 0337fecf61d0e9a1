"""The contract of listeners, with the input beats and the client library of Filebeat."""
from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from servers import beats
from servers.process import free_ports

from penstock.testing.connectors import ListenerContract


class Client:
    """Sends each message in a window of its own, over a connection of its own. ``closed``: what a connection that the server
    closes means, which the protocol does not tell.
    """

    def __init__(self) -> None:
        (self._port,) = free_ports()
        self.environment = {"PORT": str(self._port)}
        self.closed = "failed"
        self._command = beats.command("send", self._port)
        self._threads = ThreadPoolExecutor(8)
        self._has_ended = False

    def start(self) -> None: ...

    def stop(self) -> None:
        self._has_ended = True
        self._threads.shutdown(wait=False, cancel_futures=True)

    def send(self, message: str) -> Future[str]:
        return self._threads.submit(self._sent, message)

    def _sent(self, message: str) -> str:
        while not self._has_ended:
            done = subprocess.run(self._command, input=message.encode(), capture_output=True, check=False)
            if not done.returncode:
                return "taken"
            if b"connection refused" not in done.stderr:
                break
            time.sleep(0.05)
        return self.closed


class TestBeats(ListenerContract):
    config = 'beats { host => "127.0.0.1" port => "${PORT}" }'
    wrong = 'beats { host => "192.0.2.1" port => "${PORT}" }'
    wrong_option = "host"
    absent: ClassVar[Mapping[str, str]] = {
        "it_says_at_once_that_it_is_full": "a client that has to wait is told so every three seconds, and stays connected",
    }
    backend: Client

    def server(self, directory: Path) -> Client:
        return Client()

    def test_a_stop_answers_what_was_taken_and_takes_nothing_more(self) -> None:
        """That a pipeline stops is said as a failure is: the connection is closed without an acknowledgement."""
        self.backend.closed = "busy"
        super().test_a_stop_answers_what_was_taken_and_takes_nothing_more()
