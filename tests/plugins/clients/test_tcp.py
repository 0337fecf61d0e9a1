"""Writing to TCP connections: what the other end has, what it does not have, and how a connection ends."""
from __future__ import annotations

import concurrent.futures
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from servers.certificates import Certificates

from penstock.plugins.clients.tcp import Writer, dial, encrypted
from penstock.plugins.errors import Disconnected, Misconfigured

ServeTls = Callable[[socket.socket, ssl.SSLContext], None]


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        made.bind(("127.0.0.1", 0))
        made.listen()
        made.settimeout(30)
        yield made


def connected(server: socket.socket) -> tuple[Writer, socket.socket]:
    made = dial("127.0.0.1", server.getsockname()[1])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
    accepted, _ = server.accept()
    accepted.settimeout(30)
    return Writer(made), accepted


def received(other: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := other.recv(1 << 16)):
        data += more
    return data


def test_what_the_other_end_has_is_known(server: socket.socket) -> None:
    writer, other = connected(server)
    with other:
        futures = [writer.write(b"%d\n" % number) for number in range(100)]
        assert [future.result(90) for future in futures] == [None] * 100
        assert received(other, 290) == b"".join(b"%d\n" % number for number in range(100))
        ended = threading.Thread(target=writer.close)
        ended.start()
        assert other.recv(1) == b""
    ended.join(90)


def test_a_connection_ends_though_the_other_end_goes_on_to_talk(server: socket.socket) -> None:
    writer, other = connected(server)
    ended = threading.Event()

    def talk() -> None:
        with other, contextlib.suppress(OSError):
            while not ended.is_set():
                other.sendall(b"x")

    talking = threading.Thread(target=talk)
    closing = threading.Thread(target=writer.close, daemon=True)
    talking.start()
    closing.start()
    closing.join(60)
    was_closed = not closing.is_alive()
    ended.set()
    talking.join(90)
    assert was_closed


def test_what_a_connection_leaves_open_when_it_breaks_is_known(server: socket.socket) -> None:
    writer, other = connected(server)
    futures: list[Future[None]] = []
    failures: list[Disconnected] = []

    def write() -> None:
        try:
            while True:  # until it is full, and waits
                futures.append(writer.write(b"x" * 5000))
        except Disconnected as error:
            failures.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    assert received(other, 5000).startswith(b"x" * 5000)
    stalled = -1
    while stalled != len(futures) or not futures or futures[-1].done():  # until both buffers are full
        stalled = len(futures)
        writing.join(0.1)
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()  # with a reset
    writing.join(90)
    assert futures[0].result(90) is None
    assert failures
    assert isinstance(futures[-1].exception(90), Disconnected)
    writer.close()


def test_what_is_awaited_fails_when_the_connection_breaks_though_no_more_is_written(server: socket.socket) -> None:
    """Nobody is about to write, who would find out that it is gone."""
    writer, other = connected(server)
    is_full = False
    while not is_full:  # until the other end has no room
        last = writer.write(b"x" * 5000)
        is_full = not concurrent.futures.wait([last], 2).done
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()  # with a reset
    assert isinstance(last.exception(90), Disconnected)
    writer.close()


def tend_until(writer: Writer, end: float) -> None:
    while time.monotonic() < end:
        writer.tend()


@pytest.mark.parametrize("how", ["shutdown", "close"])
def test_a_connection_that_the_other_end_has_closed_is_not_written_to(server: socket.socket, how: str) -> None:
    writer, other = connected(server)
    other.shutdown(socket.SHUT_WR) if how == "shutdown" else other.close()
    end = time.monotonic() + 90
    with pytest.raises(Disconnected):
        tend_until(writer, end)
    with pytest.raises(Disconnected):
        writer.write(b"one")
    writer.close()
    other.close()


def test_what_the_other_end_says_is_passed_over(server: socket.socket) -> None:
    writer, other = connected(server)
    with other:
        other.sendall(b"welcome")
        assert writer.write(b"one").result(90) is None
    writer.close()


