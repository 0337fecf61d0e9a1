"""``Work`` in a process of its own, for engines that call Python in threads.

Python lets a match of an expression be ended in the main thread alone (``dsl.guard``); elsewhere
one that ends its matches itself must do, and costs five times as much. Threads of one process share
a core, too, while two slots of an engine are there to have two. So the process has nothing but this
work in its main thread, and is asked for it through a pipe.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from ...dsl.guard import standing_by
from ...plugins.errors import Undelivered
from ..runtime.garbage import rare_collections
from .shipping import Shipment, assembled
from .work import Work

Request = Callable[[Work], Iterable[Any]]
"""What the process does, sent by value: each thing that it gives is sent back."""

_ANSWER, _ENDED, _FAILED = range(3)
_PATIENCE = 10.0


class WorkProcess:
    """The process, as who asks it sees it: one thread at a time. ``files``: the directory of files
    that travelled with the configuration, None where they are in their own places. Raises
    Undelivered where the configuration does not hold on this machine.
    """

    def __init__(self, shipment: Shipment, files: str | None = None) -> None:
        self._shipment, self._files = shipment, files
        self._start()

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        code = f"from {__name__} import serve; serve({theirs.fileno()})"
        paths = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": paths},
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        self._is_whole = True
        try:
            self._pipe.send((self._shipment, self._files))
            self._answer()
        except BaseException:
            self.close()
            raise

    def ask(self, request: Request) -> Iterator[Any]:
        """What comes of a request, as it comes. Raises Undelivered with the reason where it fails,
        or where the process dies.
        """
        if not self._is_whole:
            self.close()
            self._start()
        self._is_whole = False  # until all has come: what is left behind would answer the next
        self._pipe.send(request)
        kind, answer = self._answer()
        while kind != _ENDED:
            yield answer
            kind, answer = self._answer()
        self._is_whole = True

    def _answer(self) -> tuple[int, Any]:
        try:
            kind, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise Undelivered("the process that works on events has died") from error
        if kind == _FAILED:
            raise Undelivered(answer)
        return kind, answer

    def close(self) -> None:
        """Let the process end."""
        self._pipe.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(descriptor: int) -> None:
    """Work until who asks has gone: signals that a terminal sends to all are for that one."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    with Connection(descriptor) as pipe, contextlib.suppress(EOFError, BrokenPipeError):
        _serve(pipe)


def _serve(pipe: Connection) -> None:
    shipment, files = pipe.recv()
    try:
        fetch = None if files is None else partial(_in, Path(files))
        work = Work(assembled(shipment, fetch))
    except Exception as error:
        pipe.send((_FAILED, _said(error)))
        return
    pipe.send((_ENDED, None))
    with rare_collections(), standing_by():
        while True:
            for answer in _answers(work, pipe.recv()):
                pipe.send(answer)


def _answers(work: Work, request: Request) -> Iterator[tuple[int, Any]]:
    try:
        work.rest()  # of a request that failed before
        for answer in request(work):
            yield _ANSWER, answer
    except Exception as error:
        yield _FAILED, _said(error)
        return
    yield _ENDED, None


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _in(directory: Path, name: str) -> str:
    return str(directory / name)
