"""RabbitMQ for these tests: one server for the whole run, and a queue of a test's own."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from servers import rabbitmq
from servers.packages import require
from servers.proxy import Proxy
from servers.rabbitmq_queues import Client
from servers.shared import shared


@pytest.fixture(scope="session")
def server() -> Any:
    """See ``servers.rabbitmq.server``."""
    require("rabbitmq")
    return shared("rabbitmq", rabbitmq.server)


@pytest.fixture(scope="module")
def front(server: Any) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with Client(server.port) as made:
        yield made


@pytest.fixture
def queue() -> str:
    return f"q-{uuid4().hex[:12]}"
