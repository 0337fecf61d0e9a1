"""The contract of listeners, shown with tcp, udp, unix and syslog.

A sender hears nothing in these protocols. The client of a case looks at the file that the run writes instead: there a message counts as
taken when it has arrived, and is sent again where the connection ends first.
"""
from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from servers.process import free_ports

from penstock.pipeline.testing.connectors.case import until
from penstock.testing.connectors import ListenerContract

NO_ANSWERS = "a sender is told nothing: it waits while its connection takes no more"


class Sender:
    """Sends lines over some connections, each kept until it ends."""

    end = "\n"

    def __init__(self, directory: Path) -> None:
        (port,) = free_ports()
        self.environment = {"PORT": str(port), "SOCKET": str(directory / "socket")}
        self._port, self._path, self._directory = port, directory / "socket", directory
        self._threads = ThreadPoolExecutor(4)
        self._idle: list[socket.socket] = []
        self._has_ended = False

    def start(self) -> None: ...

    def stop(self) -> None:
        self._has_ended = True
        self._threads.shutdown()
        for made in self._idle:
            made.close()

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), 30)

    def send(self, message: str) -> Future[str]:
        return self._threads.submit(self._sent, message)

    def _sent(self, message: str) -> str:
        while not self._has_ended:
            try:
                made = self._idle.pop() if self._idle else self.connected()
            except (ConnectionRefusedError, FileNotFoundError):
                time.sleep(0.05)
            else:
                return self._sent_over(made, message)
        return "failed"

    def _sent_over(self, made: socket.socket, message: str) -> str:
        try:
            made.sendall(f"{message}{self.end}".encode())
            is_kept = self._wait(made, message)
        except OSError:
            is_kept = False
        if not is_kept:
            made.close()
            return "failed"
        self._idle.append(made)
        return "taken"

    def _wait(self, made: socket.socket, message: str) -> bool:
        """Wait until a message has arrived, where that can be seen; False where the connection ends first."""
        while not has_ended(made, 0.0):
            if not self._is_flow() or self._has_arrived(message):
                return True
            if self._has_ended or has_ended(made, 0.02):
                break
        return False

    def _is_flow(self) -> bool:
        """Whether what is sent goes to the file that ``_has_arrived`` looks at."""
        run = self._directory / "run.conf"
        return run.exists() and str(self._directory / "arrived") in run.read_text()

    def _has_arrived(self, message: str) -> bool:
        path = self._directory / "arrived"
        return path.exists() and message in path.read_text().split("\n")


def has_ended(made: socket.socket, wait: float) -> bool:
    """Whether a connection ends within some seconds; a datagram that nobody listens for comes back as an error as well."""
    return bool(select.select([made], [], [], wait)[0])


class DatagramSender(Sender):
    end = ""

    def connected(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.connect(("127.0.0.1", self._port))
        return made


class UnixSender(Sender):
    def connected(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(str(self._path))
        return made


class Silent(ListenerContract):
    backend: Sender
    absent: ClassVar[Mapping[str, str]] = {
        "it_answers_when_the_batch_was_delivered": NO_ANSWERS,
        "it_answers_that_a_batch_failed": NO_ANSWERS,
        "it_says_at_once_that_it_is_full": NO_ANSWERS,
        "a_stop_answers_what_was_taken_and_takes_nothing_more": NO_ANSWERS,
        "it_keeps_its_connections_while_it_is_full": NO_ANSWERS,
    }

    def server(self, directory: Path) -> Sender:
        return Sender(directory)


class TestTcp(Silent):
    config = 'tcp { host => "127.0.0.1" port => "${PORT}" }'
    wrong = 'tcp { host => "192.0.2.1" port => "${PORT}" }'
    wrong_option = "host"


class TestSyslog(Silent):
    config = 'syslog { host => "127.0.0.1" port => "${PORT}" }'
    wrong = 'syslog { host => "192.0.2.1" port => "${PORT}" }'
    wrong_option = "host"


class TestUdp(Silent):
    config = 'udp { host => "127.0.0.1" port => "${PORT}" }'
    wrong = 'udp { host => "192.0.2.1" port => "${PORT}" }'
    wrong_option = "host"
    absent: ClassVar[Mapping[str, str]] = {
        **Silent.absent,
        "a_reload_that_changes_the_listener_loses_and_repeats_nothing": "a datagram that comes while its socket is exchanged is lost",
        "a_killed_process_has_delivered_all_that_it_answered": "a datagram that comes while nobody listens is lost",
    }

    def server(self, directory: Path) -> Sender:
        return DatagramSender(directory)

    def test_memory_is_bounded_while_the_target_hangs(self) -> None:
        """Some datagrams are held, and those that come then are lost."""
        data, count = b"x" * 1400, 40_000
        with self.hanging() as hanging, self.backend.connected() as made:
            until(lambda: self.backend.send("first").result() == "taken", "it listens")
            hanging.begins()
            for _ in range(count):
                made.send(data)
            hanging.check_memory(count * len(data))


class TestUnix(Silent):
    config = 'unix { path => "${SOCKET}" }'
    wrong = 'unix { path => "${SOCKET}/of/nobody" }'
    wrong_option = "path"

    def server(self, directory: Path) -> Sender:
        return UnixSender(directory)
