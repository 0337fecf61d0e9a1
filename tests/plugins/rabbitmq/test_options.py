"""The options of the input and the output rabbitmq: what is refused, and what they do that a server shows."""
from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from servers.proxy import Proxy
from servers.rabbitmq_queues import Client

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.batch import Batch, Payload
from penstock.plugins.clients import rabbitmq_link
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry
from penstock.plugins.input import Input, Outcome
from penstock.plugins.output import Output

IN, OUT = "input { rabbitmq { %s } }", "output { rabbitmq { %s } }"
TO = 'host => "h" exchange => "e" exchange_type => "direct"'
REFUSED = [
    (IN, 'host => []', "`host` is empty"),
    (IN, 'host => ["a:b"]', "`b` is not a valid port"),
    (IN, 'host => ["a:²"]', "`²` is not a valid port"),
    (IN, 'host => ["a", ""]', "the host is empty"),
    (IN, 'host => "a" port => 65536', "`65536` is not a valid port"),
    (IN, 'queue => "q"', "host"),
    (IN, 'host => "h" exchange_type => "topic"', "`exchange_type` requires `exchange`"),
    (IN, 'host => "h" passive => true', "`passive` requires `queue`"),
    (IN, 'host => "h" prefetch_count => 70000', "larger than 65535"),
    (IN, 'host => "h" queue => "q" stream_offset => "last"', "`stream_offset` requires a stream"),
    (IN, 'host => "h" queue => "q" arguments => { "x-queue-type" => "stream" } stream_offset => "soon"', "`soon` is not a valid place in a stream"),
    (IN, 'host => "h" arguments => { "x-queue-type" => "stream" }', "a stream requires `queue`"),
    (IN, 'host => "h" queue => "q" arguments => { "x-queue-type" => "stream" } reject_undecodable => true', "none of them can be rejected"),
    (IN, 'host => "h" ssl_certificate_path => "/none"', "`/none` cannot be read"),
    (IN, 'host => "h" metadata_enabled => "all"', "all"),
    (OUT, 'host => "h" exchange => "e"', "exchange_type"),
    (OUT, 'host => "h" exchange => "e" exchange_type => "queue"', "queue"),
    (OUT, f'{TO} key => "{"x" * 256}"', "the routing key is longer than 255 bytes"),
    (OUT, f'{TO} message_properties => {{ "colour" => "red" }}', "unknown property `colour`"),
    (OUT, f'{TO} message_properties => {{ "priority" => "high" }}', "`high` is not a valid priority"),
    (OUT, f'{TO} message_properties => {{ "headers" => "a" }}', "`a` is not a valid headers"),
    (OUT, f'{TO} message_properties => {{ "type" => "%{{a[b}}" }}', "a[b"),
]


