"""Flume agents: one that takes events by `avro` or `thrift` and writes them to files, one that sends the lines of files; and
Flume's own client library, which a test makes calls with.

Channels are on the disk, so that an agent that is killed loses nothing that it has answered.
"""
from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .packages import java, require
from .process import LOOPBACK, Server, free_ports
from .shared import shared

_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
_PASSWORD = "changeit"
_CHANNEL = """
a.channels.{name}.type = file
a.channels.{name}.checkpointDir = {home}/checkpoint-{name}
a.channels.{name}.dataDirs = {home}/data-{name}
a.channels.{name}.capacity = 100000
a.channels.{name}.transactionCapacity = 1000
a.channels.{name}.maxFileSize = 10000000
a.channels.{name}.minimumRequiredSpace = 1000000
"""
_SOURCE = """
a.sources.{name}.type = {kind}
a.sources.{name}.bind = {host}
a.sources.{name}.port = {port}
a.sources.{name}.channels = c
"""
_FILES = """
a.channels = c
a.sinks = k
a.sinks.k.type = file_roll
a.sinks.k.sink.directory = {home}/out
a.sinks.k.sink.rollInterval = 0
a.sinks.k.batchSize = 50
a.sinks.k.sink.serializer = header_and_text
a.sinks.k.channel = c
"""
_LINES = """
a.sources = s
a.sources.s.type = spooldir
a.sources.s.spoolDir = {home}/spool
a.sources.s.basenameHeader = true
a.sources.s.pollDelay = 100
a.sources.s.batchSize = 100
a.sources.s.deserializer.maxLineLength = 10000000
"""
_SINK = """
a.sinks.{name}.type = {kind}
a.sinks.{name}.hostname = {host}
a.sinks.{name}.port = {port}
a.sinks.{name}.batch-size = 50
a.sinks.{name}.channel = {name}
"""
WAYS: dict[str, tuple[str, str]] = {
    "avro": ("avro", ""),
    "deflate": ("avro", "{0}.compression-type = deflate\n"),
    "avro_tls": ("avro", "{0}.ssl = true\n"),
    "thrift": ("thrift", ""),
    "binary": ("thrift", "{0}.protocol = binary\n"),
    "thrift_tls": ("thrift", "{0}.ssl = true\n"),
}
"""The ways to talk to an agent, and what its configuration says of each."""

_KEYS = "{0}.keystore = {1}\n{0}.keystore-password = {2}\n{0}.keystore-type = PKCS12\n"
_TRUST = "{0}.truststore = {1}\n{0}.truststore-password = {2}\n{0}.truststore-type = PKCS12\n"


def options(way: str) -> str:
    """The options of the plugins for a way, but for those of TLS."""
    said = {"deflate": "compression_type => deflate", "binary": "protocol => thrift thrift_protocol => binary"}
    return said.get(way, f"protocol => {WAYS[way][0]}")


def _agent(home: Path, config: str, port: int, **facts: object) -> Server:
    """An agent; its figures are on a port."""
    (home / "flume.conf").write_text(config)
    figures = ["-Dflume.monitoring.type=http", f"-Dflume.monitoring.port={port}"]
    command = [*java("flume", _LOG, *figures, heap="128m"), "org.apache.flume.node.Application", "--no-reload-conf", "-n", "a", "-f", "flume.conf"]
    return Server(command, lambda: bool(_figures(port)), home, figures=port, **facts)


def _figures(port: int) -> dict[str, dict[str, str]]:
    """What an agent says of its parts."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
        found: dict[str, dict[str, str]] = json.load(answer)
    return found


def receiver(home: Path, ways: Sequence[str] = tuple(WAYS)) -> Server:
    """An agent with a source for each way, at ``ports``; ``Received`` tells what it wrote.
    ``certificates``: the directory of ``Certificates``.
    """
    (home / "out").mkdir(parents=True)
    certificates = Certificates(home)
    keys = _keystore(certificates, "server")
    *found, figures = free_ports(len(ways) + 1)
    ports = dict(zip(ways, found, strict=True))
    config = f"a.sources = {' '.join(ways)}\n" + _FILES.format(home=home) + _CHANNEL.format(home=home, name="c")
    for name, port in ports.items():
        kind, more = WAYS[name]
        config += _SOURCE.format(name=name, kind=kind, host=LOOPBACK, port=port) + more.format(f"a.sources.{name}")
        if name.endswith("_tls"):
            config += _KEYS.format(f"a.sources.{name}", keys, _PASSWORD)
    return _agent(home, config, figures, ports=ports, certificates=str(home))


def sender(home: Path, ports: Mapping[str, int], ca: Path | None = None) -> Server:
    """An agent with a sink for each way, to a port, that sends the lines of files that are ``put``. ``ca``: whom it trusts."""
    (home / "spool").mkdir(parents=True)
    names = " ".join(ports)
    config = f"a.channels = {names}\na.sinks = {names}\n{_LINES.format(home=home)}a.sources.s.channels = {names}\n"
    for name, port in ports.items():
        kind, more = WAYS[name]
        config += _CHANNEL.format(home=home, name=name) + _SINK.format(name=name, kind=kind, host=LOOPBACK, port=port)
        config += more.format(f"a.sinks.{name}")
        if ca is not None and name.endswith("_tls"):
            config += _TRUST.format(f"a.sinks.{name}", _truststore(home, ca), _PASSWORD)
    (figures,) = free_ports()
    return _agent(home, config, figures)


def agent() -> Any:
    """The receiver of this test run; a test tells its events by a header."""
    require("flume")
    return shared("flume", receiver)


class Received:
    """What a receiver has. ``figures``: the port of its figures."""

    def __init__(self, home: Path, figures: int) -> None:
        self._home, self._figures = home, figures

    def events(self, having: str = "") -> list[tuple[str, str]]:
        """The headers, as Flume prints them, and the body of each event whose headers have a text, in the order in which the
        agent took them; all that it has answered.
        """
        end = time.monotonic() + 90
        while self._channel_size() and time.monotonic() < end:
            time.sleep(0.02)
        texts = [path.read_text() for path in sorted((self._home / "out").iterdir(), key=_number)]
        lines = [line.partition("} ") for text in texts for line in text.split("\n")[:-1]]
        return [(f"{headers}}}", body) for headers, _, body in lines if having in headers]

    def _channel_size(self) -> int:
        """How many events are not written; 0 where the agent is away."""
        try:
            return int(_figures(self._figures)["CHANNEL.c"]["ChannelSize"])
        except OSError:
            return 0


def _number(path: Path) -> list[int]:
    """Files are named by the time of the start and a number."""
    return [int(part) for part in path.name.split("-")]


def put(home: Path, name: str, lines: Sequence[str]) -> None:
    """Have a sender send lines; the header ``basename`` has the name."""
    part = home / name
    part.write_text("".join(f"{line}\n" for line in lines))
    part.rename(home / "spool" / name)


def _keystore(certificates: Certificates, name: str) -> Path:
    """A certificate and its key in the form that Flume reads."""
    certificate, key = certificates.pair(name)
    path = certificates.directory / f"{name}.p12"
    command = ["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-out", path, "-passout", f"pass:{_PASSWORD}"]
    subprocess.run(command, check=True)
    return path


def _truststore(home: Path, ca: Path) -> Path:
    """An authority in the form that Flume reads."""
    path = home / "trust.p12"
    if not path.exists():
        command = ["keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", ca, "-keystore", path, "-storetype", "PKCS12"]
        subprocess.run([*command, "-storepass", _PASSWORD], check=True, capture_output=True)
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
