"""The contract of inputs, shown with the input s3 and moto behind a proxy: by listings, and by notifications."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from servers import aws
from servers.aws_bucket import Bucket
from servers.aws_queue import Queue
from servers.proxy import Proxy

from penstock.testing.connectors import InputContract


class Source:
    """A bucket behind a proxy; each ``put`` makes an object."""

    def __init__(self, server: Any, proxy: Proxy, is_notified: bool) -> None:
        self._proxy, self._count = proxy, 0
        self.bucket = Bucket(server.port)
        queue = Queue(server.port)
        if is_notified:
            self.bucket.notify(queue.arn)
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "BUCKET": self.bucket.name, "QUEUE": queue.name}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def put(self, messages: Sequence[str]) -> None:
        self._count += 1
        self.bucket.put(f"{self._count:06}.log", "".join(f"{message}\n" for message in messages))


WHERE = f'endpoint => "http://127.0.0.1:${{PORT}}" region => "{aws.REGION}"'


class S3(InputContract):
    is_notified: ClassVar[bool]
    flood = 4000
    flood_bytes = 4096
    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, moto: Any, moto_front: Proxy) -> None:
        cls.servers = moto, moto_front

    def server(self, directory: Path) -> Source:
        return Source(*self.servers, self.is_notified)


OF_LISTINGS = "objects are read alike however they were found: listings show it"
NO_CONNECTION = "each request is whole in itself: there is no connection between them that could break, and nothing is given again for it"


class TestListed(S3):
    is_notified = False
    absent: ClassVar[Mapping[str, str]] = {"tokens_of_an_older_connection_are_ignored": NO_CONNECTION}
    config = f's3 {{ bucket => "${{BUCKET}}" {WHERE} interval => 0.2 cutoff_second => 0 }}'
    wrong = f's3 {{ bucket => "nothing-is-here" {WHERE} }}'
    wrong_option = "bucket"


@pytest.mark.servers
class TestNotified(S3):
    is_notified = True
    config = f's3 {{ queue => "${{QUEUE}}" {WHERE} visibility_timeout => 6 }}'
    full_steps = 9
    wrong = f's3 {{ queue => "nothing-is-here" {WHERE} }}'
    wrong_option = "queue"
    absent: ClassVar[Mapping[str, str]] = {
        "memory_is_bounded_while_the_target_hangs": OF_LISTINGS,
        "a_reload_that_leaves_the_input_loses_and_repeats_nothing": OF_LISTINGS,
        "a_server_that_dies_in_the_middle_loses_nothing": OF_LISTINGS,
    }


del InputContract, S3  # pytest would take them for tests of their own
