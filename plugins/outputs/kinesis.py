"""The output kinesis: events as records of a stream, many in a request.

The parts: ``_kinesis_options``, and ``_kinesis_requests`` (what goes into which request, and what
the answers mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4
from zlib import crc32

from ...dsl.reference import Event
from ..batch import Payload
from ..clients.aws import Aws
from ..contract import Batching, Disconnected, Output, Retry
from ..declaration import Duration, option
from ._kinesis_options import ProducerOptions, endpoint_of
from ._kinesis_requests import Entry, Limits, cut, deliver

_MOST, _BYTES = 500, 5 << 20
_LONGEST_KEY = 256
_NO_KEY = "-"


class Kinesis(ProducerOptions, Output, name="kinesis"):
    """Write events to a stream of Kinesis, each as a record.

    Up to 500 records or 5 MiB go in one request, and four requests may be under way at once.
    Kinesis answers for each record: those that it throttles are tried until it takes them, and an
    event of more than 1 MiB, with its partition key, is a dead letter.

    The partition key says to which shard an event goes: it is `partition_key`, with fields of the
    event, or made of the first of `event_partition_keys` that is not empty, as `-value`, or random.
    Without any of them all events have the key `-`, and go to one shard, as in Logstash. Where
    fields of events make the key, the order of the events of one key is kept (see `ordered`).

    Differs from Logstash: Amazon's producer library is not used, so that events are not packed into
    larger records, do not expire (`record_ttl`), and figures are metrics of Penstock and not of
    CloudWatch. `partition_key`, `ordered` and the options that other plugins of AWS have are
    additions.
    """

    default_codec = "json"
    batching = Batching(bytes=_BYTES, events=_MOST)

    max_in_flight: int = option(
        "How many requests may be under way at once; the order of the events of one partition key"
        " is kept where `ordered` is true.",
        default=4,
        at_least=1,
        common=True,
    )

    _client: Any = None

    def prepare(self) -> None:
        self._adopt_old_names()
        verify = {} if self.verify_certificate else {"ssl_verify_peer": False}
        self._aws = Aws(self, self, {**verify, **self.additional_settings})
        self._encode = self.new_codec().encode_messages
        has_keys = self.partition_key is not None or bool(self.event_partition_keys)
        if self.partition_key is not None and self.event_partition_keys:
            message = "`partition_key` and `event_partition_keys` exclude each other"
            self.problem("partition_key", message, "remove one of them")
        if self.randomized_partition_key and self.partition_key is not None:
            message = "`partition_key` and `randomized_partition_key` exclude each other"
            self.problem("partition_key", message, "remove one of them")
        if not self.stream_name:
            self.problem("stream_name", "`stream_name` is empty", 'write stream_name => "name"')
        is_keyed = has_keys and not self.randomized_partition_key
        self._is_ordered = is_keyed if self.ordered is None else self.ordered
        self._limits = Limits(min(self.collection_max_count, _MOST), self._most_bytes())

    def _most_bytes(self) -> int:
        return min(self.collection_max_size, _BYTES)

    def _adopt_old_names(self) -> None:
        """What is given by the names of the plugin for Logstash."""
        if self.access_key and self.secret_key:
            self.access_key_id, self.secret_access_key = self.access_key, self.secret_key
        elif self.access_key or self.secret_key:
            name = "access_key" if self.access_key else "secret_key"
            message = "`access_key` and `secret_key` require each other"
            self.problem(name, message, "give both")
        if "max_in_flight" not in self.given:
            self.max_in_flight = self.max_connections
        if "record_max_buffered_time" in self.given and self.batch_age is None:
            self.batch_age = Duration(self.record_max_buffered_time / 1000)

    def connect(self) -> None:
        self._client = None
        client = self._aws.client(
            "kinesis",
            endpoint_of(self),
            connect_timeout=self.connect_timeout / 1000,
            read_timeout=self.request_timeout / 1000,
            max_pool_connections=max(10, self.max_in_flight),
        )
        try:
            found = self._aws.asked(
                "stream_name", client.describe_stream_summary, StreamName=self.stream_name
            )
        except Retry as error:
            raise Disconnected(str(error), error.after) from error
        status = found["StreamDescriptionSummary"]["StreamStatus"]
        if status in ("CREATING", "DELETING"):
            raise Disconnected(f"the stream `{self.stream_name}` is {status}")
        self._client = client

    def pack(self, events: list[Event]) -> list[Payload]:
        data: list[bytes] = self._encode(events)
        entries = [(self._key(event), each) for event, each in zip(events, data, strict=True)]
        return [
            self._payload(lane, indexes, entries, events)
            for lane, all_of in self._lanes(entries).items()
            for indexes in cut(entries, all_of, self._limits)
        ]

    def _lanes(self, entries: Sequence[Entry]) -> dict[int | None, Sequence[int]]:
        """The indexes of entries by lane: where order is kept, all of a key are in one."""
        if not self._is_ordered:
            return {None: range(len(entries))}
        lanes: dict[int | None, list[int]] = {}
        for index, (key, _) in enumerate(entries):
            lanes.setdefault(crc32(key.encode()) % self.max_in_flight, []).append(index)
        return dict(lanes)

    def _payload(
        self,
        lane: int | None,
        indexes: Sequence[int],
        entries: Sequence[Entry],
        events: Sequence[Event],
    ) -> Payload:
        data = [list(entries[index]) for index in indexes]
        return Payload(data, [events[index] for index in indexes], lane)

    def _key(self, event: Event) -> str:
        if self.partition_key is not None:
            key = self.partition_key.render(event)
        elif self.randomized_partition_key:
            return uuid4().hex
        else:
            key = self._key_of_fields(event)
        return key[:_LONGEST_KEY] or _NO_KEY

    def _key_of_fields(self, event: Event) -> str:
        for field in self.event_partition_keys:
            value = field.get(event)
            if value not in (None, "", [], {}):
                return f"-{value}"
        return _NO_KEY

    def deliver(self, payload: Payload) -> None:
        client, entries = self._client, payload.data
        if client is None:
            raise Disconnected("not connected")

        def send(indexes: Sequence[int]) -> Sequence[Any]:
            records = [{"PartitionKey": entries[i][0], "Data": entries[i][1]} for i in indexes]
            answer = self._aws.asked(
                "stream_name", client.put_records, StreamName=self.stream_name, Records=records
            )
            answers: Sequence[Any] = answer["Records"]
            return answers

        deliver(entries, self._is_ordered, self._limits, send)

    def close(self) -> None:
        self._client = None
