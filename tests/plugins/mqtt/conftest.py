"""Mosquitto for these tests: one server for the whole run, and topics of a test's own."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from servers import mosquitto
from servers.packages import require
from servers.proxy import Proxy
from servers.shared import shared


@pytest.fixture(scope="session")
def server() -> Any:
    """See ``servers.mosquitto.server``."""
    require("mosquitto")
    return shared("mosquitto", mosquitto.server)


@pytest.fixture(scope="module")
def front(server: Any) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def topic() -> str:
    return f"t/{uuid4().hex[:12]}"
