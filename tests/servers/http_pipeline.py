"""Penstock between HTTP clients and an HTTP server, as a process that may be killed and started again."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import urllib3

from .http_server import Asked, HttpServer, Reply
from .process import free_ports

LONGEST = 60.0
DISK = ("-S", "queue.type=persisted")


def until(holds: Callable[[], bool], said: Callable[[], str] = str) -> None:
    end = time.monotonic() + LONGEST
    while not holds():
        assert time.monotonic() < end, said()
        time.sleep(0.02)


class Penstock:
    """``penstock run`` with an input http and an output http, in a process that may be killed and started again."""

    def __init__(self, directory: Path, target: str, options: str = "", filters: str = "", arguments: Sequence[str] = ()) -> None:
        self.directory, self.target, self.filters, self.arguments = directory, target, filters, arguments
        (self.port,) = free_ports()
        self.config(options)
        self.process: subprocess.Popen[bytes] | None = None

    def config(self, options: str) -> None:
        text = f"""
            input {{ http {{ host => "127.0.0.1" port => {self.port} {options} }} }}
            filter {{ {self.filters} }}
            output {{ http {{ url => "{self.target}" http_method => post format => json_batch }} }}
        """
        (self.directory / "run.conf").write_text(text)

    def start(self) -> Self:
        command = [sys.executable, "-m", "penstock", "run", "-f", str(self.directory / "run.conf"), "--path.data", str(self.directory / "data")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (self.directory / "said").open("ab") as log:
            self.process = subprocess.Popen([*command, *self.arguments], stderr=log, stdout=log, env=environment)
        return self

    def said(self) -> str:
        return (self.directory / "said").read_text()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(LONGEST)

    def reload(self, options: str, filters: str = "") -> None:
        self.filters = filters
        self.config(options)
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


class Sender:
    """Sends numbered messages from several threads, each again and again until it is answered with 200: ``answered`` has those."""

    def __init__(self, port: int, threads: int = 4) -> None:
        self.url = f"http://127.0.0.1:{port}/"
        self.answered: set[int] = set()
        self._next, self._lock, self._ends = 0, threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        pool = urllib3.PoolManager(retries=False, timeout=30)
        while not self._ends.is_set():
            with self._lock:
                number, self._next = self._next, self._next + 1
            while not self._is_taken(pool, number):
                if self._ends.wait(0.02):
                    return

    def _is_taken(self, pool: urllib3.PoolManager, number: int) -> bool:
        body = json.dumps([{"n": number}, {"also": number}]).encode()
        try:
            answer = pool.request("POST", self.url, body=body, headers={"Content-Type": "application/json"})
        except urllib3.exceptions.HTTPError:
            return False
        if answer.status != 200:
            return False
        self.answered.add(number)
        return True

    def end(self) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(LONGEST)


class Collector(HttpServer):
    """The target: keeps all events."""

    def __init__(self) -> None:
        super().__init__(self.take)
        self.events: list[dict[str, Any]] = []

    def take(self, asked: Asked) -> Reply:
        self.events += json.loads(asked.body)
        return Reply()

    def numbers(self, name: str = "n") -> list[int]:
        return [event[name] for event in self.events if name in event]

    def lacks(self, sender: Sender) -> set[int]:
        """What was answered and has not arrived."""
        return (sender.answered - set(self.numbers())) | (sender.answered - set(self.numbers("also")))
