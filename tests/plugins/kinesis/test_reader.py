"""Reading one shard where the service throttles, iterators expire and shards vanish, which no emulator does: a list answers in its place."""
from __future__ import annotations

import datetime as dt
import functools
import math
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError
from servers.kinesis_plugins import an_input

from penstock.plugins.batch import Batch
from penstock.plugins.clients.aws import Aws
from penstock.plugins.contract import Misconfigured, Retry
from penstock.plugins.inputs._kinesis_places import Place
from penstock.plugins.inputs._kinesis_reader import ShardReader, Stream

SHARD = "shardId-000000000000"


def refusal(code: str, message: str = "why") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "GetRecords")


class Service:
    """A shard of some records, numbered from 1; an iterator is the number of the next one. ``faults``: what is raised first.

    ``most``: how many records an answer has at most; ``ends``: the shard was closed.
    """

    def __init__(self, count: int, *faults: ClientError, most: int = 1000, ends: bool = False) -> None:
        self.count, self.faults, self._most, self._ends = count, list(faults), most, ends
        self.begun: list[Mapping[str, Any]] = []
        self.shards = [SHARD]

    def get_shard_iterator(self, **asked: Any) -> Any:
        if asked["ShardId"] not in self.shards:
            raise refusal("ResourceNotFoundException")
        place = {name: value for name, value in asked.items() if name not in ("StreamName", "ShardId")}
        if place.get("StartingSequenceNumber") == "4711":
            raise refusal("InvalidArgumentException", "it did not come from this stream")
        self.begun.append(place)
        starts = {"TRIM_HORIZON": 1, "LATEST": self.count + 1, "AT_TIMESTAMP": 1}
        kind, at = place["ShardIteratorType"], int(place.get("StartingSequenceNumber", 0))
        return {"ShardIterator": str(starts.get(kind, at + (kind == "AFTER_SEQUENCE_NUMBER")))}

    def get_records(self, **asked: Any) -> Any:
        if self.faults:
            raise self.faults.pop(0)
        first = int(asked["ShardIterator"])
        behind = min(self.count + 1, first + min(asked["Limit"], self._most))
        records = [record(number) for number in range(first, behind)]
        answer = {"Records": records, "MillisBehindLatest": 1000 * (self.count + 1 - behind)}
        return answer if self._ends and behind > self.count else {**answer, "NextShardIterator": str(behind)}

    def list_shards(self, **asked: Any) -> Any:
        return {"Shards": [{"ShardId": name, "SequenceNumberRange": {}} for name in [*self.shards, "shardId-000000000009"]]}


def record(number: int) -> dict[str, Any]:
    moment = dt.datetime.fromtimestamp(number, dt.UTC)
    return {"Data": b"x", "PartitionKey": "k", "SequenceNumber": str(number), "ApproximateArrivalTimestamp": moment}


START = Place("TRIM_HORIZON")


@functools.cache
def a_plugin() -> Any:
    return an_input('kinesis { kinesis_stream_name => "s" }')


def a_reader(service: Service, place: Place = START, first: Any = None, most: int | None = None) -> ShardReader:
    plugin = a_plugin()
    stream = Stream(Aws(plugin, plugin, {}), service, "s", 0.0, 0.0, most, plugin.context.metrics, plugin.context.log)
    return ShardReader(stream, SHARD, place, first or (lambda sequence: None))


def numbers(batch: Batch | None) -> list[int]:
    """Which records a batch has; its end is 0."""
    if batch is None:
        return []
    if batch.parts[0].state == "finished":
        return [0]
    assert batch.chunks is not None
    origins: Sequence[Any] = batch.chunks[0].origins or ()
    return [int(origin["@metadata"]["sequence_number"]) for origin in origins]


def test_a_batch_has_about_as_many_bytes_as_are_asked_for_and_a_position_behind_it() -> None:
    reader = a_reader(Service(5))
    batches = [reader.read(2), reader.read(2), reader.read(2)]
    assert [numbers(batch) for batch in batches] == [[1, 2], [3, 4], [5]]
    assert [batch.parts[0].position[0] for batch in batches if batch and batch.parts[0].position] == ["2", "4", "5"]
    assert reader.read(2) is None


