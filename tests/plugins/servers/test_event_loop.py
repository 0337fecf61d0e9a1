"""Listeners on an event loop: ports, certificates that change, and a stop that answers what it took."""
from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.certificates import Certificates

from penstock.plugins import tls as tls_files
from penstock.plugins.batch import Batch
from penstock.plugins.context import Context
from penstock.plugins.errors import Misconfigured
from penstock.plugins.input import Answer
from penstock.plugins.servers.event_loop import Acceptor, EventLoopListener, Intake
from penstock.plugins.servers.sockets import bind
from penstock.plugins.servers.tls import ServerTls, server_tls
from penstock.plugins.tls import TlsContext


class Lines(ServerTls, EventLoopListener, name="lines"):
    """Answers each line with `ok` when it was delivered."""

    host, port = "127.0.0.1", 0

    def prepare(self) -> None:
        self._tls = server_tls(self, self)

    def tls(self) -> TlsContext | None:
        return self._tls

    async def begin(self, intake: Intake) -> None:
        self._intake, self._tasks = intake, set[asyncio.Task[None]]()

    async def accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> Acceptor:
        return await asyncio.start_server(self._connected, sock=listening, ssl=tls)

    async def drain(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.answers_at_once = writer.get_extra_info("socket").getsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY
        )
        with contextlib.suppress(asyncio.CancelledError):
            while line := await reader.readline():
                await (await self._intake.put(Batch(events=[{"message": line.decode().strip()}])))
                writer.write(b"ok\n")
        writer.close()


class Runtime:
    """Serves a listener in a thread, and keeps what it emits."""

    def __init__(self, listener: EventLoopListener) -> None:
        self.listener, self.held = listener, list[tuple[Batch, Answer | None]]()
        self.is_full, self._callbacks = False, list[object]()
        self._stop, self.came = threading.Event(), threading.Semaphore(0)
        listener.connect()
        self._thread = threading.Thread(target=listener.serve, args=(self, self._stop))
        self._thread.start()

    def __call__(self, batch: Batch, answer: Answer | None = None) -> bool:
        if self.is_full:
            return False
        self.held.append((batch, answer))
        self.came.release()
        return True

    def when_free(self, callback: object) -> None:
        self._callbacks.append(callback)

    def free(self) -> None:
        self.is_full = False
        while self._callbacks:
            self._callbacks.pop()()  # type: ignore[operator]

    def deliver(self) -> str:
        """Answer the next batch that comes; its message."""
        assert self.came.acquire(timeout=90)
        batch, answer = self.held.pop(0)
        assert answer is not None
        answer(None)
        assert batch.events is not None
        return str(batch.events[0]["message"])

    def end(self) -> None:
        self._stop.set()
        self.listener.wake()
        self._thread.join(90)
        assert not self._thread.is_alive()
        self.listener.close()


@pytest.fixture
def running() -> Iterator[list[Runtime]]:
    made: list[Runtime] = []
    yield made
    for runtime in made:
        runtime.end()


def serve(running: list[Runtime], host: str = "127.0.0.1", **options: object) -> Runtime:
    context = Context()
    listener = Lines(options, context)
    listener.host = host
    listener.prepare()
    assert not context.problems
    running.append(Runtime(listener))
    return running[-1]


def dial(runtime: Runtime, tls: ssl.SSLContext | None = None) -> socket.socket:
    made = socket.create_connection(runtime.listener.addresses[0], 30)
    return made if tls is None else tls.wrap_socket(made, server_hostname="localhost")


def test_a_line_is_answered_when_its_batch_was_delivered(running: list[Runtime]) -> None:
    runtime = serve(running)
    with dial(runtime) as client:
        client.sendall(b"one\n")
        assert runtime.came.acquire(timeout=90)
        client.setblocking(False)
        with pytest.raises(BlockingIOError):
            client.recv(3)
        client.setblocking(True)
        runtime.came.release()
        assert runtime.deliver() == "one"
        assert client.recv(3) == b"ok\n"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_does_not_wait_until_the_one_before_has_arrived(running: list[Runtime], host: str) -> None:
    runtime = serve(running, host=host)
    assert runtime.listener.addresses[0][0] == host
    with dial(runtime) as client:
        client.sendall(b"one\n")
        assert runtime.deliver() == "one"
        assert client.recv(3) == b"ok\n"
    assert runtime.listener.answers_at_once


def test_what_comes_while_it_is_full_waits(running: list[Runtime]) -> None:
    runtime = serve(running)
    runtime.is_full = True
    with dial(runtime) as client:
        client.sendall(b"one\n")
        runtime.free()
        assert runtime.deliver() == "one"
        assert client.recv(3) == b"ok\n"


def test_a_stop_ends_connections_and_gives_the_port_back(running: list[Runtime]) -> None:
    runtime = serve(running)
    (host, port) = runtime.listener.addresses[0]
    with dial(runtime) as client:
        client.sendall(b"one\n")
        assert runtime.deliver() == "one"
        assert client.recv(3) == b"ok\n"
        running.pop().end()
        assert client.recv(1) == b""
        for made in bind(host, port):
            made.close()


def test_renewed_certificates_are_used_for_new_connections(
    running: list[Runtime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_files, "_LOOKS", 0.0)
    certificates = Certificates(tmp_path)
    certificate, key = certificates.pair("server")
    runtime = serve(running, ssl_enabled=True, ssl_certificate=certificate, ssl_key=key)
    client_side = ssl.create_default_context(cafile=certificates.ca)
    with dial(runtime, client_side) as before:
        first = before.getpeercert(binary_form=True)
        certificates.renew("server")
        runtime.listener.wake()
        while True:  # until it has looked
            with dial(runtime, client_side) as after:
                if after.getpeercert(binary_form=True) != first:
                    break
        before.sendall(b"one\n")
        assert runtime.deliver() == "one"
        assert before.recv(3) == b"ok\n"


@pytest.mark.parametrize(
    ("host", "port", "option"),
    [("127.0.0.1", "taken", "port"), ("192.0.2.1", 0, "host"), ("not-a-host.invalid", 0, "host"), ("127.0.0.1", 70000, "port")],
)
def test_what_cannot_be_listened_on_is_said_at_its_option(host: str, port: int | str, option: str) -> None:
    (taken,) = bind("127.0.0.1", 0)
    with taken, pytest.raises(Misconfigured) as refused:
        bind(host, taken.getsockname()[1] if port == "taken" else int(port))
    assert refused.value.option == option