@pytest.mark.parametrize(("form", "options", "message"), REFUSED)
def test_a_check_refuses(form: str, options: str, message: str) -> None:
    whole = (form % options) + (" output { null { } }" if form is IN else " input { stdin { } }")
    _, found = inspect([Source("test.conf", whole)], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


def test_a_store_of_java_is_refused_with_what_to_give(tmp_path: Path) -> None:
    store = tmp_path / "store.p12"
    store.write_bytes(b"\x30\x82")
    text = f'input {{ rabbitmq {{ host => "h" ssl => true ssl_certificate_path => "{store}" }} }} output {{ null {{ }} }}'
    _, found = inspect([Source("test.conf", text)], settled({}))
    assert any("is not a PEM file" in each.message and "openssl pkcs12" in (each.help or "") for each in found), found


@contextmanager
def source(directory: Path, options: str) -> Iterator[Any]:
    """The input, prepared, open and connected."""
    text = f"input {{ rabbitmq {{ codec => plain {options} }} }} output {{ null {{ }} }}"
    assembly = assemble([Source("test.conf", text)], settled({"path.data": str(directory)}))
    (made,) = assembly.plugins(assembly.program.inputs)
    made.open()
    try:
        cast(Input, made).connect()
        yield made
    finally:
        made.close()


@contextmanager
def target(options: str) -> Iterator[Any]:
    """The output, prepared, open and connected."""
    codec = 'codec => plain { format => "%{message}" }'
    assembly = assemble([Source("test.conf", f"input {{ stdin {{ }} }} output {{ rabbitmq {{ {codec} {options} }} }}")], settled({}))
    (made,) = assembly.plugins(assembly.program.outputs)
    made.open()
    try:
        cast(Output, made).connect()
        yield made
    finally:
        made.close()


def read(made: Any, count: int) -> list[bytes]:
    """So many messages."""
    found: list[bytes] = []
    while len(found) < count:
        batch: Batch | None = made.read(10.0)
        assert batch is not None, found
        found += [message for chunk in batch.chunks or () for message in chunk.messages()]
        made.settle([Outcome(batch.token, None)], {part.partition: part.position for part in batch.parts})
    return found


def publish(made: Any, *events: dict[str, Any]) -> Exception | None:
    """Deliver events as one request; what it ended with."""
    payload: Payload = made.pack(list(events))[0]
    error = made.deliver(payload).exception(90)
    return cast(Exception | None, error)


def messages(*texts: str) -> list[dict[str, Any]]:
    return [{"message": text} for text in texts]


def to(server: Any, queue: str, more: str = "") -> str:
    return f'host => "127.0.0.1" port => {server.port} exchange => "" exchange_type => "direct" key => "{queue}" {more}'


def of(server: Any, queue: str, more: str = "") -> str:
    return f'host => "127.0.0.1" port => {server.port} queue => "{queue}" durable => true {more}'


def test_of_several_hosts_another_is_taken_when_one_is_away(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    hosts = f'host => ["127.0.0.1:1", "localhost:{server.port}"] port => 2'
    with target(f'{hosts} exchange => "" exchange_type => "direct" key => "{queue}"') as made:
        assert publish(made, *messages("1")) is None
    with source(tmp_path, f'{hosts} queue => "{queue}" durable => true') as made:
        assert read(made, 1) == [b"1"]


def test_half_of_a_prefetch_is_said_once_to_be_used_up(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    with target(to(server, queue)) as out:
        assert publish(out, *messages(*"12345678")) is None
    with source(tmp_path, of(server, queue, "prefetch_count => 8")) as made:
        assert not made.runs_dry()
        batches, count = [], 0
        while count < 8:
            batches.append(made.read(10.0))
            count += sum(len(chunk.messages()) for chunk in batches[-1].chunks)
        assert [made.runs_dry(), made.runs_dry()] == [True, False]
        made.settle([Outcome(each.token, None) for each in batches], {part.partition: part.position for part in batches[-1].parts})
        assert not made.runs_dry()


def test_a_queue_and_its_exchange_are_declared_and_bound(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    exchange = f'exchange => "{queue}-exchange" exchange_type => "topic"'
    common = f'host => "127.0.0.1" port => {server.port} vhost => "other" {exchange}'
    with source(tmp_path, f'{common} queue => "{queue}" key => "a.*" durable => true') as made, target(f'{common} key => "%{{key}}"') as out:
        assert publish(out, {"message": "1", "key": "a.b"}, {"message": "2", "key": "b.b"}, {"message": "3", "key": "a.c"}) is None
        assert read(made, 2) == [b"1", b"3"]


def test_what_was_declared_is_declared_again_when_it_is_gone(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    """The queue is deleted, and its exchange: the server ends the consumer."""
    exchange = f'exchange => "{queue}-exchange" exchange_type => "fanout"'
    common = f'host => "127.0.0.1" port => {server.port} durable => true {exchange}'
    with source(tmp_path, f'{common} queue => "{queue}" subscription_retry_interval_seconds => 7') as made, target(common) as out:
        assert made.read(0.5) is None
        client.do("queue_delete", queue)
        client.do("exchange_delete", f"{queue}-exchange")
        with pytest.raises(Disconnected, match="ended the consumer") as raised:
            read(made, 1)
        assert raised.value.after == 7
        error = publish(out, *messages("lost"))
        assert error is not None
        assert "no exchange" in str(error)
        made.connect()
        out.connect()
        assert publish(out, *messages("1")) is None
        assert read(made, 1) == [b"1"]


def test_a_queue_that_the_server_names_outlives_a_connection(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    with source(tmp_path, f'host => "127.0.0.1" port => {server.port} exchange => "amq.fanout"') as made:
        assert not made.replays
        made.read(0.0)
        client.do("basic_publish", "amq.fanout", "", f"{queue}-1".encode())
        made.connect()
        client.do("basic_publish", "amq.fanout", "", f"{queue}-2".encode())
        found = read(made, 2)
        assert [body for body in found if queue.encode() in body] == [f"{queue}-1".encode(), f"{queue}-2".encode()]


def test_a_queue_that_ended_with_its_connection_is_another_one_after_it(server: Any, client: Client, tmp_path: Path) -> None:
    with source(tmp_path, f'host => "127.0.0.1" port => {server.port} exclusive => true exchange => "amq.fanout"') as made:
        made.read(0.0)
        with pytest.raises(Disconnected, match="is gone"):
            made.connect()
        made.connect()
        made.read(0.0)
        client.do("basic_publish", "amq.fanout", "", b"1")
        assert read(made, 1) == [b"1"]


PROPERTIES = """message_properties => {
    "content_type" => "text/plain" "priority" => "%{level}" "expiration" => 60000 "correlation-id" => "%{message}"
    "timestamp" => "2024-10-11T22:14:15Z" "headers" => { "of" => "%{message}" "n" => 5 "inner" => { "list" => ["%{level}", 1] } }
} persistent => false"""


def test_properties_have_their_types(server: Any, client: Client, queue: str) -> None:
    client.declare(queue)
    with target(to(server, queue, PROPERTIES)) as made:
        assert publish(made, {"message": "1", "level": 7}) is None
    ((_, found, _),) = client.take(queue)
    assert (found.content_type, found.priority, found.expiration, found.correlation_id) == ("text/plain", 7, "60000", "1")
    assert (found.timestamp, found.delivery_mode) == (1728684855, 1)
    assert found.headers == {"of": "1", "n": 5, "inner": {"list": ["7", 1]}}


def test_a_property_that_does_not_fit_refuses_its_event_alone(server: Any, client: Client, queue: str) -> None:
    client.declare(queue)
    options = 'message_properties => { "priority" => "%{level}" "type" => "%{kind}" }'
    with target(to(server, queue, options)) as made:
        good = {"message": "1", "level": 1, "kind": "a"}
        error = publish(made, good, {**good, "level": 256}, {**good, "kind": "x" * 256}, {**good, "message": "4"})
    assert isinstance(error, Rejected)
    assert error.reasons == {1: "`256` is not a valid priority", 2: f"`{'x' * 50}` is not a valid type"}
    assert [body for _, _, body in client.take(queue)] == [b"1", b"4"]


def test_what_no_queue_takes_is_refused_by_index_where_that_is_mandatory(server: Any, client: Client, queue: str) -> None:
    client.declare(queue)
    with target(to(server, "%{key}", "mandatory => true")) as made:
        keys = [queue, "nowhere", queue, "nowhere", queue]
        error = publish(made, *({"message": f"{number % 2}", "key": key} for number, key in enumerate(keys)))
    assert isinstance(error, Rejected)
    assert error.reasons == dict.fromkeys((1, 3), "the exchange `` does not route `nowhere` to any queue (312 NO_ROUTE)")
    assert not error.retry
    assert len(client.take(queue)) == 3
    with target(to(server, "nowhere")) as made:
        assert publish(made, *messages("dropped")) is None


def delivered(made: Any, *events: dict[str, Any]) -> dict[int, str]:
    """Deliver events as the runtime does, until nothing is left of them; what was refused, by index."""
    refused: dict[int, str] = {}
    left = list(range(len(events)))
    for _ in range(20):
        try:
            error = publish(made, *(events[index] for index in left))
        except Disconnected:
            made.connect()
            continue
        if isinstance(error, Rejected):
            refused |= {left[index]: reason for index, reason in error.reasons_of(len(left)).items()}
            left = [left[index] for index in error.retry]
        elif isinstance(error, Retry) and error.indexes is not None:
            left = [left[index] for index in error.indexes]
        if not left or error is None:
            return refused
    raise AssertionError(f"not delivered: {left}")


@pytest.mark.parametrize(
    ("options", "poison", "reason"),
    [
        ("", {"message": "x" * (17 << 20)}, "larger than"),
        ('message_properties => { "user_id" => "%{user}" }', {"message": "2", "user": "mallory"}, "user_id property set to 'mallory'"),
        ('message_properties => { "headers" => { "h" => "%{header}" } }', {"message": "2", "header": "x" * 200_000}, "ERROR"),
    ],
)
def test_a_message_that_makes_the_server_close_is_found_and_refused_alone(
    options: str, poison: dict[str, Any], reason: str, server: Any, client: Client, queue: str
) -> None:
    client.declare(queue)
    good = {"user": "guest", "header": "h"}
    events = [{**good, "message": str(number)} for number in range(6)]
    events.insert(3, {**good, **poison})
    with target(to(server, queue, options)) as made:
        refused = delivered(made, *events)
        assert list(refused) == [3]
        assert reason in refused[3]
        assert publish(made, {**good, "message": "last"}) is None
    assert {body for _, _, body in client.take(queue)} == {b"0", b"1", b"2", b"3", b"4", b"5", b"last"}


def test_metadata_has_headers_properties_and_payload_as_logstash_names_them(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    client.put(queue, ["text"], headers={"a": {"b": [1, True, "c"]}, "raw": b"\xff"}, content_type="text/plain", timestamp=1728684855, priority=3)
    with source(tmp_path, of(server, queue, "metadata_enabled => extended")) as made:
        (origin,) = made.read(5.0).chunks[0].origins
    found = origin["@metadata"]
    assert found["rabbitmq_headers"] == {"a": {"b": [1, True, "c"]}, "raw": "\\xff"}
    assert found["rabbitmq_payload"] == "text"
    properties = found["rabbitmq_properties"]
    assert properties.pop("consumer-tag")
    assert properties == {
        "content-type": "text/plain", "delivery-mode": 2, "exchange": "", "priority": 3, "routing-key": queue, "timestamp": 1728684855,
    }


def test_no_more_than_the_prefetch_is_taken_from_the_server(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    client.put(queue, list("12345"))
    with source(tmp_path, of(server, queue, "prefetch_count => 2")) as made:
        batch = made.read(5.0)
        got = len(batch.chunks[0].ends)
        while got < 2:
            got += len(made.read(5.0).chunks[0].ends)
        assert made.read(0.2) is None
        assert client.length(queue) == 3


def test_without_acknowledgements_what_was_read_is_gone(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    client.put(queue, list("12"))
    with source(tmp_path, of(server, queue, "ack => false")) as made:
        got = 0
        while got < 2:
            got += len(made.read(5.0).chunks[0].ends)
    assert client.length(queue) == 0


@pytest.mark.parametrize(("offset", "expected"), [("first", "0123"), ("2", "23"), ("1h", "0123"), ("2024-10-11T22:14:15Z", "0123"), ("next", "")])
def test_a_stream_begins_where_it_is_asked_to(offset: str, expected: str, server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue, "stream")
    client.put(queue, list("0123"))
    stream = 'arguments => { "x-queue-type" => "stream" }'
    with source(tmp_path, of(server, queue, f'{stream} stream_offset => "{offset}"')) as made:
        assert made.read(0.0) is None or expected
        client.put(queue, ["last"])
        with source(tmp_path / "other", of(server, queue, f'{stream} stream_offset => "{offset}"')) as again:
            if expected:
                assert b"".join(read(again, len(expected) + 1)) == f"{expected}last".encode()
        if not expected:
            assert read(made, 1) == [b"last"]


def test_a_stream_goes_on_where_it_was_delivered_up_to_and_one_made_anew_begins_anew(
    server: Any, client: Client, queue: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stream = of(server, queue, 'arguments => { "x-queue-type" => "stream" }')
    with source(tmp_path, stream) as made:
        client.put(queue, list("012345"))
        read(made, 6)
    with source(tmp_path, stream) as made:
        client.put(queue, ["6"])
        assert read(made, 1) == [b"6"]
    client.do("queue_delete", queue)
    client.declare(queue, "stream")
    client.put(queue, list("abc"))
    with source(tmp_path, stream) as made:
        for _ in range(20):
            batch = made.read(1.0)
            if batch is not None:
                break
        assert batch.chunks[0].messages() == [b"a", b"b", b"c"]
    assert "was recreated" in caplog.text


def test_what_is_a_stream_must_be_declared_as_one_and_nothing_else(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    client.declare(f"{queue}-stream", "stream")
    with source(tmp_path, of(server, f"{queue}-stream", "passive => true")) as made:
        made.read(0.0)
        client.put(f"{queue}-stream", ["1"])
        with pytest.raises(Misconfigured, match="is a stream") as raised:
            read(made, 1)
        assert raised.value.option == "queue"
    with source(tmp_path, of(server, queue, 'passive => true arguments => { "x-queue-type" => "stream" }')) as made:
        with pytest.raises(Misconfigured, match="x-stream-offset") as raised:
            made.read(0.0)
        assert raised.value.option == "arguments"


BLAMED = {
    "another password": ("port", 'user => "alice"\npassword => "guess"', "password"),
    "a virtual host that is not there": ("port", 'vhost => "none"', "vhost"),
    "a virtual host of others": ("port", 'vhost => "closed"\nuser => "alice"\npassword => "open sesame"', "vhost"),
    "a user without rights": ("port", 'user => "mallory"\npassword => "open sesame"', "queue"),
    "an authority that did not sign": ("tls_port", 'ssl => true\nssl_certificate_authorities => ["{0}/foreign-ca.pem"]', "ssl_certificate_authorities"),
    "a certificate of a foreign authority": (
        "tls_port", 'ssl => true\nssl_certificate_authorities => ["{0}/ca.pem"]\nssl_certificate => "{0}/foreign.pem"\nssl_key => "{0}/foreign.key"',
        "ssl_certificate",
    ),
    "TLS where there is none": ("port", "ssl => true", "ssl"),
    "another durability": ("port", "durable => false", "durable"),
    "other arguments": ("port", 'durable => true\narguments => { "x-max-length" => 5 }', "arguments"),
    "arguments that nobody knows": ("port", 'queue => "new"\narguments => { "x-queue-type" => "bogus" }', "arguments"),
    "a queue that is not there": ("port", 'passive => true\nqueue => "none"', "queue"),
    "an exchange that is not there": ("port", 'durable => true\nexchange => "none"', "exchange"),
    "an exchange of another type": ("port", 'durable => true\nexchange => "amq.topic"\nexchange_type => "direct"', "exchange_type"),
    "a type of exchange that is not there": ("port", 'durable => true\nexchange => "new"\nexchange_type => "bogus"', "exchange_type"),
}


@pytest.mark.parametrize(("port", "options", "option"), BLAMED.values(), ids=BLAMED.keys())
def test_connecting_blames_the_option_with(
    port: str, options: str, option: str, server: Any, client: Client, queue: str, tmp_path: Path
) -> None:
    client.declare(queue)
    own = options.replace("{0}", server.certificates)
    named = "" if "queue =>" in own else f'queue => "{queue}"'
    with (
        pytest.raises(Misconfigured) as raised,
        source(tmp_path, f'host => "127.0.0.1" port => {getattr(server, port)} {own} {named}'),
    ):
        pass
    assert raised.value.option == option


def test_an_output_blames_its_exchange(server: Any) -> None:
    common = f'host => "127.0.0.1" port => {server.port}'
    cases = [
        ('exchange => "amq.direct" exchange_type => "topic"', "exchange_type"),
        ('exchange => "amq.topic" exchange_type => "topic" durable => false', "durable"),
        ('exchange => "none" exchange_type => "topic" passive => true', "exchange"),
        ('exchange => "new" exchange_type => "topic" user => "mallory" password => "open sesame"', "exchange"),
    ]
    for options, option in cases:
        with pytest.raises(Misconfigured) as raised, target(f"{common} {options}"):
            pass
        assert raised.value.option == option


def test_what_a_queue_has_and_what_is_under_way_is_told_as_the_lag(server: Any, client: Client, queue: str, tmp_path: Path) -> None:
    client.declare(queue)
    with target(to(server, queue)) as out:
        assert publish(out, *messages(*"1234567")) is None
    with source(tmp_path, of(server, queue, "prefetch_count => 5")) as made:
        end = time.monotonic() + 60
        while made.context.metrics.values().get("lag") != 7:
            assert time.monotonic() < end, made.context.metrics.values()
            made.read(0.2)


def test_a_channel_that_is_not_answered_is_given_up(server: Any, client: Client, queue: str, tmp_path: Path, monkeypatch: Any) -> None:
    """A server that hangs, and whose heartbeats are switched off."""
    monkeypatch.setattr(rabbitmq_link, "ANSWER_WITHIN", 0.5)
    client.declare(queue)
    with Proxy(server.port) as proxy:
        options = f'host => "127.0.0.1" port => {proxy.port} heartbeat => 0 queue => "{queue}" durable => true'
        with source(tmp_path, options) as made:
            assert made.read(0.1) is None
            proxy.hang()
            with pytest.raises(Disconnected, match="did not answer"):
                made._link.open_channel(made.context.stopping)
