"""The table of leases: each change asks that the lease is as it was known, so that who lost it can note nothing."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from servers.kinesis import Stream
from servers.kinesis_plugins import an_input

from penstock.pipeline.runtime.reader import Reader
from penstock.plugins.batch import Position
from penstock.plugins.clients.aws import Aws
from penstock.plugins.contract import Disconnected, Outcome
from penstock.plugins.inputs._kinesis_leases import Lease, LeaseTable
from penstock.plugins.inputs._kinesis_places import Place


class Table:
    """A table with a lease, as several processes see it."""

    def __init__(self, stream: Stream, shard: str = "shard") -> None:
        self._stream = stream
        plugin = an_input(stream.input())
        self._aws, self._client = Aws(plugin, plugin, {}), stream.table
        self.of("anybody").ensure(threading.Event())
        self.of("anybody").create(shard, "TRIM_HORIZON", ("parent", "other"))

    def of(self, worker: str) -> LeaseTable:
        return LeaseTable(self._aws, self._client, self._stream.name, worker, None)

    @property
    def lease(self) -> Lease:
        (lease,) = self.of("anybody").all()
        return lease


@pytest.fixture
def table(make_stream: Callable[..., Stream]) -> Table:
    return Table(make_stream(1))


def taken(table: Table, worker: str) -> Lease:
    lease = table.of(worker).take(table.lease)
    assert lease is not None
    return lease


def test_a_lease_is_made_once(table: Table) -> None:
    table.of("a").create("shard", "LATEST", ())
    assert table.lease == Lease("shard", None, 0, "TRIM_HORIZON", 0, ("other", "parent"))


def test_of_two_that_take_it_one_has_it(table: Table) -> None:
    free = table.lease
    assert table.of("a").take(free) is not None
    assert table.of("b").take(free) is None
    assert table.lease.owner == "a"


CHANGES: dict[str, Callable[[LeaseTable, Lease], Any]] = {
    "renew it": lambda table, lease: table.renew(lease),
    "note anything": lambda table, lease: table.checkpoint(lease, "17"),
    "note its end": lambda table, lease: table.checkpoint(lease, "SHARD_END"),
    "note where it began": lambda table, lease: table.note_start(lease, Place("AT_SEQUENCE_NUMBER", "17")),
    "let it go": lambda table, lease: table.release(lease),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_who_has_lost_it_cannot(change: Callable[[LeaseTable, Lease], Any], table: Table) -> None:
    old = taken(table, "a")
    taken(table, "b")
    before = table.lease
    assert change(table.of("a"), old) is None
    assert table.lease == before


def test_two_processes_of_one_name_fence_each_other_as_well(table: Table) -> None:
    old = taken(table, "a")
    taken(table, "a")
    assert table.of("a").checkpoint(old, "17") is None


def test_a_checkpoint_renews_and_an_end_lets_go(table: Table) -> None:
    lease = table.of("a").checkpoint(taken(table, "a"), "17")
    assert lease is not None
    assert (lease.checkpoint, lease.owner, lease.counter) == ("17", "a", 2)
    ended = table.of("a").checkpoint(lease, "SHARD_END")
    assert ended is not None
    assert (ended.has_ended, ended.owner) == (True, None)
    table.of("b").delete(ended)
    assert table.of("b").all() == []


def test_a_lease_that_has_not_ended_is_not_deleted(table: Table) -> None:
    table.of("a").delete(table.lease)
    assert table.lease.key == "shard"


def test_it_is_handed_over_to_who_asked_first(table: Table) -> None:
    lease = taken(table, "a")
    table.of("b").ask_for(lease)
    table.of("c").ask_for(lease)
    renewed = table.of("a").renew(lease)
    assert renewed is not None
    assert renewed.wanted_by == "b", "the owner hears of it when it renews"
    table.of("a").release(renewed)
    assert (table.lease.owner, table.lease.wanted_by) == ("b", None)


def test_where_reading_began_is_kept_until_the_first_checkpoint(table: Table) -> None:
    lease = table.of("a").note_start(taken(table, "a"), Place("AT_SEQUENCE_NUMBER", "17"))
    assert lease is not None
    assert lease.start == "AT_SEQUENCE_NUMBER:17"
    noted = table.of("a").checkpoint(lease, "18")
    assert noted is not None
    assert noted.start == ""


def test_a_table_may_have_units_of_its_own(make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(1)
    source = an_input(stream.input(initial_lease_table_read_capacity=3))
    source.open()
    source.connect()
    assert stream.leases() == {}, "to connect writes nothing"
    source.read(0.0)
    source.close()
    units = stream.table.describe_table(TableName=stream.name)["Table"]["ProvisionedThroughput"]
    assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (3, 3)


def test_what_is_delivered_of_a_lease_that_was_taken_away_is_not_noted(make_stream: Callable[..., Stream]) -> None:
    """Another process takes it while its batch is under way; the input hears of it while nothing may be read."""
    stream = make_stream(1)
    stream.put(["one", "two"])
    (shard,) = stream.open_shards()
    source = an_input(stream.input("max_in_flight => 1"))
    source.open()
    stopping = threading.Event()
    reader = Reader(source, stopping)
    came = next(filter(None, (reader.step() for _ in range(200))))
    thief = LeaseTable(Aws(source, source, {}), stream.table, stream.name, "thief", None)
    (lease,) = thief.all()
    assert thief.take(lease) is not None
    while source.context.metrics.values()["partitions"]:
        reader.step()  # it is full, so that it is tended
    came[1].done(None)
    reader.step()
    source.close()
    assert stream.leases()[shard]["checkpoint"] == "TRIM_HORIZON"


@pytest.mark.parametrize(
    ("known", "noted", "read"),
    [(1, None, b"three"), (1, 0, b"three"), (0, 1, b"three"), (None, 0, b"twothree"), (None, None, b"onetwothree")],
)
def test_reading_begins_behind_what_the_runtime_or_the_table_knows_whichever_is_further(
    known: int | None, noted: int | None, read: bytes, make_stream: Callable[..., Stream]
) -> None:
    """Another process may have read on since this one kept its state."""
    stream = make_stream(1)
    stream.put(["one", "two", "three"])
    (shard,) = stream.open_shards()
    sequences = [record["SequenceNumber"] for record in stream.read()]
    source = an_input(stream.input())
    source.open()
    source.connect()
    if known is not None:
        source.resume({shard: Position(sequences[known], 0)})
    if noted is not None:
        Table(stream, shard)
        other = LeaseTable(Aws(source, source, {}), stream.table, stream.name, "other", None)
        lease = other.take(other.all()[0])
        assert lease is not None
        lease = other.checkpoint(lease, sequences[noted])
        assert lease is not None
        other.release(lease)
    batch = next(filter(None, (source.read(1.0) for _ in range(200))))
    assert [chunk.data for chunk in batch.chunks] == [read]
    source.close()


class Throttled:
    """A client whose changes of items are refused for a while, as DynamoDB does where a table has too few units."""

    def __init__(self, client: Any, times: int) -> None:
        self._client, self.left = client, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **parameters: Any) -> Any:
        if self.left:
            self.left -= 1
            said = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}
            raise ClientError(said, "UpdateItem")  # type: ignore[arg-type]
        return self._client.update_item(**parameters)


def test_a_table_that_throttles_is_left_alone_for_a_moment_and_asked_again(
    make_stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stream = make_stream(1)
    stream.put(["one"])
    source = an_input(stream.input("checkpoint_interval_seconds => 0"))
    source.open()
    plain = source.client
    monkeypatch.setattr(source, "client", lambda service, endpoint=None: Throttled(plain(service, endpoint), 2))
    reader = Reader(source, threading.Event())
    _, delivery = next(filter(None, (reader.step() for _ in range(200))))
    delivery.done(None)
    while "TRIM_HORIZON" in {lease["checkpoint"] for lease in stream.leases().values()}:
        reader.step()
    source.close()
    assert "throttled" in caplog.text
    assert "with back-off" not in caplog.text, "a throttled table counts as an outage"


class Unsure:
    """A client that makes a change of an item and answers with an error, as DynamoDB may: so many times."""

    def __init__(self, client: Any) -> None:
        self._client, self.left = client, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **parameters: Any) -> Any:
        answer = self._client.update_item(**parameters)
        if self.left:
            self.left -= 1
            said = {"Error": {"Code": "InternalServerError"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
            raise ClientError(said, "UpdateItem")  # type: ignore[arg-type]
        return answer


def test_a_lease_that_was_changed_though_the_answer_was_an_error_does_not_stay_unread(
    make_stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The process counts it as lost, and nobody else is there who would take it."""
    stream = make_stream(1)
    stream.put(["one"])
    source = an_input(stream.input("checkpoint_interval_seconds => 0", failover_time_millis=400))
    source.open()
    plain, clients = source.client, list[Unsure]()

    def unsure(service: str, endpoint: str | None = None) -> Any:
        made = plain(service, endpoint)
        if service == "dynamodb":
            clients.append(made := Unsure(made))
        return made

    monkeypatch.setattr(source, "client", unsure)
    reader = Reader(source, threading.Event())
    _, delivery = next(filter(None, (reader.step() for _ in range(200))))
    delivery.done(None)
    while "TRIM_HORIZON" in {lease["checkpoint"] for lease in stream.leases().values()}:
        reader.step()
    clients[0].left = 1
    while "taken by another process" not in caplog.text:
        reader.step()
    stream.put(["two"])
    batch, _ = next(filter(None, (reader.step() for _ in range(60))))
    assert [chunk.data for chunk in batch.chunks or ()] == [b"two"]
    source.close()


def test_what_was_delivered_and_not_noted_is_not_read_again_after_an_outage_of_several_tries(
    make_stream: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = make_stream(1)
    stream.put(["one"])
    (shard,) = stream.open_shards()
    source = an_input(stream.input("checkpoint_interval_seconds => 1000"))
    source.open()
    source.connect()
    batch = next(filter(None, (source.read(1.0) for _ in range(200))))
    source.settle([Outcome(batch.token, None)], {shard: batch.parts[0].position})
    with monkeypatch.context() as patch:
        patch.setattr(source, "client", refuse_to_connect)
        for _ in range(2):
            with pytest.raises(Disconnected):
                source.connect()
    source.connect()
    stream.put(["two"])
    batch = next(filter(None, (source.read(1.0) for _ in range(200))))
    assert [chunk.data for chunk in batch.chunks] == [b"two"]
    source.close()


def refuse_to_connect(service: str, endpoint: str | None = None) -> Any:
    raise Disconnected("nobody is there")
