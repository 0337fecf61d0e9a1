"""Whole processes on the network: a real rsyslog at either end, kills, reloads, and clients that mean harm."""
from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import rsyslog
from servers.certificates import Certificates
from servers.packages import require
from servers.process import free_ports

LONGEST = 60.0
LINE = 'codec => line { format => "%{message}" }'


class Penstock:
    """``penstock run`` of a configuration, which may be changed; ``out`` is what its file output wrote."""

    def __init__(self, directory: Path, config: str, *more: str, files: int = 0) -> None:
        self._path, self.directory, self._log = directory / "run.conf", directory, directory / "said"
        self._path.write_text(config)
        self._command = [sys.executable, "-m", "penstock", "run", "-f", str(self._path), "--path.data", str(directory / "data"), *more]
        self._command = [*(["prlimit", f"--nofile={files}"] if files else []), *self._command]
        self.start()

    def start(self) -> None:
        self._before = len(self.said())
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stderr=log)

    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def wait_for(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + LONGEST
        while not holds():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.02)

    def events(self) -> list[dict[str, Any]]:
        path = self.directory / "out"
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []

    def messages(self) -> list[str]:
        return [event["message"].strip() for event in self.events()]

    def reload(self, config: str) -> None:
        self._path.write_text(config)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: ": reloaded" in self.said()[self._before :])

    def memory(self) -> int:
        """The most memory that it had so far, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(LONGEST) == 0, self.said()


@pytest.fixture
def penstock(tmp_path: Path) -> Iterator[Callable[..., Penstock]]:
    made: list[Penstock] = []

    def start(config: str, *more: str, files: int = 0) -> Penstock:
        made.append(Penstock(tmp_path, config, *more, files=files))
        return made[-1]

    yield start
    for run in made:
        run.process.kill()
        run.process.wait()


def listens(port: int) -> Callable[[], bool]:
    def check() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    return check


@pytest.fixture
def home(tmp_path: Path) -> Path:
    require("rsyslog")
    made = tmp_path / "rsyslog"
    made.mkdir()
    return made


PEERS = {
    "RFC 5424 by length": {"framing": "octet-counted"},
    "RFC 5424 by line": {},
    "RFC 3164 by line": {"template": "RSYSLOG_TraditionalForwardFormat"},
    "UDP": {"protocol": "udp"},
    "TLS": {"framing": "octet-counted"},
}


@pytest.mark.parametrize("kind", PEERS)
def test_rsyslog_as_the_sender(penstock: Callable[..., Penstock], home: Path, tmp_path: Path, kind: str) -> None:
    (port,) = free_ports()
    keys, tls = None, ""
    count = 50 if kind == "UDP" else 500  # a busy machine drops datagrams beyond what a socket holds
    if kind == "TLS":
        keys = tmp_path / "keys"
        keys.mkdir()
        made = Certificates(keys)
        certificate, key = made.pair("server")
        tls = f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}" ssl_client_authentication => required'
        tls += f' ssl_certificate_authorities => "{made.ca}"'
    run = penstock(
        f'input {{ syslog {{ host => "127.0.0.1" port => {port} {tls} }} }} output {{ file {{ path => "{tmp_path}/out" }} }}', "-w", "2"
    )
    run.wait_for(listens(port))
    with rsyslog.sender(home, port, certificates=keys, permitted="server", **PEERS[kind]) as peer:
        rsyslog.submit(peer, *[b"<165>program[7]: message %d" % number for number in range(count)])
        run.wait_for(lambda: len(run.events()) >= count)
    run.stop()
    assert sorted(run.messages()) == sorted(f"message {number}" for number in range(count))
    event = run.events()[0]
    assert event["process"] == {"name": "program", "pid": 7}
    assert event["log"]["syslog"]["priority"] == 165
    assert event["host"]["ip"] in ("127.0.0.1", "::1")
    assert "tags" not in event


def test_a_way_through_from_rsyslog_to_rsyslog(penstock: Callable[..., Penstock], home: Path, tmp_path: Path) -> None:
    """From one rsyslog over syslog, tcp and syslog again to another, through two pipelines and two workers."""
    there = tmp_path / "there"
    there.mkdir()
    first, second = free_ports(2)
    with rsyslog.receiver(there) as receiver:
        run = penstock(
            f"""
            input {{ syslog {{ host => "127.0.0.1" port => {first} tags => "syslog" }} tcp {{ host => "127.0.0.1" port => {second} codec => json_lines }} }}
            filter {{ if "syslog" in [tags] {{ mutate {{ replace => {{ "tags" => [] }} }} }} else {{ mutate {{ add_tag => "again" }} }} }}
            output {{
              if "again" in [tags] {{
                syslog {{ host => "127.0.0.1" port => {receiver.port} protocol => tcp rfc => rfc5424 framing => octet_counting
                          appname => "%{{[process][name]}}" }}
              }} else {{ tcp {{ host => "127.0.0.1" port => {second} codec => json_lines }} }}
            }}
            """,
            "-w", "2",
        )
        run.wait_for(listens(first))
        with rsyslog.sender(home, first) as peer:
            texts = [f"message {number}" for number in range(300)]
            rsyslog.submit(peer, *[f"<165>program: {text}".encode() for text in texts])
            run.wait_for(lambda: len(receiver.events()) >= 300)
            run.stop()
        assert sorted(receiver.messages()) == sorted(texts)
        assert {event["app-name"] for event in receiver.events()} - {"mark"} == {"program"}


def test_a_kill_in_the_middle_of_sending_loses_nothing(penstock: Callable[..., Penstock], home: Path, tmp_path: Path) -> None:
    """A file is read again from what the other end had acknowledged."""
    lines = [f"message {number}" for number in range(30_000)]
    (tmp_path / "in").write_text("".join(f"{line}\n" for line in lines))
    with rsyslog.receiver(home) as receiver:
        run = penstock(
            f'input {{ file {{ path => "{tmp_path}/in" start_position => beginning sincedb_path => "{tmp_path}/sincedb" sincedb_write_interval => 0.02 }} }}'
            f'output {{ syslog {{ host => "127.0.0.1" port => {receiver.port} protocol => tcp }} }}'
        )
        run.wait_for(lambda: receiver.events())
        run.process.kill()
        run.process.wait()
        run.start()
        run.wait_for(lambda: "message 29999" in receiver.messages())
        run.stop()
        got = receiver.messages()
    assert set(lines) <= {text.removeprefix("LOGSTASH[-]: ") for text in got}


def test_what_is_in_the_disk_queue_survives_a_kill(penstock: Callable[..., Penstock], tmp_path: Path) -> None:
    port, away = free_ports(2)
    out = f'tcp {{ host => "127.0.0.1" port => {away} {LINE} }}'
    run = penstock(f'input {{ tcp {{ host => "127.0.0.1" port => {port} }} }} output {{ {out} }}', "-S", "queue.type=persisted")
    run.wait_for(listens(port))
    lines = b"".join(b"%d\n" % number for number in range(5000))
    with socket.create_connection(("127.0.0.1", port)) as made:
        made.sendall(lines)
    queued = tmp_path / "data" / "queue"
    run.wait_for(lambda: any(b"4999" in file.read_bytes() for file in queued.rglob("*") if file.is_file()))
    run.process.kill()
    run.process.wait()
    with socket.create_server(("127.0.0.1", away)) as target:
        run.start()
        target.settimeout(LONGEST)
        with target.accept()[0] as made, made.makefile("rb") as file:
            got = {int(next(file)) for _ in range(5000)}
    assert got == set(range(5000))


def test_a_reload_keeps_the_connection_of_rsyslog_and_loses_nothing(penstock: Callable[..., Penstock], home: Path, tmp_path: Path) -> None:
    (port,) = free_ports()
    config = 'input {{ syslog {{ host => "127.0.0.1" port => {port} }} }} filter {{ mutate {{ add_field => {{ "version" => "{version}" }} }} }}'
    config += ' output {{ file {{ path => "{directory}/out" }} }}'
    run = penstock(config.format(port=port, version=0, directory=tmp_path))
    run.wait_for(listens(port))
    with rsyslog.sender(home, port) as peer:
        count = 0
        for version in range(1, 4):
            rsyslog.submit(peer, *[b"<13>p: message %d" % number for number in range(count, count + 300)])
            count += 300
            run.reload(config.format(port=port, version=version, directory=tmp_path))
            run._before = len(run.said())
        rsyslog.submit(peer, b"<13>p: last")
        run.wait_for(lambda: "last" in run.messages())
    run.stop()
    assert run.messages() == [*(f"message {number}" for number in range(count)), "last"]
    assert run.events()[-1]["version"] == "3"


CROWD = 2000


def test_two_thousand_connections_at_once(penstock: Callable[..., Penstock], tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CROWD + 200:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    (port,) = free_ports()
    tcp = f'tcp {{ host => "127.0.0.1" port => {port} }}'
    run = penstock(f'input {{ {tcp} }} output {{ file {{ path => "{tmp_path}/out" codec => json_lines }} }}')
    run.wait_for(listens(port))
    try:
        with contextlib.ExitStack() as opened:
            crowd = [opened.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(CROWD)]
            for number, made in enumerate(crowd):
                made.sendall(b"%d begun and " % number)
            for made in crowd:
                made.sendall(b"ended\nhalf a line")
        run.wait_for(lambda: len(run.events()) >= 2 * CROWD)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    memory = run.memory()
    run.stop()
    assert sorted(run.messages()) == sorted([f"{number} begun and ended" for number in range(CROWD)] + ["half a line"] * CROWD)
    assert memory < 200 << 20


def test_more_connections_than_files_may_be_open_wait_for_others_to_end(penstock: Callable[..., Penstock], tmp_path: Path) -> None:
    (port,) = free_ports()
    run = penstock(f'input {{ tcp {{ host => "127.0.0.1" port => {port} }} }} output {{ file {{ path => "{tmp_path}/out" }} }}', files=60)
    run.wait_for(listens(port))
    for _ in range(2):
        crowd = [socket.create_connection(("127.0.0.1", port), 30) for _ in range(80)]
        for made in crowd:
            made.sendall(b"line\n")
        run.wait_for(lambda: "no connection can be accepted: Too many open files" in run.said())
        for made in crowd:
            made.close()
    run.wait_for(lambda: len(run.events()) == 160)
    run.stop()


@pytest.mark.parametrize("plugin", ["tcp", "syslog"])
def test_clients_that_mean_harm(penstock: Callable[..., Penstock], tmp_path: Path, plugin: str) -> None:
    """One that hangs, one that sends garbage, one whose line has 100 MB: who behaves is served, and memory is bounded."""
    (port,) = free_ports()
    run = penstock(
        f'input {{ {plugin} {{ host => "127.0.0.1" port => {port} }} }} output {{ file {{ path => "{tmp_path}/out" }} }}',
        "-S", "penstock.limits.line=1000000", "-S", "pipeline.ecs_compatibility=disabled",
    )
    run.wait_for(listens(port))
    out = tmp_path / "out"
    with contextlib.ExitStack() as opened:
        hanging, garbage, endless, good = (opened.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(4))
        hanging.sendall(b"<13>Oct 11 22:14:15 host")
        garbage.sendall(os.urandom(300_000))
        for _ in range(100):
            endless.sendall(b"y" * 1_000_000)
        good.sendall(b"<13>Oct 11 22:14:15 host program: good\n")
        endless.sendall(b"\nlast\n")
        run.wait_for(lambda: b"last" in end_of(out))
    memory = run.memory()
    run.stop()
    assert any(message.endswith("good") for message in run.messages())
    parts = [event for event in run.events() if event["message"].startswith("yyyy")]
    assert sum(len(event["message"]) for event in parts) == 100_000_000
    assert all(event["tags"] == ["_linetoobig"] for event in parts)
    assert memory < 300 << 20


def end_of(path: Path) -> bytes:
    """The last 100 kB of a file."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 100_000))
        return file.read()
