"""The options of the input and the output mqtt: what is refused, and what they do that a broker shows."""
from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from servers import mosquitto
from servers.mqtt_peer import Peer, until
from servers.packages import require

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.batch import Batch
from penstock.plugins.clients.mqtt_session import Session
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry
from penstock.plugins.input import Input, Outcome
from penstock.plugins.output import Output

IN, OUT = 'input { mqtt { host => "h" %s } }', 'output { mqtt { host => "h" %s } }'
REFUSED = [
    (IN, "", "`topics` is empty"),
    (IN, 'topic => ""', "the topic is empty"),
    (IN, 'topic => "a/#/b"', "`#` must be the last level, alone"),
    (IN, 'topic => "a/b#"', "`#` must be the last level, alone"),
    (IN, 'topics => ["a", "a/b+"]', "`+` must be a whole level"),
    (IN, 'topic => "$share/g"', "is not a valid shared subscription"),
    (IN, 'topic => "$share/+/t"', "is not a valid shared subscription"),
    (IN, 'topic => "a" qos => 3', "`3` is not a valid quality of service"),
    (IN, 'topic => "a" client_id => ""', "the name is empty"),
    (IN, 'topic => "a" password => "x"', "`password` requires `username`"),
    (IN, 'topic => "a" session_expiry => 5', "`session_expiry` requires mqtt_version => 5"),
    (IN, 'topic => "a" receive_maximum => 5', "`receive_maximum` requires mqtt_version => 5"),
    (IN, 'topic => "a" mqtt_version => "5" receive_maximum => 70000', "more than MQTT allows"),
    (IN, 'topic => "a" mqtt_version => "4"', "mqtt_version"),
    (IN, 'topic => "a" port => 70000', "`70000` is not a valid port"),
    (IN, 'topic => "a" keep_alive => 100000', "longer than MQTT allows"),
    (IN, 'topic => "a" will_topic => "x/+"', "has a wildcard"),
    (IN, 'topic => "a" will_qos => 4', "`4` is not a valid quality of service"),
    (OUT, 'topic => ""', "the topic is empty"),
    (OUT, 'topic => "a/#"', "has a wildcard"),
    (OUT, 'topic => "a" qos => 7', "`7` is not a valid quality of service"),
    (OUT, 'topic => "a" max_inflight_messages => 70000', "more than MQTT allows"),
]


