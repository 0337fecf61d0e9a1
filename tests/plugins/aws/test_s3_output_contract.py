"""The contract of outputs, shown with the output s3 and moto behind a proxy."""
from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from servers import aws
from servers.aws_bucket import Bucket
from servers.proxy import Proxy

from penstock.testing.connectors import OutputContract


def place(key: str) -> tuple[str, int]:
    """Of a key: the run that it is of, and its number there."""
    parts = key.rpartition("/")[2].split(".")
    return parts[2], int(parts[5].removeprefix("part"))


class Target:
    """A bucket behind a proxy. Objects of one run are in the order of their numbers, runs in the order in which they are seen."""

    def __init__(self, server: Any, proxy: Proxy) -> None:
        self._proxy = proxy
        self.bucket = Bucket(server.port)
        self._lock, self._next = threading.Lock(), 0.0
        self._runs: list[str] = []
        proxy.refuse()
        self.environment = {"PORT": str(proxy.port), "BUCKET": self.bucket.name}

    def start(self) -> None:
        self._proxy.refuse(False)

    def stop(self) -> None:
        self._proxy.refuse()

    def received(self) -> list[str]:
        with self._lock:
            time.sleep(max(0.0, self._next - time.monotonic()))  # who asks all the time takes the server's time
            keys = self.bucket.keys()
            self._runs += sorted({place(key)[0] for key in keys} - set(self._runs))
            keys.sort(key=lambda key: (self._runs.index(place(key)[0]), place(key)[1]))
            lines = b"".join(self.bucket.get(key) for key in keys).decode().splitlines()
            self._next = time.monotonic() + 0.2
            return lines

    def answer(self, kind: str, *values: Any) -> None:
        if kind == "break":
            self._proxy.cut()


NEVER = "files on the disk take all events; what S3 says to an upload is the business of the upload: see test_s3_output"


class TestOutputS3(OutputContract):
    config = (
        f's3 {{ bucket => "${{BUCKET}}" endpoint => "http://127.0.0.1:${{PORT}}" region => "{aws.REGION}" size_file => 2000 time_file => 0.01'
        ' codec => line { format => "%{message}" } upload_workers_count => 1 }'
    )
    wrong = f's3 {{ bucket => "nothing-is-here" endpoint => "http://127.0.0.1:${{PORT}}" region => "{aws.REGION}" }}'
    wrong_option = "bucket"
    absent: ClassVar[Mapping[str, str]] = {
        "a_busy_target_is_left_alone_for_as_long_as_it_says": NEVER,
        "refused_items_are_named_by_their_index": NEVER,
    }
    servers: ClassVar[tuple[Any, Proxy]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _servers(cls, moto: Any, moto_front: Proxy) -> None:
        cls.servers = moto, moto_front

    def server(self, directory: Path) -> Target:
        return Target(*self.servers)


del OutputContract  # pytest would take it for a test of its own
