"""Redis for these tests: one server for the whole run, and a key of a test's own."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from servers import redis
from servers.packages import require
from servers.proxy import Proxy
from servers.shared import shared


@pytest.fixture(scope="session")
def server() -> Any:
    """See ``servers.redis.server``."""
    require("redis")
    return shared("redis", redis.server)


@pytest.fixture(scope="module")
def front(server: Any) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def client(server: Any) -> Iterator[Any]:
    with Redis(port=server.port, decode_responses=True, protocol=2) as made:
        yield made


@pytest.fixture
def key() -> str:
    return f"k-{uuid4().hex[:12]}"
