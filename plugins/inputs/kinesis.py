"""The input kinesis: a stream of Kinesis, shared with other processes by leases in DynamoDB.

The parts: ``_kinesis_options``, ``_kinesis_worker`` (leases and what is done by them),
``_kinesis_leases`` (the table), ``_kinesis_balance`` (who takes which), ``_kinesis_shards`` (which
there are), ``_kinesis_reader`` (one shard), ``_kinesis_places`` and ``_kinesis_records``.
"""

from __future__ import annotations

import fnmatch
import re
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..batch import Batch, Position
from ..clients.aws import Aws
from ..codec import Codec
from ..contract import Disconnected, Input, Misconfigured, Outcome, Retry
from ._consumer_names import ConsumerName
from ._kinesis_leases import LeaseTable
from ._kinesis_options import KinesisOptions, manner_of, settings_of
from ._kinesis_reader import Stream
from ._kinesis_worker import Worker

_SHORTEST_TIMEOUT = 2.0
_NAMES = {
    "kinesis_stream_name": "[a-zA-Z0-9_.-]{1,128}",
    "application_name": "[a-zA-Z0-9_.-]{3,255}",
}
_CHUNKS = 4
"""How many chunks' worth of bytes a batch has."""


class Kinesis(KinesisOptions, Input, name="kinesis"):
    """Read a stream of Kinesis, alone or together with other processes.

    Processes with one `application_name` share the shards of a stream, by leases in a table of
    DynamoDB: each takes its share, one that dies is noticed when its leases are not renewed, and
    one that comes asks the others for some, which they hand over when what they had read is
    delivered. What every output has is noted in the table, and no further; after a crash, what was
    not noted is read again. When a shard is split or merged, its children are read when all of it
    was delivered, so that the events of one partition key stay in order.

    Each record goes through the codec; records that Amazon's producer library packed into one are
    unpacked. `[@metadata]` has `approximate_arrival_timestamp` (milliseconds), `partition_key` and
    `sequence_number`, as in Logstash, and `[@metadata][kinesis]` has `stream`, `shard_id` and, of
    what was packed, `sub_sequence_number`.

    The figures `millis_behind_latest` (of the shard that is furthest behind), `partitions` (how
    many shards are read here) and `throttled` are metrics of the input.

    Differs from Logstash: nothing is sent to CloudWatch, and of `additional_settings` only those
    have an effect that are named there. The table has the layout of Logstash's, so that a pipeline
    goes on where Logstash stopped.
    """

    replays = True
    exclusive = True
    grouped = True

    _worker: Worker | None = None
    _name: ConsumerName | None = None

    def prepare(self) -> None:
        self._settings = settings_of(self, self)
        self._aws = Aws(self, self, self._settings.client)
        self._manner = manner_of(self, self._settings)
        self._codec = self.new_codec()
        self._woken = threading.Event()
        self._delivered: dict[str, str] = {}  # and not noted, while there is no connection
        for option, name in _NAMES.items():
            given = getattr(self, option)
            if not re.fullmatch(name, given):
                message = f"`{given}` is not a valid name: it must match {name}"
                self.problem(option, message, f'write {option} => "name"')

    def decoder(self) -> Codec | None:
        return self._codec

    def connect(self) -> None:
        old, self._worker = self._worker, None
        if old is not None:
            self._delivered = old.delivered()
        name = self._named()
        try:
            worker = self._made(name.name, frozenset(name.abandoned()), self._delivered)
            worker.start()
        except Retry as error:
            raise Disconnected(str(error), error.after) from error
        self._worker, self._delivered = worker, {}

    def _made(self, name: str, dead: frozenset[str], delivered: Mapping[str, str]) -> Worker:
        settings = self._settings
        dynamo = self.dynamodb_endpoint and str(self.dynamodb_endpoint)
        client = self.client("dynamodb", dynamo or settings.texts.get("dynamo_db_endpoint"))
        called = settings.texts.get("table_name", self.application_name)
        table = LeaseTable(self._aws, client, called, name, settings.capacity)
        stream = Stream(
            self._aws,
            self.client("kinesis", settings.texts.get("kinesis_endpoint")),
            self.kinesis_stream_name,
            settings.idle,
            settings.busy,
            settings.numbers["max_records"] or None,
            self.context.metrics,
            self.context.log,
        )
        return Worker(self, table, stream, self._manner, dead, delivered)

    def client(self, service: str, endpoint: str | None = None) -> Any:
        """A client of a service, by the proxy unless its host is excepted."""
        own = self.endpoint and str(self.endpoint)
        host = urlsplit(endpoint or own or f"//{service}.{self.region}.amazonaws.com").hostname
        proxies: dict[str, Any] = {}
        if self.http_proxy is not None and not self._is_excepted(host or ""):
            proxy = str(self.http_proxy)
            proxies = {"proxies": {"http": proxy, "https": proxy}}
        # A request that hangs must not cost the leases, which are renewed between two of them.
        timeout = max(_SHORTEST_TIMEOUT, self._manner.failover / 2)
        timeouts = {"connect_timeout": timeout, "read_timeout": timeout}
        return self._aws.client(service, endpoint, **timeouts, **proxies)

    def _is_excepted(self, host: str) -> bool:
        """Whether a host is reached without the proxy."""
        patterns = (self.non_proxy_hosts or "").split("|")
        return any(fnmatch.fnmatchcase(host, pattern.strip()) for pattern in patterns if pattern)

    def _named(self) -> ConsumerName:
        if self._name is None:
            directory = self.context.data_directory / "kinesis"
            source = self.region, self.endpoint, self.kinesis_stream_name, self.application_name
            try:
                self._name = ConsumerName(directory, "", socket.gethostname(), *map(str, source))
            except OSError as error:
                reason = f"no name can be kept in `{directory}`: {error.strerror or error}"
                raise Misconfigured("application_name", reason, "check path.data") from error
        return self._name

    def partition_counts(self) -> Mapping[str, int]:
        if self._worker is None:
            return {}
        count = sum(shard.is_open for shard in self._worker.shards)
        return {self.kinesis_stream_name: count}

    def resume(self, positions: Mapping[str, Position]) -> None:
        assert self._worker is not None
        self._worker.resume = dict(positions)

    def read(self, timeout: float) -> Batch | None:
        worker, end = self._worker, time.monotonic() + timeout
        if worker is None:
            raise Disconnected("not connected")
        while True:
            worker.look()
            batch = worker.read(_CHUNKS * self.chunk_bytes)
            if batch is not None:
                return batch
            now = time.monotonic()
            if self._woken.wait(max(0.0, min(worker.due, end) - now)) or now >= end:
                self._woken.clear()
                return None

    def wake(self) -> None:
        self._woken.set()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        if self._worker is not None:
            self._worker.settle(outcomes, behind)

    def tend(self, timeout: float) -> None:
        if self._worker is not None:
            self._worker.look()

    def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()
        name, self._name = self._name, None
        if name is not None:
            name.release()