@pytest.mark.parametrize(("form", "options", "message"), REFUSED)
def test_a_check_refuses(form: str, options: str, message: str) -> None:
    whole = (form % options) + (" output { null { } }" if form is IN else " input { stdin { } }")
    _, found = inspect([Source("test.conf", whole)], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


VALID = ["a", "/", "+", "#", "a/+/b", "a/+/#", "$SYS/#", "$share/g/a/#", "a b/ü"]


@pytest.mark.parametrize("topic", VALID)
def test_a_topic_may_be(topic: str) -> None:
    _, found = inspect([Source("test.conf", f'{IN % f"""topic => "{topic}" """} output {{ null {{ }} }}')], settled({}))
    assert not found


@contextmanager
def source(directory: Path, port: int, options: str) -> Iterator[Input]:
    """The input, connected."""
    text = f'input {{ mqtt {{ host => "127.0.0.1" port => {port} codec => plain {options} }} }} output {{ null {{ }} }}'
    assembly = assemble([Source("test.conf", text)], settled({"path.data": str(directory)}))
    (made,) = assembly.plugins(assembly.program.inputs)
    made.open()
    cast(Input, made).connect()
    yield cast(Input, made)
    made.close()


@contextmanager
def target(port: int, options: str, codec: str = 'codec => plain { format => "%{message}" }') -> Iterator[Output]:
    """The output, connected."""
    text = f'input {{ stdin {{ }} }} output {{ mqtt {{ host => "127.0.0.1" port => {port} {codec} {options} }} }}'
    assembly = assemble([Source("test.conf", text)], settled({}))
    (made,) = assembly.plugins(assembly.program.outputs)
    made.open()
    cast(Output, made).connect()
    yield cast(Output, made)
    made.close()


def read(made: Input, count: int) -> list[tuple[str, dict[str, Any]]]:
    """So many messages, each with the fields that say where it came from."""
    found: list[tuple[str, dict[str, Any]]] = []

    def has_come() -> bool:
        batch = made.read(0.1)
        for chunk in batch.chunks or () if batch else ():
            messages = chunk.messages()
            origins = chunk.origins or [chunk.origin] * len(messages)
            found.extend((data.decode(), origin["@metadata"]["mqtt"]) for data, origin in zip(messages, origins, strict=True))
        return len(found) >= count

    until(has_come, f"{count} messages")
    return found


def deliver(made: Output, *messages: str, **fields: str) -> None:
    for payload in made.pack([{"message": message, **fields} for message in messages]):
        future = made.deliver(payload)
        assert future is not None
        future.result(90)


def test_wildcards_tell_the_topic_and_a_retained_message_is_marked(tmp_path: Path, server: Any, topic: str) -> None:
    with Peer(server.port) as peer:
        peer.publish(f"{topic}/a", ["kept"], retain=True)
        with source(tmp_path, server.port, f'topic => ["{topic}/+", "{topic}/deep/#"]') as made:
            assert read(made, 1) == [("kept", {"topic": f"{topic}/a", "qos": 1, "retain": True, "duplicate": False})]
            peer.publish(f"{topic}/deep/er/b", ["new"], qos=0)
            assert read(made, 1) == [("new", {"topic": f"{topic}/deep/er/b", "qos": 0, "retain": False, "duplicate": False})]


def test_a_retained_message_comes_once_however_often_the_connection_breaks(tmp_path: Path, server: Any, topic: str) -> None:
    with Peer(server.port) as peer, source(tmp_path, server.port, f'topic => "{topic}"') as made:
        peer.publish(topic, ["kept"], retain=True)
        ((first, _),) = read(made, 1)
        made.connect()
        again = read(made, 1)  # it was not acknowledged
        made.settle([], {})
        peer.publish(topic, ["next"])
        assert [first, *(text for text, _ in again + read(made, 1))] == ["kept", "kept", "next"]


def test_properties_of_mqtt_5_come_along(tmp_path: Path, server: Any, topic: str) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType, properties.ResponseTopic, properties.CorrelationData = "text/plain", "answers", b"\x01\xff"
    properties.UserProperty = [("a", "1"), ("b", "2")]
    with Peer(server.port) as peer, source(tmp_path, server.port, f'mqtt_version => 5 topic => "{topic}"') as made:
        peer.publish(topic, ["one"], properties=properties)
        ((text, fields),) = read(made, 1)
    user = {"a": "1", "b": "2"}
    wanted = {"content_type": "text/plain", "response_topic": "answers", "correlation_data": "01ff", "user": user}
    assert (text, fields["properties"]) == ("one", wanted)


def test_acknowledgements_go_in_order_and_only_for_what_was_delivered(tmp_path: Path, server: Any, topic: str) -> None:
    with Peer(server.port) as peer, source(tmp_path, server.port, f'topic => "{topic}"') as made:
        batches = []
        for number in range(3):
            peer.publish(topic, [str(number)])
            while (batch := made.read(0.1)) is None:
                pass
            batches.append(batch)
        made.settle([Outcome(batches[2].token, None)], {})
        made.connect()
        assert [(text, fields["duplicate"]) for text, fields in read(made, 3)] == [("0", True), ("1", True), ("2", True)]


def test_the_last_will_is_published_when_a_connection_ends_without_a_goodbye(tmp_path: Path, server: Any, front: Any, topic: str) -> None:
    will = f'will_topic => "{topic}/will" will_payload => "gone" will_qos => 1'
    with Peer(server.port) as peer:
        peer.subscribe(f"{topic}/will")
        with source(tmp_path, front.port, f'topic => "{topic}" {will}'):
            pass
        with source(tmp_path, front.port, f'topic => "{topic}" {will}') as made:
            assert peer.heard() == []
            front.cut()
            until(lambda: peer.heard() == ["gone"], "the will is heard")
            with pytest.raises(Disconnected):
                read(made, 1)
        with target(front.port, f'topic => "{topic}" {will}'):
            front.cut()
            until(lambda: peer.heard() == ["gone", "gone"], "the will of the output is heard")


def test_what_comes_with_qos_0_faster_than_it_is_taken_is_dropped_and_counted(
    tmp_path: Path, server: Any, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """While nothing may be read the input is tended."""
    options = f'topic => "{topic}" qos => 0 qos0_buffer => 20000'
    with Peer(server.port) as peer, source(tmp_path, server.port, options) as made:
        dropped = made.context.metrics.counter("dropped_qos0")
        peer.publish(topic, [f"{number}".ljust(500, "x") for number in range(100)], qos=0)
        until(lambda: made.tend(0) is None and dropped.value == 80, "80 of 100 are dropped")
        kept = [int(text.rstrip("x")) for text, _ in read(made, 20)]
        peer.publish(topic, ["later"], qos=0)
        assert [*kept, read(made, 1)[0][0]] == [*range(20), "later"]
    said = [record.message for record in caplog.records if "QoS 0" in record.message]
    assert len(said) == 1


def test_what_waits_to_be_acknowledged_is_bounded_in_bytes_while_nothing_may_be_read(tmp_path: Path, server: Any, topic: str) -> None:
    """The rest stays in the socket, and with the broker."""
    options = f'topic => "{topic}" qos => 1 qos0_buffer => 20000'
    with Peer(server.port) as peer, source(tmp_path, server.port, options) as made:
        peer.publish(topic, ["x" * 10_000] * 100, qos=1)
        found: list[Batch] = []

        def has_come() -> bool:
            made.tend(0)
            found.extend(batch for batch in [made.flush()] if batch)
            return bool(found)

        until(has_come, "some wait")
        assert found[0].bytes < 100_000


@pytest.mark.parametrize("ends", ["connection", "run"])
def test_what_has_come_with_qos_0_is_not_lost_when_it_waits_at_the_end_of_a(ends: str, tmp_path: Path, server: Any, topic: str) -> None:
    options = f'topic => "{topic}" qos => 0 qos0_buffer => 20000'
    with Peer(server.port) as peer, source(tmp_path, server.port, options) as made:
        dropped = made.context.metrics.counter("dropped_qos0")
        peer.publish(topic, [f"{number}".ljust(500, "x") for number in range(21)], qos=0)
        until(lambda: made.tend(0) is None and dropped.value == 1, "20 of 21 wait")
        if ends == "run":
            batch = made.flush()
            assert batch is not None
            (chunk,) = batch.chunks or ()
            found = [data.decode() for data in chunk.messages()]
        else:
            made.connect()
            found = [text for text, _ in read(made, 20)]
        assert [int(text.rstrip("x")) for text in found] == list(range(20))


def test_why_a_broker_of_mqtt_5_ended_the_connection_is_said(tmp_path: Path, topic: str) -> None:
    require("mosquitto")
    with mosquitto.server(tmp_path, "retain_available false") as own, source(tmp_path, own.port, f'mqtt_version => 5 topic => "{topic}"') as made:
        session = Session(cast(Any, made), None, None)
        session.connect()
        session.client.publish(topic, "kept", retain=True)

        def ends() -> bool:
            session.pump()
            return False

        with pytest.raises(Disconnected, match="the broker ended the connection: Retain not supported"):
            until(ends, "the connection ends")
        session.close()


def test_a_clean_session_gets_nothing_that_was_published_before(tmp_path: Path, server: Any, topic: str) -> None:
    options = f'topic => "{topic}" clean_session => true'
    with source(tmp_path, server.port, options) as made:
        assert not made.replays
    with Peer(server.port) as peer:
        peer.publish(topic, ["lost"])
        with source(tmp_path, server.port, options) as made:
            peer.publish(topic, ["found"])
            assert [text for text, _ in read(made, 1)] == ["found"]


@pytest.mark.parametrize(("version", "qos"), [("3.1.1", 0), ("5", 0), ("5", 1), ("3.1.1", 2)])
def test_messages_are_published_with_qos_and_retained(version: str, qos: int, server: Any, topic: str) -> None:
    with Peer(server.port) as before, Peer(server.port) as after:
        before.subscribe(f"{topic}/#")
        options = f'topic => "{topic}/%{{room}}" qos => {qos} retain => true mqtt_version => "{version}" max_inflight_messages => 2'
        with target(server.port, options) as made:
            deliver(made, *map(str, range(50)), room="a")
        until(lambda: len(before.heard()) == 50, "all arrives")
        assert before.heard() == [str(number) for number in range(50)]
        assert {message.qos for message in before.messages} == {qos}
        after.subscribe(f"{topic}/a")
        until(lambda: after.heard() == ["49"], "the last one was retained")


@pytest.mark.parametrize(("version", "qos"), [("3.1.1", 1), ("5", 1), ("3.1.1", 2), ("5", 2)])
def test_no_more_is_under_way_than_mosquitto_takes_when_it_is_left_alone(
    version: str, qos: int, tmp_path: Path, topic: str
) -> None:
    require("mosquitto")
    texts = [str(number) for number in range(2000)]
    with mosquitto.server(tmp_path, window=20) as own, Peer(own.port) as peer:
        peer.subscribe(f"{topic}/#")
        with target(own.port, f'topic => "{topic}/%{{room}}" qos => {qos} mqtt_version => "{version}"') as made:
            deliver(made, *texts, room="a")
        until(lambda: len(peer.heard()) == len(texts), "all arrives")
        assert peer.heard() == texts


def refused(made: Output, *events: tuple[str, str]) -> dict[int, str]:
    """Why some of these events, each with a room, are refused."""
    (payload,) = made.pack([{"message": message, "room": room} for message, room in events])
    future = made.deliver(payload)
    assert future is not None
    with pytest.raises(Rejected) as raised:
        future.result(90)
    return cast(dict[int, str], raised.value.reasons)


def test_messages_that_no_broker_can_take_are_refused_alone(server: Any, topic: str) -> None:
    with Peer(server.port) as peer, target(server.port, f'topic => "{topic}%{{room}}" maximum_packet_size => 1000') as made:
        peer.subscribe(f"{topic}/#")
        reasons = refused(made, ("1", "/a"), ("2", "/+"), ("x" * 2000, "/a"), ("3", "/a\0"), ("4", "/" + "ü" * 40_000), ("5", "/b"))
        until(lambda: peer.heard() == ["1", "5"], "the others arrive")
    assert sorted(reasons) == [1, 2, 3, 4]
    assert "wildcard" in reasons[1]
    assert "more than the 1000 that the broker takes" in reasons[2]


def test_a_broker_of_mqtt_5_tells_what_it_takes(tmp_path: Path, topic: str) -> None:
    require("mosquitto")
    limits = ["max_packet_size 500", "max_inflight_messages 3", "retain_available false"]
    with mosquitto.server(tmp_path, *limits) as own, Peer(own.port) as peer:
        peer.subscribe(f"{topic}/#")
        with target(own.port, f'mqtt_version => 5 topic => "{topic}/%{{room}}" qos => 2') as made:
            assert list(refused(made, ("1", "a"), ("x" * 600, "a"), *((str(n), "a") for n in range(2, 30)))) == [1]
            until(lambda: len(peer.heard()) == 29, "the others arrive")
        with pytest.raises(Misconfigured, match="retain"), target(own.port, f'mqtt_version => 5 topic => "{topic}" retain => true'):
            pass


@pytest.mark.parametrize("qos", [1, 2])
def test_a_topic_that_may_not_be_used_is_to_blame_where_it_is_one_for_all(qos: int, server: Any, topic: str) -> None:
    with target(server.port, f'mqtt_version => 5 topic => "closed/{topic}" qos => {qos}') as made, pytest.raises(Misconfigured, match="topic"):
        deliver(made, "1")
    with target(server.port, f'mqtt_version => 5 topic => "%{{room}}/{topic}" qos => {qos}') as made:
        assert refused(made, ("1", "open"), ("2", "closed")) == {1: "the broker refuses it: Not authorized"}


def test_a_message_may_be_acknowledged_before_its_request_is_handed_over(server: Any, topic: str) -> None:
    """Threads take turns all the time here."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with target(server.port, f'topic => "{topic}"') as made:
            for number in range(500):
                deliver(made, str(number))
    finally:
        sys.setswitchinterval(before)


def test_messages_that_nobody_hears_are_counted(server: Any, topic: str) -> None:
    with target(server.port, f'mqtt_version => 5 topic => "{topic}"') as made:
        deliver(made, "1", "2")
        assert made.context.metrics.counter("published_to_nobody").value == 2


def test_what_was_acknowledged_before_a_connection_broke_is_not_published_again(server: Any, front: Any, topic: str) -> None:
    """The error names the messages that nothing is known of."""
    with Peer(server.port) as peer, target(front.port, f'topic => "{topic}" max_inflight_messages => 1') as made:
        peer.subscribe(topic)
        (payload,) = made.pack([{"message": str(number)} for number in range(20_000)])
        errors: list[Any] = []

        def publish() -> None:
            with pytest.raises(Retry) as raised:
                made.deliver(payload)
            errors.append(raised.value)

        publishing = threading.Thread(target=publish)
        publishing.start()
        until(lambda: len(peer.heard()) > 10, "messages arrive")
        front.cut()
        publishing.join(90)
        (error,) = errors
        left = error.indexes
        assert left == list(range(left[0], 20_000))
        with Peer(server.port) as other:
            other.publish(topic, ["the end"])
        until(lambda: peer.heard()[-1] == "the end", "all has come")
        assert len(peer.heard()) - 1 - left[0] in (0, 1)
