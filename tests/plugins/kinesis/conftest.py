"""Kinesis and DynamoDB for these tests: emulators for the whole run, a proxy before each, and streams of a test's own."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servers import kinesis
from servers.kinesis import Stream
from servers.packages import require
from servers.proxy import Proxy
from servers.shared import shared


@pytest.fixture(scope="session")
def server() -> Any:
    """See ``servers.kinesis.server``."""
    require("kinesis")
    return shared("kinesis", kinesis.server)


@pytest.fixture(scope="module")
def fronts(server: Any) -> Iterator[tuple[Proxy, Proxy]]:
    """A proxy before Kinesis, and one before DynamoDB."""
    with Proxy(server.kinesis) as streams, Proxy(server.dynamo) as tables:
        yield streams, tables


@pytest.fixture
def make_stream(server: Any) -> Callable[..., Stream]:
    return lambda shards=2: Stream(server, shards)
