"""The contract of outputs, with the output lumberjack and the server library of Lumberjack."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from servers import beats
from servers.certificates import Certificates

from penstock.testing.connectors import OutputContract

NO_ANSWERS = "the protocol has no answer but that events have come"


class Receiver:
    """The server as the target; a second one, with TLS, is there for credentials that are wrong."""

    def __init__(self, directory: Path, *options: str) -> None:
        keys = directory / "certificates"
        keys.mkdir()
        certificates = Certificates(keys)
        shown = beats.authority(certificates.ca, certificates.pair("server"))
        self._servers = [beats.receiver(directory / "plain", *options), beats.receiver(directory / "tls", *shown)]
        plain, secure = self._servers
        self.environment = {"PORT": str(plain.port), "TLS_PORT": str(secure.port), "CA": str(certificates.foreign_ca)}

    def start(self) -> None:
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def received(self) -> list[str]:
        return [(event.get("line") or event["message"]) for event in self._servers[0].events()]

    def answer(self, kind: str, *values: Any) -> None:
        assert kind == "break"
        self.stop()
        self.start()


class TestLumberjack(OutputContract):
    config = 'lumberjack { hosts => "127.0.0.1" port => "${PORT}" ssl_enabled => false format => event }'
    wrong = 'lumberjack { hosts => "localhost" port => "${TLS_PORT}" ssl_certificate => "${CA}" }'
    wrong_option = "ssl_certificate"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": NO_ANSWERS,
        "refused_items_are_named_by_their_index": NO_ANSWERS,
    }

    def server(self, directory: Path) -> Receiver:
        return Receiver(directory)


class TestLumberjackOfVersion1(OutputContract):
    config = 'lumberjack { hosts => "127.0.0.1" port => "${PORT}" ssl_enabled => false codec => plain { format => "%{message}" } }'
    absent: ClassVar[Mapping[str, str]] = TestLumberjack.absent | {
        name: "shown with version 2" for name in OutputContract.cases() if name.startswith(("a_reload", "a_stop", "wrong", "a_killed"))
    }

    def server(self, directory: Path) -> Receiver:
        return Receiver(directory, "-old")