def test_the_end_of_a_shard_is_told_once_behind_its_last_record() -> None:
    reader = a_reader(Service(2, ends=True))
    assert [numbers(reader.read(1)) for _ in range(4)] == [[1], [2], [0], []]
    assert reader.due == math.inf


def test_an_iterator_that_expired_is_had_anew_behind_the_last_record() -> None:
    service = Service(2)
    reader = a_reader(service, most=1)
    assert numbers(reader.read(9)) == [1]
    service.faults.append(refusal("ExpiredIteratorException"))
    assert [numbers(reader.read(9)), numbers(reader.read(9))] == [[], [2]]
    assert service.begun[-1] == {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": "1"}


def test_an_iterator_at_the_end_that_expired_leaves_nothing_out() -> None:
    """What came since reading began must not be skipped by beginning at the end once more."""
    service = Service(0, refusal("ExpiredIteratorException"))
    reader = a_reader(service, Place("LATEST"))
    reader.read(9)
    service.count = 3
    assert numbers(reader.read(9)) == [1, 2, 3]
    assert [place["ShardIteratorType"] for place in service.begun] == ["LATEST", "AT_TIMESTAMP"]


def test_the_first_record_behind_the_end_is_told_before_it_is_given_out() -> None:
    service, told = Service(1), list[str]()
    reader = a_reader(service, Place("LATEST"), told.append)
    assert reader.read(9) is None
    service.count = 3
    first = reader.read(9)
    assert (numbers(first), told) == ([2, 3], ["2"])
    assert first is not None
    reader.rewind([first.token])
    assert numbers(reader.read(9)) == [2, 3]


def test_records_whose_beginning_cannot_be_noted_yet_are_asked_for_again() -> None:
    """The table throttles: nothing of them was given out."""
    service, faults = Service(1), [Retry("slow down", after=0.0)]

    def note(sequence: str) -> None:
        if faults:
            raise faults.pop()

    reader = a_reader(service, Place("LATEST"), note)
    assert reader.read(9) is None
    service.count = 3
    assert reader.read(9) is None
    assert numbers(reader.read(9)) == [2, 3]


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "KMSThrottlingException", "InternalFailure"])
def test_a_shard_that_throttles_is_left_alone_for_a_while_and_nothing_else_is(code: str) -> None:
    service = Service(1, refusal(code))
    reader = a_reader(service)
    assert reader.read(9) is None
    assert reader.due > time.monotonic()
    assert numbers(reader.read(9)) == [1], "the next try goes on where it was"


def test_the_lag_is_what_the_service_says() -> None:
    reader = a_reader(Service(5), most=2)
    reader.read(9)
    assert reader.lag == 3000


def test_a_shard_that_the_stream_does_not_keep_any_more_ends(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(0)
    service.shards = []
    reader = a_reader(service, Place("AFTER_SEQUENCE_NUMBER", "5"))
    assert numbers(reader.read(9)) == [0]
    assert "has expired before all of it was read" in caplog.text


def test_a_checkpoint_of_another_stream_is_said_at_the_name_of_the_table() -> None:
    reader = a_reader(Service(0), Place("AFTER_SEQUENCE_NUMBER", "4711"))
    with pytest.raises(Misconfigured, match="is not one of this stream") as caught:
        reader.read(9)
    assert caught.value.option == "application_name"


@pytest.mark.parametrize("seed", range(30))
def test_batches_that_fail_in_any_order_are_given_again_with_all_behind_them(seed: int) -> None:
    """As the runtime settles them: a batch that fails takes all behind it with it."""
    chance = random.Random(seed)
    reader = a_reader(Service(40, most=7, ends=True))
    under_way: list[Batch] = []
    delivered: list[int] = []
    while not delivered or delivered[-1] != 0:
        batch = reader.read(chance.randrange(1, 5))
        if batch is not None:
            under_way.append(batch)
        if under_way and chance.random() < 0.3:
            at = chance.randrange(len(under_way))
            failed, under_way = under_way[at:], under_way[:at]
            reader.rewind([each.token for each in chance.sample(failed, len(failed))])
        while under_way and chance.random() < 0.3:
            delivered += numbers(under_way.pop(0))
    assert delivered == [*range(1, 41), 0]
