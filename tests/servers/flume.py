"""Flume agents: one that takes events by `avro` or `thrift` and writes them to files, one that sends the lines of files; and
Flume's own client library, which a test makes calls with.

Channels are on the disk, so that an agent that is killed loses nothing that it has answered.
"""
from __future__ import annotations

import itertools
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from .certificates import Certificates
from .packages import java
from .process import LOOPBACK, Server, accepts, free_ports

_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
_CHANNEL = """
a.channels = c
a.channels.c.type = file
a.channels.c.checkpointDir = {home}/checkpoint
a.channels.c.dataDirs = {home}/data
a.channels.c.capacity = 100000
a.channels.c.transactionCapacity = 1000
a.channels.c.maxFileSize = 10000000
a.channels.c.minimumRequiredSpace = 1000000
"""
_TAKES = """
a.sources = s
a.sources.s.type = {kind}
a.sources.s.bind = {host}
a.sources.s.port = {port}
a.sources.s.channels = c
a.sinks = k
a.sinks.k.type = file_roll
a.sinks.k.sink.directory = {home}/out
a.sinks.k.sink.rollInterval = 0
a.sinks.k.batchSize = 50
a.sinks.k.sink.serializer = header_and_text
a.sinks.k.channel = c
"""
_GIVES = """
a.sources = s
a.sources.s.type = spooldir
a.sources.s.spoolDir = {home}/spool
a.sources.s.basenameHeader = true
a.sources.s.pollDelay = 100
a.sources.s.deserializer.maxLineLength = 100000
a.sources.s.channels = c
a.sinks = k
a.sinks.k.type = {kind}
a.sinks.k.hostname = {host}
a.sinks.k.port = {port}
a.sinks.k.batch-size = 50
a.sinks.k.channel = c
"""


def _agent(home: Path, config: str, options: Mapping[str, object], port: int | None, **facts: object) -> Server:
    more = "".join(f"a.{name} = {value}\n" for name, value in options.items())
    (home / "flume.conf").write_text(config + more)
    command = [*java("flume", _LOG, heap="128m"), "org.apache.flume.node.Application", "--no-reload-conf", "-n", "a", "-f", "flume.conf"]
    return Server(command, accepts(port) if port else lambda: True, home, port=port, **facts)


def receiver(home: Path, kind: str = "avro", **options: object) -> Server:
    """An agent with a source; ``received`` has what it wrote. ``options``: more of the source's."""
    (home / "out").mkdir(parents=True)
    (port,) = free_ports()
    config = (_CHANNEL + _TAKES).format(home=home, kind=kind, host=LOOPBACK, port=port)
    return _agent(home, config, {f"sources.s.{name.replace('_', '-')}": value for name, value in options.items()}, port)


def sender(home: Path, kind: str, port: int, **options: object) -> Server:
    """An agent that sends the lines of files that are ``put``. ``options``: more of the sink's."""
    (home / "spool").mkdir(parents=True)
    config = (_CHANNEL + _GIVES).format(home=home, kind=kind, host=LOOPBACK, port=port)
    return _agent(home, config, {f"sinks.k.{name.replace('_', '-')}": value for name, value in options.items()}, None)


def received(home: Path) -> list[tuple[str, str]]:
    """The headers, as Flume prints them, and the body of each event that a receiver wrote."""
    lines = [line for path in sorted((home / "out").iterdir()) for line in path.read_text().split("\n")[:-1]]
    return [(headers + "}", body) for headers, _, body in (line.partition("} ") for line in lines)]


def put(home: Path, name: str, lines: Sequence[str]) -> None:
    """Have a sender send lines; the header ``basename`` has the name."""
    part = home / name
    part.write_text("".join(f"{line}\n" for line in lines))
    part.rename(home / "spool" / name)


def keystore(certificates: Certificates, name: str, password: str = "changeit") -> Path:
    """A certificate and its key in the form that Flume reads."""
    certificate, key = certificates.pair(name)
    path = certificates.folder / f"{name}.p12"
    command = ["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", path, "-passout", f"pass:{password}"]
    subprocess.run(command, check=True)
    return path


def truststore(certificates: Certificates, password: str = "changeit") -> Path:
    """The authority in the form that Flume reads."""
    path = certificates.folder / "trust.p12"
    command = ["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", certificates.ca, "-keystore", path, "-storetype", "PKCS12"]
    subprocess.run([*command, "-storepass", password], check=True, capture_output=True)
    return path


class FlumeClient:
    """Flume's client library, in a JVM that is asked over a pipe."""

    def __init__(self) -> None:
        command = [*java("flume", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", heap="128m"), Path(__file__).with_name("FlumeClient.java")]
        self._process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._numbers, self._lock = itertools.count(), threading.Lock()
        self._asked: dict[str, Future[str]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, port: int, kind: str, message: str) -> Future[str]:
        """Append an event, over a connection of its own, trying until there is one; ``OK`` or the reason why not. ``kind``:
        default, thrift or thrift-binary.
        """
        future: Future[str] = Future()
        with self._lock:
            number = str(next(self._numbers))
            self._asked[number] = future
            assert self._process.stdin is not None
            self._process.stdin.write(f"{number} {port} {kind} {message}\n")
            self._process.stdin.flush()
        return future

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, _, said = line.rstrip("\n").partition(" ")
            self._asked.pop(number).set_result(said)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
