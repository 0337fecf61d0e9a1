"""The input unix: lines over UNIX sockets, whoever makes them, and sockets that others left behind."""
from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.plugins.errors import Misconfigured

Listen = Callable[..., Any]


def dial(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(30)
    made.connect(str(path))
    return made


@pytest.mark.parametrize("mode", ["v8", "disabled"])
def test_lines_become_events(listen: Listen, tmp_path: Path, mode: str) -> None:
    path = tmp_path / "socket"
    served = listen(f'unix {{ path => "{path}" ecs_compatibility => {mode} }}')
    with dial(path) as made:
        made.sendall(b"one\ntwo")
    assert served.messages(2) == ["one", "two"]
    host, event = socket.gethostname(), served.events[0]
    if mode == "v8":
        assert (event["host"], event["file"]) == ({"name": host}, {"path": str(path)})
    else:
        assert (event["host"], event["path"]) == (host, str(path))


def test_a_stop_takes_its_socket_away(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listen(f'unix {{ path => "{path}" }}').stop()
    assert not path.exists()


def test_a_socket_that_nobody_serves_is_replaced(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    served = listen(f'unix {{ path => "{path}" }}')
    with dial(path) as made:
        made.sendall(b"one\n")
        assert served.messages(1) == ["one"]


@pytest.mark.parametrize(("forced", "is_taken"), [("false", False), ("true", True)])
def test_a_socket_that_another_serves_is_taken_where_that_is_wanted(listen: Listen, tmp_path: Path, forced: str, is_taken: bool) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        served = listen(f'unix {{ path => "{path}" force_unlink => {forced} }}')
        served.until(lambda: served.failures or is_taken)
        if is_taken:
            assert not served.failures
            return
        (failure,) = served.failures
    assert isinstance(failure, Misconfigured)
    assert (failure.option, "force_unlink" in failure.help) == ("path", True)


def test_a_file_is_never_replaced(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("kept")
    served = listen(f'unix {{ path => "{path}" force_unlink => true }}')
    assert isinstance(served.failures[0], Misconfigured)
    assert path.read_text() == "kept"


def test_a_connection_that_says_nothing_is_closed(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    listen(f'unix {{ path => "{path}" data_timeout => 0.1 }}')
    with dial(path) as made:
        assert made.recv(1) == b""


def test_as_a_client_it_waits_for_the_socket_and_connects_again(listen: Listen, tmp_path: Path) -> None:
    path = tmp_path / "socket"
    served = listen(f'unix {{ path => "{path}" mode => client socket_not_present_retry_interval_seconds => 0.05 }}')
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server, contextlib.ExitStack() as opened:
        server.settimeout(30)
        server.bind(str(path))
        server.listen()
        for number in (1, 2):
            made = opened.enter_context(server.accept()[0])
            made.sendall(b"%d\n" % number)
            made.close()
        assert served.messages(2) == ["1", "2"]
