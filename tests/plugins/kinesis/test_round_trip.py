"""Events to Kinesis and from there again through ``penstock run``: where they came from is said, and what is odd is kept."""
from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from servers.kinesis import Stream
from servers.kinesis_plugins import output
from servers.penstock_flow import Arrivals, write
from servers.penstock_process import Penstock

from .test_aggregates import packed


def test_events_go_to_a_stream_and_come_from_it_with_workers(tmp_path: Path, make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(3)
    lines = [json.dumps({"number": n, "user": f"u{n % 40}", "text": "ä" * n}) for n in range(300)]
    write(tmp_path, stream.output('partition_key => "%{user}"'), lines, "-w", "2")
    records = stream.read()
    assert {record["PartitionKey"] for record in records} == {f"u{n}" for n in range(40)}
    events = Arrivals(tmp_path, stream.input("codec => json")).all(300, "-w", "2")
    assert sorted((event["number"], event["text"]) for event in events) == [(n, "ä" * n) for n in range(300)]
    for user in range(40):
        numbers = [event["number"] for event in events if event["user"] == f"u{user}"]
        assert numbers == sorted(numbers), "the order of a partition key is kept"
    origins = {
        (record["SequenceNumber"], record["PartitionKey"], round(record["ApproximateArrivalTimestamp"].timestamp() * 1000), record["ShardId"])
        for record in records
    }
    assert {
        (meta["sequence_number"], meta["partition_key"], meta["approximate_arrival_timestamp"], meta["kinesis"]["shard_id"])
        for meta in (event["meta"] for event in events)
    } == origins
    last = {shard: max((record["SequenceNumber"] for record in records if record["ShardId"] == shard), key=int) for _, _, _, shard in origins}
    assert {key: lease["checkpoint"] for key, lease in stream.leases().items() if key in last} == last


KEYS = {
    "the same for all": ("", ["-"]),
    "of the first field that is not empty": ('event_partition_keys => ["none", "empty", "[user][name]", "n"]', ["-bob"]),
    "a number": ('event_partition_keys => ["n"]', ["-1"]),
    "a template": ('partition_key => "%{[user][name]}-%{n}"', ["bob-1"]),
    "cut to what is allowed": ('partition_key => "%{long}"', ["x" * 256]),
    "of nothing": ('event_partition_keys => ["none"]', ["-"]),
}


@pytest.mark.parametrize(("options", "wanted"), [pytest.param(*case, id=name) for name, case in KEYS.items()])
def test_the_partition_key_is(options: str, wanted: list[str]) -> None:
    event = {"n": 1, "empty": "", "user": {"name": "bob"}, "long": "x" * 300}
    payloads = output(f'kinesis {{ stream_name => "s" {options} }}').pack([event])
    assert [key for payload in payloads for key, _ in payload.data] == wanted


def test_random_keys_differ() -> None:
    (payload,) = output('kinesis { stream_name => "s" randomized_partition_key => true }').pack([{"n": n} for n in range(20)])
    assert len({key for key, _ in payload.data}) == 20
    assert payload.lane is None


def test_what_is_odd_is_kept_and_read_once(tmp_path: Path, make_stream: Callable[..., Stream]) -> None:
    """Not JSON, nearly too large, and packed by Amazon's producer library."""
    stream = make_stream(1)
    huge = json.dumps({"n": 2, "text": "x" * 1_000_000})
    many = packed([("k1", b'{"n": 3}'), ("k2", b'{"n": 4}'), ("k1", b"{broken")])
    stream.put(['{"n": 1}', "{broken", huge, many, '{"n": 5}'])
    events = Arrivals(tmp_path, stream.input("codec => json")).all(7)
    assert [event.get("n") for event in events] == [1, None, 2, 3, 4, None, 5]
    assert [event.get("tags") for event in events] == [None, ["_jsonparsefailure"], None, None, None, ["_jsonparsefailure"], None]
    assert len(events[2]["text"]) == 1_000_000
    of_many = [(event["meta"]["partition_key"], event["meta"]["kinesis"]["sub_sequence_number"]) for event in events[3:6]]
    assert of_many == [("k1", 0), ("k2", 1), ("k1", 2)]
    assert len({event["meta"]["sequence_number"] for event in events[3:6]}) == 1


def test_what_came_after_a_start_at_the_end_outlives_a_kill(tmp_path: Path, make_stream: Callable[..., Stream]) -> None:
    """LATEST, killed before anything was noted: what was read, and what comes before the next start, is not left out."""
    stream = make_stream(1)
    stream.put(["old"])
    plugin = stream.input('initial_position_in_stream => "LATEST" checkpoint_interval_seconds => 3600')
    stuck = Penstock(tmp_path, f"input {{ {plugin} }} filter {{ sleep {{ time => 3600 }} }} output {{ null {{ }} }}", name="reads")
    with stuck as run:
        run.until(lambda: any("penstockStart" in lease for lease in stream.leases().values()), "its start is noted")
        stream.put(["first"])
        run.until(lambda: any("AT_SEQUENCE" in lease["penstockStart"] for lease in stream.leases().values()), "it reads")
        run.kill()
    stream.put(["second"])
    assert [event["message"] for event in Arrivals(tmp_path, plugin).all(2)] == ["first", "second"]


def test_a_table_of_logstash_is_gone_on_with(tmp_path: Path, make_stream: Callable[..., Stream]) -> None:
    """A checkpoint within a record that was packed of many has all of it read again."""
    stream = make_stream(1)
    stream.put(["one", packed([("k", b"two"), ("k", b"three")]), "four"])
    (shard,) = stream.open_shards()
    sequences = [record["SequenceNumber"] for record in stream.read()]
    stream.table.create_table(
        TableName=stream.name, AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    )
    stream.table.get_waiter("table_exists").wait(TableName=stream.name, WaiterConfig={"Delay": 1})
    lease = {
        "leaseKey": {"S": shard}, "leaseOwner": {"S": "logstash:1234"}, "leaseCounter": {"N": "77"}, "checkpoint": {"S": sequences[1]},
        "checkpointSubSequenceNumber": {"N": "1"}, "ownerSwitchesSinceCheckpoint": {"N": "3"},
    }
    stream.table.put_item(TableName=stream.name, Item=lease)
    assert [event["message"] for event in Arrivals(tmp_path, stream.input()).all(3)] == ["two", "three", "four"]
    assert stream.leases()[shard] == {
        "leaseKey": shard, "leaseCounter": stream.leases()[shard]["leaseCounter"], "checkpoint": sequences[2],
        "checkpointSubSequenceNumber": "0", "ownerSwitchesSinceCheckpoint": "0",
    }


def test_both_ways_over_tls(tmp_path: Path, server: Any, make_stream: Callable[..., Stream]) -> None:
    stream = make_stream(1)
    settings = f'ssl_ca_bundle => "{server.certificates}/ca.pem"'

    def over_tls(plugin: str) -> str:
        return plugin.replace(f"http://127.0.0.1:{server.kinesis}", f"https://localhost:{server.kinesis_tls}")

    write(tmp_path, over_tls(stream.output(f"additional_settings => {{ {settings} }}")), ['{"n": 1}'])
    plugin = over_tls(stream.input("codec => json").replace("additional_settings => {", f"additional_settings => {{ {settings}"))
    plugin = plugin.replace(f"http://127.0.0.1:{server.dynamo}", f"https://localhost:{server.dynamo_tls}")
    assert [event["n"] for event in Arrivals(tmp_path, plugin).all(1)] == [1]


def shown_option(said: str) -> str:
    """The line of a diagnostic's option, up to what is marked, and from there on."""
    assert "Traceback" not in said
    return next(line[: below.index("^")] + "|" + line[below.index("^") :] for line, below in pairwise(said.splitlines()) if "^" in below)


@pytest.mark.servers
def test_a_stream_that_was_made_anew_under_its_name_is_refused(tmp_path: Path, make_stream: Callable[..., Stream]) -> None:
    """Its shards have the names of the old ones, whose checkpoints mean nothing here."""
    stream = make_stream(1)
    stream.put(["one"])
    Arrivals(tmp_path, stream.input()).all(1)
    stream.make_anew()
    with Arrivals(tmp_path, stream.input("").replace("application_name", "\napplication_name")).process() as run:
        assert run.wait() == 1, run.said()
    assert "application_name" in shown_option(run.said()), run.said()
    assert "was recreated" in run.said()


REFUSED = {
    "an input whose stream is not there": ('input { kinesis {\nkinesis_stream_name => "nowhere"\nOPTIONS DYNAMO } } output { null { } }', "kinesis_stream_name"),
    "an output whose stream is not there": ('input { generator { } } output { kinesis {\nstream_name => "nowhere"\nOPTIONS } }', "stream_name"),
}


@pytest.mark.parametrize(("config", "option"), REFUSED.values(), ids=REFUSED.keys())
def test_a_run_ends_at_once_and_shows_the_option_with(
    config: str, option: str, tmp_path: Path, server: Any, make_stream: Callable[..., Stream]
) -> None:
    stream = make_stream(1)
    for name, value in {
        "OPTIONS": stream.options(), "DYNAMO": f'dynamodb_endpoint => "http://127.0.0.1:{server.dynamo}"',
    }.items():
        config = config.replace(name, value)
    with Penstock(tmp_path, config) as run:
        assert run.wait() == 1, run.said()
    assert option in shown_option(run.said()), run.said()
