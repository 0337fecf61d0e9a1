"""What is said of a request without an answer: real failures, in words instead of a library's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import urllib3
from servers.process import free_ports

from penstock.plugins.clients.http_failures import failure_of


@pytest.fixture
def listening() -> Iterator[Callable[[bool], int]]:
    """Gives the port of a server that ends each connection, or never answers."""
    made: list[socket.socket] = []

    def serve(ends: bool) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        made.append(server)
        if ends:
            threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        return int(server.getsockname()[1])

    yield serve
    for server in made:
        server.close()


def said(url: str, proxy: str | None = None, retries: int = 0) -> str:
    manager = urllib3.PoolManager() if proxy is None else urllib3.ProxyManager(proxy)
    with pytest.raises(urllib3.exceptions.HTTPError) as found:
        manager.request("GET", url, retries=urllib3.Retry(retries) if retries else False, timeout=1)
    return str(failure_of(found.value))


@pytest.mark.parametrize("retries", [0, 1])
def test_a_server_that_is_away(retries: int) -> None:
    (port,) = free_ports()
    assert said(f"http://127.0.0.1:{port}/", retries=retries) == f"127.0.0.1 port {port}: Connection refused"


def test_a_name_that_nobody_has() -> None:
    assert said("http://nowhere.invalid/").startswith("`nowhere.invalid` cannot be resolved: ")


def test_a_connection_that_ends(listening: Callable[[bool], int]) -> None:
    assert said(f"http://127.0.0.1:{listening(True)}/").startswith("the connection ended before the answer: ")


def test_a_server_that_does_not_answer(listening: Callable[[bool], int]) -> None:
    port = listening(False)
    assert said(f"http://127.0.0.1:{port}/") == f"127.0.0.1 port {port}: no answer in time"


def test_a_proxy_that_is_away() -> None:
    (port,) = free_ports()
    assert said("http://example.invalid/", f"http://127.0.0.1:{port}") == f"the proxy: 127.0.0.1 port {port}: Connection refused"


def test_a_server_of_another_protocol_is_quoted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_greet, args=(listening,), daemon=True).start()
        found = said(f"http://127.0.0.1:{listening.getsockname()[1]}/")
    assert found == "the server does not speak HTTP; it says: SSH-2.0-OpenSSH_9.2"


def _greet(listening: socket.socket) -> None:
    made, _ = listening.accept()
    with made:
        made.recv(1 << 16)
        made.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
