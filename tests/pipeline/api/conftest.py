"""A pipeline that runs with the API, and what can be asked of it."""
from __future__ import annotations

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from servers.process import free_ports


class Answer(NamedTuple):
    """What the API said."""

    status: int
    kind: str
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


class Running:
    """`penstock run` with the API on a port of its own, of a configuration or a directory of settings, with `more` flags; lines go to its stdin."""

    def __init__(self, directory: Path, config: str | Path, settings: dict[str, str], tls: ssl.SSLContext | None = None, more: Sequence[str] = ()) -> None:
        (self.port,) = free_ports()
        self.tls, self.log = tls, directory / "log"
        given = {"api.enabled": "true", "api.http.port": str(self.port), "path.data": str(directory / "data"), **settings}
        flags = [word for key, value in given.items() for word in ("-S", f"{key}={value}")]
        source = ["--path.settings", str(config)] if isinstance(config, Path) else ["-e", config]
        command = [sys.executable, "-m", "penstock", "run", *flags, *source, *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self.log.open("w"), text=True)

    def send(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, login: str = "", accept: str = "") -> Answer:
        scheme = "https" if self.tls else "http"
        request = urllib.request.Request(f"{scheme}://127.0.0.1:{self.port}{path}", body, method=method)
        if login:
            request.add_header("Authorization", f"Basic {b64encode(login.encode()).decode()}")
        if accept:
            request.add_header("Accept", accept)
        try:
            with urllib.request.urlopen(request, timeout=30, context=self.tls) as got:
                return Answer(got.status, got.headers["Content-Type"], got.read().decode())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers["Content-Type"], error.read().decode())

    def raw(self, *lines: str) -> str:
        """All that is answered to lines over one connection, until the other side ends it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
            return b"".join(iter(lambda: connection.recv(4096), b"")).decode()

    def until(self, path: str, holds: Callable[[Answer], bool]) -> Answer:
        end = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                answer = self.ask(path)
                if holds(answer):
                    return answer
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)

    def plugins(self, section: str) -> Any:
        return self.ask("/_node/stats/pipelines/main").data["pipelines"]["main"]["plugins"][section]

    def end(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=60)


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    made: list[Running] = []

    def started(
        config: str | Path, settings: dict[str, str] | None = None, tls: ssl.SSLContext | None = None, login: str = "", more: Sequence[str] = ()
    ) -> Running:
        running = Running(tmp_path, config, settings or {}, tls, more)
        made.append(running)
        running.until("/health/live", lambda answer: answer.status in (200, 401))
        return running

    yield started
    for running in made:
        running.end()
