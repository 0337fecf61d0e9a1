"""What is said of a server that is away, or that asks for no password: in words, with its address."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
import redis
from servers.process import free_ports

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.clients.redis import asked
from penstock.plugins.errors import Disconnected, Misconfigured
from penstock.plugins.output import Output


def test_a_server_that_is_away_is_named_by_its_address() -> None:
    (port,) = free_ports()
    with pytest.raises(Disconnected) as found:
        asked(redis.Redis("127.0.0.1", port).ping)
    assert str(found.value) == f"127.0.0.1 port {port}: Connection refused"


def test_a_password_that_the_server_does_not_ask_for_is_to_be_removed(server: Any) -> None:
    with pytest.raises(Misconfigured) as found:
        asked(redis.Redis("127.0.0.1", server.port, password="any", protocol=2).ping)
    assert found.value.option == "password"
    assert found.value.reason == "the server asks for no password"
    assert found.value.help == "remove `password`"


@pytest.mark.parametrize(
    ("greeting", "said"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the server does not speak Redis' protocol; is this its port?"),
        (b"", "127.0.0.1 port {port}: Connection reset by peer; if the port is for TLS, set `ssl_enabled`"),
    ],
    ids=["another protocol", "a reset"],
)
def test_what_is_not_redis_is_said_in_words(greeting: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        threading.Thread(target=_answer_once, args=(listening, greeting), daemon=True).start()
        with pytest.raises(Disconnected) as found:
            _made(port).connect()
    assert str(found.value) == said.format(port=port)


def _answer_once(listening: socket.socket, greeting: bytes) -> None:
    made, _ = listening.accept()
    with made:
        made.recv(1)  # the rest is not read: closing resets the connection
        made.sendall(greeting)


def _made(port: int) -> Output:
    text = f'output {{ redis {{ host => "127.0.0.1" port => {port} data_type => list key => "some" }} }}'
    assembly = assemble([Source("example.conf", text)], settled(None))
    (made,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(made, Output)
    made.open()
    return made
