"""Events to SQS and from there again through ``penstock run``, against ElasticMQ: fields, kills, poison, groups, TLS, refusals."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from servers import aws
from servers.aws_queue import Queue
from servers.certificates import Certificates
from servers.front import Front, Told
from servers.packages import require
from servers.penstock_flow import Arrivals, write
from servers.penstock_process import Penstock
from servers.soak import Figures, Found, rounds

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.clients import sqs as aws_sqs
from penstock.plugins.errors import Rejected, Retry, Undelivered
from penstock.plugins.input import Outcome
from penstock.plugins.inputs import sqs as input_sqs

IN, OUT = "input { sqs { %s } }", "output { sqs { %s } }"
REFUSED = [
    (IN, 'queue => ""', "the name is empty"),
    (IN, 'queue => "q" visibility_timeout => 50000', "SQS takes 43200 seconds at most"),
    (IN, 'queue => "q" secret_access_key => "s"', "`secret_access_key` requires `access_key_id`"),
    (OUT, 'queue => ""', "the name is empty"),
    (OUT, 'queue => "q.fifo"', "a FIFO queue requires `message_group_id`"),
    (OUT, 'queue => "q" batch_events => 11', "SQS takes 10 messages in a request"),
    (OUT, 'queue => "q" message_max_size => "2MiB"', "SQS takes 1 MiB at most"),
]
PLAIN = 'codec => plain { format => "%{message}" }'


@pytest.mark.parametrize(("form", "options", "message"), REFUSED)
def test_a_check_refuses(form: str, options: str, message: str) -> None:
    whole = (form % options) + (" output { null { } }" if form is IN else " input { stdin { } }")
    _, found = inspect([Source("test.conf", whole)], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


def where(port: int, queue: str) -> str:
    return f'endpoint => "http://127.0.0.1:{port}" region => "{aws.REGION}" queue => "{queue}"'


@pytest.fixture
def queue(elasticmq: Any) -> Iterator[Queue]:
    made = Queue(elasticmq.port)
    yield made
    made.close()


@pytest.fixture
def fifo(elasticmq: Any) -> Iterator[Queue]:
    made = Queue(elasticmq.port, is_fifo=True)
    yield made
    made.close()


def plugin(section: str, config: str, tmp_path: Path) -> Any:
    """A plugin, prepared, open and connected."""
    text = f"input {{ {config} }} output {{ null {{ }} }}" if section == "input" else f"input {{ stdin {{ }} }} output {{ {config} }}"
    assembly = assemble([Source("test.conf", text)], settled({"path.data": str(tmp_path)}))
    (made,) = assembly.plugins(assembly.program.inputs if section == "input" else assembly.program.outputs)
    made.open()
    cast(Any, made).connect()
    return made


def test_events_go_to_a_queue_and_come_from_it_with_workers(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    options = where(elasticmq.port, queue.name)
    write(tmp_path, f"sqs {{ {options} max_in_flight => 3 }}", [json.dumps({"number": n, "text": "ä" * n}) for n in range(100)], "-w", "2")
    assert queue.counts() == (100, 0)
    fields = 'id_field => "[message][id]" md5_field => "md5" sent_timestamp_field => "sent"'
    events = Arrivals(tmp_path, f"sqs {{ {options} {fields} threads => 2 }}").all(100, "-w", "2")
    assert sorted((event["number"], event["text"]) for event in events) == [(n, "ä" * n) for n in range(100)]
    first = events[0]
    facts = first["meta"]["sqs"]
    assert (facts["queue"], facts["receive_count"]) == (queue.name, 1)
    assert first["message"]["id"] == facts["message_id"]
    assert len(first["md5"]) == 32
    assert first["sent"].startswith("20")
    assert first["sent"].endswith("Z")
    assert queue.counts() == (0, 0)


@pytest.mark.parametrize(
    ("options", "under_way"),
    [
        ('queue => "q"', 32),
        ('queue => "q" max_in_flight => 2', 2),
        ('queue => "q.fifo" message_group_id => "g"', 1),
        ('queue => "q.fifo" message_group_id => "g" max_in_flight => 2', 2),
    ],
)
def test_requests_overlap_where_that_costs_no_order_or_is_asked_for(options: str, under_way: int) -> None:
    assembly = assemble([Source("test.conf", f"input {{ stdin {{ }} }} {OUT % options}")], settled({}))
    (made,) = assembly.plugins(assembly.program.outputs)
    assert made.max_in_flight == under_way


def test_what_is_not_deleted_is_told_as_its_lag(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    queue.put([f"{n}" for n in range(13)])
    source = plugin("input", f"sqs {{ {where(elasticmq.port, queue.name)} codec => plain }}", tmp_path)
    try:
        end = time.monotonic() + 60
        while "lag" not in source.context.metrics.values():
            assert time.monotonic() < end, "no lag is told"
            source.read(0.1)
        assert source.context.metrics.values()["lag"] == 13
    finally:
        source.close()


def test_a_queue_that_is_empty_is_not_asked_without_pause(tmp_path: Path, elasticmq: Any, queue: Queue, monkeypatch: Any) -> None:
    """Where requests do not wait for messages, whoever asks does; a stop ends the wait."""
    asked, receive = threading.Semaphore(0), aws_sqs.Queue.receive
    requests: list[int] = []

    def counted(self: aws_sqs.Queue, wait: int, visibility: float) -> Any:
        requests.append(wait)
        asked.release()
        return receive(self, wait, visibility)

    monkeypatch.setattr(aws_sqs.Queue, "receive", counted)
    monkeypatch.setattr(input_sqs, "_SHORTEST_PAUSE", 3600.0)
    source = plugin("input", f"sqs {{ {where(elasticmq.port, queue.name)} polling_frequency => 0 }}", tmp_path)
    assert asked.acquire(timeout=60)
    polling = [thread for thread in threading.enumerate() if thread.name == f"sqs {queue.name} 0"]
    source.close()
    for thread in polling:
        thread.join(60)
        assert not thread.is_alive()
    assert requests == [0]


def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    wanted = {f"line {n}" for n in range(600)}
    queue.put(sorted(wanted))
    arrivals = Arrivals(tmp_path, f"sqs {{ {where(elasticmq.port, queue.name)} codec => plain visibility_timeout => 3 }}")
    with arrivals.process() as run:
        run.until(lambda: bool(arrivals.events()), "it reads")
        run.kill()
    assert queue.counts() != (0, 0)
    with arrivals.process() as run:
        run.until(lambda: set(arrivals.messages()) == wanted, "nothing is lost")
        run.until(lambda: queue.counts() == (0, 0), "all is deleted")
        run.stop()


def test_the_order_of_each_group_survives_a_kill(tmp_path: Path, elasticmq: Any, fifo: Queue) -> None:
    fifo.put([f"{n}" for n in range(300)], ["a", "b", "c"])
    arrivals = Arrivals(tmp_path, f"sqs {{ {where(elasticmq.port, fifo.name)} codec => plain visibility_timeout => 2 }}")
    with arrivals.process() as run:
        run.until(lambda: bool(arrivals.events()), "it reads")
        run.kill()
    with arrivals.process() as run:
        run.until(lambda: len(set(arrivals.messages())) == 300, "nothing is lost")
        run.stop()
    for group in ("a", "b", "c"):
        came = [event["message"] for event in arrivals.events() if event["meta"]["sqs"]["message_group_id"] == group]
        first = list(dict.fromkeys(came))
        assert first == sorted(first, key=int)


def test_a_message_that_failed_holds_its_group_until_it_comes_again(tmp_path: Path, elasticmq: Any, fifo: Queue) -> None:
    fifo.put(["a1", "b1", "a2", "b2"], ["a", "b"])
    source = plugin("input", f"sqs {{ {where(elasticmq.port, fifo.name)} codec => plain }}", tmp_path)
    came: list[str] = []

    def read() -> Any:
        batch = source.read(5.0)
        came.extend(message.decode() for message in batch.chunks[0].messages())
        return batch.token

    first = read()
    fifo.put(["a3", "b3"], ["a", "b"])
    assert source.read(0.5) is None  # both groups are held
    source.settle([Outcome(first, Undelivered("the target is gone"))], {})
    while len(came) < 10:
        source.settle([Outcome(read(), None)], {})
    source.close()
    for group in ("a", "b"):
        assert [message for message in came if message[0] == group] == [f"{group}{n}" for n in (1, 2, 1, 2, 3)]
    assert fifo.counts() == (0, 0)


def test_a_message_that_cannot_be_hidden_any_more_is_deleted_when_it_was_delivered(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    """As after twelve hours, which SQS does not extend: it may not have been given to others yet."""
    queue.put(["one"])
    refused = {"Failed": [{"Id": "0", "SenderFault": True, "Code": "InvalidParameterValue", "Message": "Total VisibilityTimeout for the message is beyond the limit"}]}
    with Front(elasticmq.port) as front:
        front.rules.append(lambda asked: Told(200, refused) if asked.headers.get("x-amz-target", "").endswith("VisibilityBatch") else None)
        source = plugin("input", f"sqs {{ {where(front.port, queue.name)} codec => plain visibility_timeout => 1 }}", tmp_path)
        batch = source.read(5.0)
        while not any(asked.headers.get("x-amz-target", "").endswith("VisibilityBatch") for asked in front.asked):
            source.tend(0)
        source.settle([Outcome(batch.token, None)], {})
        source.close()
    assert queue.counts() == (0, 0)


def test_what_fails_again_and_again_goes_to_the_dead_letters_of_the_queue(tmp_path: Path, elasticmq: Any) -> None:
    dead = Queue(elasticmq.port)
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": "2"})
    queue = Queue(elasticmq.port, RedrivePolicy=policy)
    queue.put(["poison"])
    source = plugin("input", f"sqs {{ {where(elasticmq.port, queue.name)} codec => plain }}", tmp_path)
    counts = []
    for _ in range(2):
        batch = source.read(5.0)
        counts.append(batch.chunks[0].origins[0]["@metadata"]["sqs"]["receive_count"])
        source.settle([Outcome(batch.token, Undelivered("again"))], {})
    assert source.read(2.0) is None
    source.close()
    assert counts == [1, 2]
    assert [message["Body"] for message in dead.take()] == ["poison"]


def test_what_is_odd_is_kept_and_read_once(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    """Not JSON, and as large as SQS takes."""
    queue.put(['{"n": 1}', "{broken", json.dumps({"n": 2, "text": "x" * 250_000}), '{"n": 3}'])
    events = Arrivals(tmp_path, f"sqs {{ {where(elasticmq.port, queue.name)} }}").all(4)
    by_number = {event.get("n"): event for event in events}
    assert set(by_number) == {1, 2, 3, None}
    assert by_number[None]["tags"] == ["_jsonparsefailure"]
    assert len(by_number[2]["text"]) == 250_000
    assert queue.counts() == (0, 0)


def test_each_message_that_is_refused_is_named(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    output = plugin("output", f'sqs {{ {where(elasticmq.port, queue.name)} {PLAIN} message_max_size => "1KiB" }}', tmp_path)
    texts = ["one", "two\x00", "x" * 2000, "three", "four"]
    (payload,) = output.pack([{"message": text} for text in texts])
    payload.data[4] = b"\xff\xfe"
    with pytest.raises(Rejected) as caught:
        output.deliver(payload)
    output.close()
    reasons = cast("dict[int, str]", caught.value.reasons)
    assert set(reasons) == {1, 2, 4}
    assert ("InvalidMessageContents" in reasons[1], "message_max_size" in reasons[2], "UTF-8" in reasons[4]) == (True, True, True)
    assert (caught.value.retry, sorted(message["Body"] for message in queue.take())) == ([], ["one", "three"])


def behind(front: Front, told: dict[str, Any], tmp_path: Path, name: str, options: str = "") -> Any:
    """An output whose next send is answered with something else than ElasticMQ would say."""
    output = plugin("output", f"sqs {{ {where(front.port, name)} {PLAIN} {options} }}", tmp_path)
    left = [told]

    def rule(asked: Any) -> Told | None:
        sends = asked.headers.get("x-amz-target", "").endswith("SendMessageBatch")
        return Told(**left.pop()) if left and sends else None

    front.rules.append(rule)
    return output


def test_entries_that_fail_on_the_side_of_sqs_are_sent_again_and_hold_their_group(tmp_path: Path, elasticmq: Any, fifo: Queue) -> None:
    failed = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}], "Failed": [{"Id": "1", "SenderFault": False, "Code": "InternalError", "Message": "sorry"}]}
    with Front(elasticmq.port) as front:
        output = behind(front, {"status": 200, "body": failed}, tmp_path, fifo.name, 'message_group_id => "%{group}"')
        events = [{"message": str(n), "group": "ab"[n % 2]} for n in range(14)]
        (payload,) = output.pack(events)
        with pytest.raises(Retry) as caught:
            output.deliver(payload)
        # 1 is of group b, and so are 11 and 13 of the second request
        assert caught.value.indexes == [1, 11, 13]
        output.close()
    assert [message["Body"] for message in fifo.take()] == ["10", "12"]


def test_a_request_that_is_refused_as_a_whole_is_halved(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    refusal = {"__type": "com.amazonaws.sqs#BatchRequestTooLong", "message": "too long"}
    with Front(elasticmq.port) as front:
        output = behind(front, {"status": 400, "body": refusal}, tmp_path, queue.name)
        (payload,) = output.pack([{"message": str(n)} for n in range(4)])
        output.deliver(payload)
        output.close()
        sends = [asked for asked in front.asked if asked.headers.get("x-amz-target", "").endswith("SendMessageBatch")]
    assert len(sends) == 3
    assert sorted(message["Body"] for message in queue.take()) == ["0", "1", "2", "3"]


def test_throttling_is_waited_for_as_long_as_it_says(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    refusal = {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}
    with Front(elasticmq.port) as front:
        output = behind(front, {"status": 400, "body": refusal, "headers": {"retry-after": "17"}}, tmp_path, queue.name)
        (payload,) = output.pack([{"message": "one"}])
        with pytest.raises(Retry) as caught:
            output.deliver(payload)
        output.deliver(payload)
        output.close()
    assert caught.value.after == 17.0
    assert [message["Body"] for message in queue.take()] == ["one"]


def test_a_message_whose_answer_was_lost_is_taken_once_by_a_fifo_queue(tmp_path: Path, elasticmq: Any, fifo: Queue) -> None:
    """Each has an id of its own from the moment it was packed."""
    with Front(elasticmq.port) as front:
        output = behind(front, {"status": 0}, tmp_path, fifo.name, 'message_group_id => "g"')
        (payload,) = output.pack([{"message": "one"}, {"message": "one"}])
        with pytest.raises(Exception, match="onnection"):
            output.deliver(payload)
        output.deliver(payload)
        output.close()
    assert [message["Body"] for message in fifo.take()] == ["one", "one"]


def tls(tmp_path: Path, target: int) -> tuple[Certificates, Front]:
    certificates = Certificates(tmp_path)
    return certificates, Front(target, identity=certificates.pair("server"))


def test_both_ways_over_tls(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    certificates, front = tls(tmp_path, elasticmq.port)
    with front:
        trust = f'additional_settings => {{ "ssl_ca_bundle" => "{certificates.ca}" }}'
        options = f'endpoint => "https://127.0.0.1:{front.port}" region => "{aws.REGION}" queue => "{queue.name}" {trust}'
        write(tmp_path, f"sqs {{ {options} }}", ['{"n": 1}'])
        assert [event["n"] for event in Arrivals(tmp_path, f"sqs {{ {options} }}").all(1)] == [1]


def shown_option(tmp_path: Path, config: str) -> str:
    """The line of the option under which a run that ends at once has its carets."""
    with Penstock(tmp_path, config) as run:
        assert run.wait() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    name = shown[:mark].rpartition("|")[2].removesuffix(" => ").strip()
    return name or shown[mark:].partition(" ")[0]


def test_a_certificate_that_is_not_trusted_is_said(tmp_path: Path, elasticmq: Any, queue: Queue) -> None:
    _, front = tls(tmp_path, elasticmq.port)
    with front:
        config = f'input {{ sqs {{\nendpoint => "https://127.0.0.1:{front.port}"\nqueue => "{queue.name}" }} }} output {{ null {{ }} }}'
        assert shown_option(tmp_path, config) == "endpoint"


@pytest.mark.servers
def test_a_server_that_hangs_for_a_while_loses_nothing(tmp_path: Path) -> None:
    """Both plugins go on when it answers again."""
    require("elasticmq")
    home = tmp_path / "server"
    home.mkdir()
    with aws.elasticmq(home) as own:
        queue = Queue(own.port)
        options = where(own.port, queue.name)
        log = tmp_path / "log"
        log.write_text("".join(f"line {n}\n" for n in range(300)))
        config = f'input {{ file {{ path => "{log}" start_position => "beginning" stat_interval => 0.1 }} }} output {{ sqs {{ {options} }} }}'
        arrivals = Arrivals(tmp_path, f"sqs {{ {options} }}")
        with Penstock(tmp_path, config, name="writes") as writes, arrivals.process() as reads:
            reads.until(lambda: bool(arrivals.events()), "it reads")
            own.pause()
            with log.open("a") as file:
                file.write("".join(f"line {n}\n" for n in range(300, 600)))
            own.go_on()
            reads.until(lambda: len(set(arrivals.messages())) == 600, "all arrives")
            writes.stop()
            reads.stop()


def killed(tmp_path: Path, port: int, kills: int) -> Figures:
    """Penstock is killed again and again while it reads; each line arrives."""
    queue = Queue(port)
    wanted = {f"line {n}" for n in range(30 * kills)}
    arrivals = Arrivals(tmp_path, f"sqs {{ {where(port, queue.name)} codec => plain visibility_timeout => 1 }}")
    lines = sorted(wanted)
    for number in range(kills):
        queue.put(lines[30 * number : 30 * number + 30])
        before = arrivals.size()
        with arrivals.process() as run:
            run.until(lambda seen=before: arrivals.size() > seen, "it reads")  # type: ignore[misc]
            run.kill()
    wanted.add("the last")
    queue.put(["the last"])  # what only the last life can read: it has started then
    with arrivals.process() as run:
        run.until(lambda: set(arrivals.messages()) == wanted, "nothing is lost")
        run.until(lambda: queue.counts() == (0, 0), "all is deleted")
        run.stop()
    return Figures(kills, len(wanted), len(arrivals.messages()) - len(wanted))


@pytest.mark.servers
def test_twenty_kills_lose_nothing(tmp_path: Path, elasticmq: Any) -> None:
    killed(tmp_path, elasticmq.port, rounds(20))


@pytest.mark.soak("SQS", "elasticmq")
def test_two_hundred_kills_lose_nothing(tmp_path: Path, elasticmq: Any, found: Found) -> None:
    found(killed(tmp_path, elasticmq.port, rounds()))
