"""The process that workers are forked from: clean of threads, clients and open files.

Client libraries forbid a fork once they run (librdkafka says so), and a lock that a thread held at
the moment of a fork stays locked in the child for ever. So the workers of all pipelines, and those
that replace dead ones, are forked by a parent that was started before anything was opened. It is
handed the text of a configuration, compiles it, and forks a worker for each pair of descriptors
that it is sent: the worker's end of a pipe, and its shared memory. It ends when the main process
does.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from ...dsl.diagnostics import ConfigError
from ...dsl.source import Source
from ..compile.instantiate import Assembly, assemble

_LENGTH = struct.Struct("!I")


class WorkerParentError(OSError):
    """The parent of workers cannot do what it was asked for, or has died."""


class WorkerParent:
    """The parent, as the main process sees it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        if threading.active_count() > 1:
            self._process = self._executed(theirs)
        else:
            self._process = self._forked(theirs)
        theirs.close()

    def _forked(self, theirs: socket.socket) -> int:
        process = os.fork()
        if process == 0:
            self._socket.close()
            _serve_and_exit(theirs)
        return process

    def _executed(self, theirs: socket.socket) -> int:
        """A new interpreter, where threads run already: it costs its start, and is clean."""
        code = f"from {__name__} import serve_descriptor; serve_descriptor({theirs.fileno()})"
        started = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()])
        return started.pid

    def compile(self, key: str, sources: Sequence[Source], settings: Mapping[str, Any]) -> None:
        """Compile a configuration under a key, in the parent; raises WorkerParentError."""
        self._ask(("compile", key, list(sources), dict(settings)), ())

    def fork(self, key: str, keeps: bool, pipe: int, memory: int) -> None:
        """Fork a worker of a configuration, with these descriptors; raises WorkerParentError.
        ``keeps``: there are dead letters.
        """
        self._ask(("fork", key, keeps), (pipe, memory))

    def forget(self, key: str) -> None:
        """No worker of this configuration will be asked for any more."""
        with contextlib.suppress(WorkerParentError):
            self._ask(("forget", key), ())

    def _ask(self, request: tuple[Any, ...], descriptors: Sequence[int]) -> None:
        with self._lock:
            try:
                _send(self._socket, request, descriptors)
                answer, _ = _receive(self._socket)
            except (OSError, EOFError) as error:
                raise WorkerParentError("the process that starts workers has died") from error
        if answer is not None:
            raise WorkerParentError(answer)

    def close(self) -> None:
        """Let it end; workers that run go on."""
        self._socket.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._process, 0)


def _send(channel: socket.socket, message: Any, descriptors: Sequence[int]) -> None:
    data = pickle.dumps((message, len(descriptors)), 5)
    channel.sendall(_LENGTH.pack(len(data)) + data)
    if descriptors:
        socket.send_fds(channel, [b"-"], descriptors)


def _receive(channel: socket.socket) -> tuple[Any, list[int]]:
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size))
    message, count = pickle.loads(_exactly(channel, length))
    if not count:
        return message, []
    _, descriptors, _, _ = socket.recv_fds(channel, 1, count)
    return message, list(descriptors)


def _exactly(channel: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = channel.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def serve_descriptor(descriptor: int) -> NoReturn:
    """Serve on an inherited socket, in an interpreter of its own."""
    _serve_and_exit(socket.socket(fileno=descriptor))


def _serve_and_exit(channel: socket.socket) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)  # the pipe is the main process's
        _close_all_but(channel.fileno())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda number, frame: _reap())
        _serve(channel, {})
        status = 0
    finally:
        os._exit(status)


def _close_all_but(descriptor: int) -> None:
    """Close what was inherited, but for the standard streams: an open pipe end, a lock or a socket
    would be held as long as a worker lives.
    """
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))


def _reap() -> None:
    """Take note of workers that have ended; the main process learns it from their pipes."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve(channel: socket.socket, assemblies: dict[str, Assembly]) -> None:
    while True:
        try:
            (kind, key, *rest), descriptors = _receive(channel)
        except (EOFError, OSError):
            return
        answer: str | None = None
        if kind == "compile":
            answer = _compile(assemblies, key, *rest)
        elif kind == "forget":
            assemblies.pop(key, None)
        elif os.fork() == 0:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _work_and_exit(assemblies[key], rest[0], *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        _send(channel, answer, ())


def _compile(
    assemblies: dict[str, Assembly], key: str, sources: list[Source], settings: dict[str, Any]
) -> str | None:
    try:
        assemblies[key] = assemble(sources, settings)
    except ConfigError as error:
        return str(error)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def _work_and_exit(assembly: Assembly, keeps: bool, pipe: int, memory: int) -> NoReturn:
    from .worker_process import WorkerProcess

    status = 1
    try:
        WorkerProcess(assembly, Connection(pipe), memory, keeps).serve()
        status = 0
    finally:
        os._exit(status)
