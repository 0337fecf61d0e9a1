"""Kafka for these tests: one node for the whole run, a proxy that is all of it, topics of a test's own."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servers import kafka
from servers.kafka_topics import Topic
from servers.packages import require
from servers.proxy import Proxy
from servers.shared import run_directory, shared


@pytest.fixture(scope="session")
def broker() -> Any:
    """A node with listeners for each way to log in; see ``servers.kafka.server``."""
    require("kafka")
    return shared("kafka", kafka.server)


@pytest.fixture(scope="module")
def front(broker: Any) -> Iterator[Proxy]:
    """A proxy that is the whole cluster for its clients."""
    with kafka.proxied(broker, run_directory()) as proxy:
        yield proxy


@pytest.fixture
def make_topic(broker: Any) -> Callable[..., Topic]:
    return lambda partitions=2, **settings: Topic(broker.address, partitions, **settings)
