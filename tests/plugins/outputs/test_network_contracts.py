"""The contract of outputs, shown with tcp, syslog and udp, and a real rsyslog at the other end."""
from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from servers import rsyslog
from servers.certificates import Certificates
from servers.packages import require

from penstock.dsl.timestamp import Timestamp
from penstock.testing.connectors import OutputContract

NO_ANSWERS = "nobody answers in a plain stream"
NO_RECEIPT = "a datagram has no receipt: whether somebody listens cannot be known"
LINE = 'codec => line { format => "<13>1 - - - - - - %{message}" }'


class Rsyslog:
    """rsyslog as the target of an output; it has read what was sent to it before it ends."""

    def __init__(self, directory: Path, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
        require("rsyslog")
        self._kind = kind
        home, keys = directory / "rsyslog", directory / "certificates"
        home.mkdir()
        keys.mkdir()
        certificates = Certificates(keys)
        self._receiver = rsyslog.receiver(home, keys)
        self.environment = {
            "PORT": str(self._receiver.port),
            "TLS_PORT": str(self._receiver.tls_port),
            "CA": str(certificates.ca),
            "FOREIGN_CA": str(certificates.foreign_ca),
        }

    def start(self) -> None:
        self._receiver.start()

    def stop(self) -> None:
        if self._receiver.process is not None and self._receiver.process.poll() is None:
            self.received()
            self._receiver.stop()

    def received(self) -> list[str]:
        return self._receiver.messages(self._kind)

    def answer(self, kind: str, *values: Any) -> None:
        assert kind == "break"
        self.stop()
        self.start()


class OfStreams(OutputContract):
    wrong_option = "ssl_certificate_authorities"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": NO_ANSWERS,
        "refused_items_are_named_by_their_index": NO_ANSWERS,
    }

    def server(self, directory: Path) -> Rsyslog:
        return Rsyslog(directory)


class TestTcp(OfStreams):
    config = f'tcp {{ host => "127.0.0.1" port => "${{PORT}}" {LINE} }}'
    wrong = 'tcp { host => "localhost" port => "${TLS_PORT}" ssl_enabled => true ssl_certificate_authorities => "${FOREIGN_CA}" }'


def full_event(message: str) -> dict[str, Any]:
    """An event with all that the header of a message needs."""
    return {"message": message, "@timestamp": Timestamp("2024-10-01T02:03:04.567Z"), "host": {"name": "here"}}


class TestSyslog(OfStreams):
    config = 'syslog { host => "127.0.0.1" port => "${PORT}" protocol => tcp framing => octet_counting rfc => rfc5424 }'
    wrong = (
        'syslog { host => "localhost" port => "${TLS_PORT}" protocol => "ssl-tcp" ssl_verify => true'
        ' ssl_certificate_authorities => "${FOREIGN_CA}" }'
    )


    def event(self, message: str) -> dict[str, Any]:
        return full_event(message)


class TestSyslogOverUdp(OutputContract):
    config = 'syslog { host => "127.0.0.1" port => "${PORT}" }'
    absent: ClassVar[Mapping[str, str]] = {
        **OfStreams.absent,
        "a_target_that_is_away_at_the_start_is_waited_for": NO_RECEIPT,
        "a_connection_that_breaks_loses_nothing": NO_RECEIPT,
        "a_stop_does_not_wait_for_a_target_that_is_away": NO_RECEIPT,
        "a_killed_process_loses_nothing": "a datagram that was sent may be lost where its receiver is busy",
        "wrong_credentials_are_said_at_their_option": "there are no credentials",
    }

    def server(self, directory: Path) -> Rsyslog:
        return Rsyslog(directory, socket.SOCK_DGRAM)

    def event(self, message: str) -> dict[str, Any]:
        return full_event(message)


class TestUdp(TestSyslogOverUdp):
    config = 'udp { host => "127.0.0.1" port => "${PORT}" codec => plain { format => "<13>1 - - - - - - %{message}" } }'
