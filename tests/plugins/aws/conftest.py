"""AWS' emulators for these tests: one of each for the whole run, and queues, topics and buckets of a test's own."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from servers import aws
from servers.packages import require
from servers.proxy import Proxy
from servers.shared import shared


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of the environment, for the processes of a test as well."""
    for name, value in aws.KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def elasticmq() -> Any:
    """See ``servers.aws.elasticmq``."""
    require("elasticmq")
    return shared("elasticmq", aws.elasticmq)


@pytest.fixture(scope="session")
def moto() -> Any:
    """See ``servers.aws.moto``."""
    require("moto")
    return shared("moto", aws.moto)


@pytest.fixture(scope="module")
def front(elasticmq: Any) -> Iterator[Proxy]:
    with Proxy(elasticmq.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def moto_front(moto: Any) -> Iterator[Proxy]:
    with Proxy(moto.port) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def asking() -> Any:
    """A moto that looks at credentials: see ``servers.aws.asking``."""
    require("moto")
    return shared("asking-moto", aws.asking)
