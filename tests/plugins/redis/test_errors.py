"""What is said of a server that is away, or that asks for no password: in words, with its address."""

from __future__ import annotations

from typing import Any

import pytest
import redis
from servers.process import free_ports

from penstock.plugins.clients.redis import asked
from penstock.plugins.errors import Disconnected, Misconfigured


def test_a_server_that_is_away_is_named_by_its_address() -> None:
    (port,) = free_ports()
    with pytest.raises(Disconnected) as found:
        asked(redis.Redis("127.0.0.1", port).ping)
    assert str(found.value) == f"127.0.0.1 port {port}: Connection refused"


def test_a_password_that_the_server_does_not_ask_for_is_to_be_taken_out(server: Any) -> None:
    with pytest.raises(Misconfigured) as found:
        asked(redis.Redis("127.0.0.1", server.port, password="any", protocol=2).ping)
    assert found.value.option == "password"
    assert found.value.help == "the server has none: take it out"
