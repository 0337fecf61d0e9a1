"""The contract of listeners, shown with tcp, udp, unix and syslog."""
from __future__ import annotations

import socket
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar

from servers.process import free_ports

from penstock.testing.connectors import ListenerContract

NO_ANSWERS = "a sender is told nothing: it waits while its connection takes no more"


class Sender:
    """Sends lines; there is no answer."""

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports()
        self.environment = {"PORT": str(port), "SOCKET": str(folder / "socket")}
        self._port, self._path = port, folder / "socket"

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), 30)

    def send(self, message: str) -> Future[str]:
        with self.connected() as made:
            made.sendall(f"{message}\n".encode())
        sent: Future[str] = Future()
        sent.set_result("taken")
        return sent


class DatagramSender(Sender):
    def connected(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.connect(("127.0.0.1", self._port))
        return made


class UnixSender(Sender):
    def connected(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.connect(str(self._path))
        return made

SHOWN = "the case waits for answers, which there are none of: tests/faults/test_network.py shows it"


class Silent(ListenerContract):
    absent: ClassVar[Mapping[str, str]] = {
        "it_answers_when_the_batch_was_delivered": NO_ANSWERS,
        "it_answers_that_a_batch_failed": NO_ANSWERS,
        "it_says_at_once_that_it_is_full": NO_ANSWERS,
        "a_stop_answers_what_was_taken_and_takes_nothing_more": NO_ANSWERS,
        "it_keeps_its_connections_while_it_is_full": NO_ANSWERS,
        "a_killed_process_has_delivered_all_that_it_answered": NO_ANSWERS,
        "a_reload_that_changes_the_listener_loses_and_repeats_nothing": SHOWN,
        "a_reload_that_leaves_the_listener_loses_and_repeats_nothing": SHOWN,
        "memory_is_bounded_while_the_target_hangs": SHOWN,
    }

    def server(self, folder: Path) -> Sender:
        return Sender(folder)


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

    def server(self, folder: Path) -> Sender:
        return DatagramSender(folder)


class TestUnix(Silent):
    config = 'unix { path => "${SOCKET}" }'
    wrong = 'unix { path => "${SOCKET}/of/nobody" }'
    wrong_option = "path"

    def server(self, folder: Path) -> Sender:
        return UnixSender(folder)