def test_with_tls_too(server: socket.socket, tmp_path: Path) -> None:
    keys = Certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys.pair("server"))
    got: list[bytes] = []

    def serve() -> None:
        with context.wrap_socket(server.accept()[0], server_side=True) as accepted:
            accepted.settimeout(30)
            while data := accepted.recv(1 << 16):
                got.append(data)

    serving = threading.Thread(target=serve)
    serving.start()
    trusting = ssl.create_default_context(cafile=keys.ca)
    made = encrypted(dial("127.0.0.1", server.getsockname()[1]), trusting, "localhost", "authorities")
    writer = Writer(made)
    futures = [writer.write(b"x" * 100_000) for _ in range(10)]
    assert [future.result(90) for future in futures] == [None] * 10
    writer.close()
    serving.join(90)
    assert b"".join(got) == b"x" * 1_000_000


def test_a_certificate_that_is_not_trusted_is_said_at_its_option(server: socket.socket, tmp_path: Path) -> None:
    keys = Certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys.pair("server"))

    def serve() -> None:
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(server.accept()[0], server_side=True)

    serving = threading.Thread(target=serve)
    serving.start()
    foreign = ssl.create_default_context(cafile=keys.foreign_ca)
    with pytest.raises(Misconfigured) as caught:
        encrypted(dial("127.0.0.1", server.getsockname()[1]), foreign, "localhost", "authorities")
    serving.join(90)
    assert caught.value.option == "authorities"


def handshake_with(server: socket.socket, keys: Certificates, serve: ServeTls) -> ssl.SSLSocket:
    """The client's side of a handshake; ``serve`` has the connection and the server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys.pair("server"))
    serving = threading.Thread(target=lambda: serve(server.accept()[0], context))
    serving.start()
    trusting = ssl.create_default_context(cafile=keys.ca)
    try:
        return encrypted(dial("127.0.0.1", server.getsockname()[1]), trusting, "localhost", "ca")
    finally:
        serving.join(90)


def test_a_server_that_gives_no_tickets_is_written_to(
    server: socket.socket, tmp_path: Path
) -> None:
    accepted: list[ssl.SSLSocket] = []

    def serve(connection: socket.socket, context: ssl.SSLContext) -> None:
        context.num_tickets = 0
        accepted.append(context.wrap_socket(connection, server_side=True))

    writer = Writer(handshake_with(server, Certificates(tmp_path), serve))
    assert writer.write(b"one").result(90) is None
    assert accepted[0].recv(3) == b"one"
    accepted[0].close()
    writer.close()


def test_a_server_that_ends_the_connection_behind_the_handshake_is_no_target(
    server: socket.socket, tmp_path: Path
) -> None:
    def serve(connection: socket.socket, context: ssl.SSLContext) -> None:
        context.num_tickets = 0
        context.wrap_socket(connection, server_side=True).close()

    with pytest.raises(Disconnected, match="ended the connection at the handshake"):
        handshake_with(server, Certificates(tmp_path), serve)


def test_a_server_that_does_not_speak_tls_is_said_to_be_one(
    server: socket.socket, tmp_path: Path
) -> None:
    def serve(connection: socket.socket, context: ssl.SSLContext) -> None:
        with connection, contextlib.suppress(ConnectionError):
            connection.recv(1)
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 16):
                pass

    with pytest.raises(Disconnected, match="TLS failed: the server does not speak TLS here"):
        handshake_with(server, Certificates(tmp_path), serve)


def test_a_server_that_says_nothing_at_the_handshake_is_asked_about(server: socket.socket) -> None:
    made = dial("127.0.0.1", server.getsockname()[1], patience=0.2)
    with pytest.raises(Disconnected, match="does it speak TLS on this port"):
        encrypted(made, ssl.create_default_context(), "localhost", "ca")


@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-host.invalid"])
def test_who_cannot_be_reached_is_waited_for(host: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Disconnected):
            dial(host, unused.getsockname()[1])
