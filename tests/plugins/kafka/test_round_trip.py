"""Events to Kafka and from there again through ``penstock run``: nothing is lost to a kill, and what is odd is kept or refused by itself."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates
from servers.kafka_topics import Topic
from servers.penstock_process import Penstock

FROM = """input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"] group_id => "{topic}" auto_offset_reset => "earliest"
    session_timeout_ms => 2000 heartbeat_interval_ms => 500 poll_timeout_ms => 20 {more} }} }}"""
TO = 'output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{topic}" {more} }} }}'


class Reading:
    """What a pipeline reads from a topic, as lines of JSON."""

    def __init__(self, directory: Path, topic: Topic, more: str = "", address: str = "") -> None:
        self._directory, self._path = directory, directory / "arrived"
        config = FROM.format(address=address or topic.address, topic=topic.name, more=more)
        metadata = 'filter { if [@metadata][kafka] { mutate { copy => { "[@metadata][kafka]" => "kafka" } } } }'
        self._config = f'{config}\n{metadata}\noutput {{ file {{ path => "{self._path}" }} }}'

    def process(self, *options: str) -> Penstock:
        return Penstock(self._directory, self._config, *options, name="reads")

    def events(self) -> list[Any]:
        return [json.loads(line) for line in self._path.read_text().splitlines()] if self._path.exists() else []

    def all(self, count: int, *options: str) -> list[Any]:
        """So many events, read by a process."""
        with self.process(*options) as run:
            run.until(lambda: len(self.events()) >= count, f"{count} events are read")
            run.stop()
        return self.events()


def write(directory: Path, topic: Topic, lines: list[str], more: str, *options: str, name: str = "", address: str = "") -> str:
    """Write lines through a pipeline; what it said."""
    config = "input { stdin { codec => json_lines } }\n"
    config += TO.format(address=address or topic.address, topic=name or topic.name, more=more)
    with Penstock(directory, config, *options, name="writes", stdin="".join(f"{line}\n" for line in lines).encode()) as run:
        assert run.wait() == 0, run.said()
        return run.said()


@pytest.mark.parametrize("workers", ["2", pytest.param("1", marks=pytest.mark.soak("Kafka, one node", "kafka"))])
def test_events_go_to_a_topic_and_come_from_it(workers: str, tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    topic = make_topic(1)
    write(tmp_path, topic, [json.dumps({"number": n, "text": "ä" * n}) for n in range(300)], "codec => json", "-w", workers)
    events = Reading(tmp_path, topic, "codec => json").all(300, "-w", workers)
    assert [(event["number"], event["text"]) for event in events] == [(n, "ä" * n) for n in range(300)]


def test_key_partition_topic_and_headers_are_those_of_the_event(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    topic = make_topic(3)
    lines = [json.dumps({"user": f"u{n}", "part": n % 3, "tail": topic.name[2:], "n": n}) for n in range(9)]
    more = """message_key => "%{user}" partition => "%{part}" codec => json tombstone_field => "gone"
        message_headers => { "source" => "test" "number" => "%{n}" }"""
    lines += [json.dumps({"user": "u1", "part": 1, "tail": topic.name[2:], "n": 9, "gone": True})]
    write(tmp_path, topic, lines, more, name="t-%{tail}")
    records = topic.records()
    found = [(r.partition(), (r.key() or b"").decode(), dict(r.headers() or [])) for r in records]
    wanted = {0: (0, 3, 6), 1: (1, 4, 7, 9), 2: (2, 5, 8)}
    users = {**{n: f"u{n}" for n in range(9)}, 9: "u1"}
    assert found == [(part, users[n], {"source": b"test", "number": b"%d" % n}) for part, numbers in wanted.items() for n in numbers]
    assert [r.value() is None for r in records].count(True) == 1


def test_a_key_goes_to_the_partition_that_the_java_client_gives_it(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    """Murmur2 of the key, as it is since Kafka 0.8: for four partitions, these."""
    topic = make_topic(4)
    write(tmp_path, topic, [json.dumps({"key": key}) for key in "abcdef"], 'message_key => "%{key}"')
    assert {r.key(): r.partition() for r in topic.records()} == {key.encode(): murmur2(key.encode()) % 4 for key in "abcdef"}


def murmur2(data: bytes) -> int:
    """The hash that the Java client takes, written anew from its definition (seed 0x9747b28c, made positive)."""
    mask, factor = 0xFFFFFFFF, 0x5BD1E995
    found = (0x9747B28C ^ len(data)) & mask
    for start in range(0, len(data) - len(data) % 4, 4):
        word = int.from_bytes(data[start : start + 4], "little") * factor & mask
        word = (word ^ (word >> 24)) * factor & mask
        found = (found * factor & mask) ^ word
    rest = data[len(data) - len(data) % 4 :]
    if rest:
        found = (found ^ int.from_bytes(rest, "little")) * factor & mask
    found = (found ^ (found >> 13)) * factor & mask
    return (found ^ (found >> 15)) & 0x7FFFFFFF


def test_events_are_decorated_with_where_they_come_from(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    topic = make_topic(1)
    topic.put(["one"], key="k", headers=[("h", b"v"), ("raw", b"\xff")], timestamp=1_700_000_000_000)
    topic.put([None], key="k")
    (one, gone) = Reading(tmp_path, topic, 'decorate_events => "extended"').all(2, "-w", "2")
    common = {"topic": topic.name, "consumer_group": topic.name, "partition": 0, "key": "k"}
    assert one["kafka"] == {**common, "offset": 0, "timestamp": 1_700_000_000_000, "headers": {"h": "v"}}
    assert one["message"] == "one"
    assert gone["kafka"].pop("timestamp") > 1_700_000_000_000
    assert gone["kafka"] == {**common, "offset": 1, "headers": {}, "tombstone": True}
    assert "message" not in gone


def test_a_message_that_cannot_be_decoded_is_tagged_and_read_once(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    topic = make_topic(1)
    topic.put(['{"n": 1}', "{broken", b"\xff\xfe", '{"n": 2}'])
    events = Reading(tmp_path, topic, 'codec => json decorate_events => "basic"').all(4)
    assert [event.get("n") for event in events] == [1, None, None, 2]
    assert [event.get("tags") for event in events] == [None, ["_jsonparsefailure"], ["_jsonparsefailure"], None]
    assert [event["kafka"]["offset"] for event in events] == [0, 1, 2, 3]
    assert topic.committed(topic.name) == [4]


def test_a_message_that_is_too_large_is_a_dead_letter_and_the_others_arrive(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    """Too large for the client, and too large for the topic: that the broker says of a whole batch of them."""
    topic = make_topic(1, max_message_bytes="20000")
    texts = {50: "x" * 2_000_000, 120: "y" * 50_000}
    lines = [json.dumps({"n": n, "text": texts.get(n, "z")}) for n in range(200)]
    said = write(tmp_path, topic, lines, 'codec => plain { format => "%{n} %{text}" }', "--dead_letter_queue.enable")
    assert sorted(int(value.split()[0]) for value in topic.values()) == [n for n in range(200) if n not in texts]
    assert "sent to dead letters" in said
    found = Penstock(tmp_path, f'input {{ dead_letter_queue {{ path => "{tmp_path}/writes.data/dead_letter_queue" commit_offsets => false }} }} '
                     f'output {{ file {{ path => "{tmp_path}/letters" }} }}', name="letters")
    with found as run:
        run.until(lambda: (tmp_path / "letters").exists() and len((tmp_path / "letters").read_text().splitlines()) == 2, "two dead letters")
        run.stop()
    assert sorted(json.loads(line)["n"] for line in (tmp_path / "letters").read_text().splitlines()) == [50, 120]


def test_a_kill_while_it_writes_loses_nothing(tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    """The first life sends little at a time, so that it is killed in the middle."""
    topic = make_topic(1)
    log = tmp_path / "log"
    log.write_text("".join(f"line {n}\n" for n in range(20_000)))
    lives = []
    for slowly in ("batch_events => 20 max_in_flight => 2 linger_ms => 50", ""):
        more = f'codec => plain {{ format => "%{{message}}" }} {slowly}'
        config = f'input {{ file {{ path => "{log}" start_position => "beginning" sincedb_write_interval => 0.1 }} }}\n'
        lives.append(config + TO.format(address=topic.address, topic=topic.name, more=more))
    with Penstock(tmp_path, lives[0]) as run:
        run.until(lambda: bool(topic.values()), "it writes")
        run.kill()
    assert len(topic.values()) < 20_000
    with Penstock(tmp_path, lives[1]) as run:
        run.until(lambda: len(set(topic.values())) == 20_000, "nothing is lost")
        run.stop()


SOAK = ("TLS", "no certificate of its own", "a certificate of a stranger", "no TLS on the other side")
"""Ways that are like another one, and are tried only when they are asked for."""


def ways(found: Mapping[str, Sequence[str]]) -> list[Any]:
    return [pytest.param(*way, id=name, marks=pytest.mark.soak("Kafka, one node", "kafka") if name in SOAK else ()) for name, way in found.items()]


SECURED = {
    "TLS": ("tls", 'security_protocol => "SSL"', ""),
    "mutual TLS": ("mutual", 'security_protocol => "SSL"', 'ssl_certificate => "{0}/client.pem" ssl_key => "{0}/client.key"'),
    "TLS and a login": ("sasl_tls", 'security_protocol => "SASL_SSL"', "sasl_jaas_config => '{1}'"),
}
LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="alice" password="open sesame";'


@pytest.mark.parametrize(("listener", "protocol", "more"), ways(SECURED))
def test_both_ways_with(listener: str, protocol: str, more: str, broker: Any, tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    topic, address = make_topic(1), f"127.0.0.1:{broker.ports[listener]}"
    options = f'{protocol} ssl_certificate_authorities => ["{broker.certificates}/ca.pem"] {more.format(broker.certificates, LOGIN)}'
    write(tmp_path, topic, ['{"n": 1}'], f"codec => json {options}", address=address)
    assert Reading(tmp_path, topic, f"codec => json {options}", address).all(1)[0]["n"] == 1


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of another authority."""
    directory = tmp_path_factory.mktemp("strangers")
    Certificates(directory)
    return directory


UNTRUSTED = {
    "an authority that did not sign": ("tls", 'ssl_truststore_location => "{1}/foreign-ca.pem"', "ssl_truststore_location"),
    "no certificate of its own": ("mutual", 'ssl_certificate_authorities => ["{0}/ca.pem"]', "security_protocol|ssl_keystore_location|kafka"),
    "a certificate of a stranger": (
        "mutual",
        'ssl_certificate_authorities => ["{0}/ca.pem"] ssl_certificate => "{1}/foreign.pem" ssl_key => "{1}/foreign.key"',
        "ssl_certificate",
    ),
    "a certificate that has expired": (
        "mutual",
        'ssl_certificate_authorities => ["{0}/ca.pem"] ssl_certificate => "{0}/expired.pem" ssl_key => "{0}/expired.key"',
        "ssl_certificate",
    ),
    "no TLS on the other side": ("plain", 'ssl_certificate_authorities => ["{0}/ca.pem"]', "security_protocol"),
}


@pytest.mark.parametrize(("listener", "more", "option"), ways(UNTRUSTED))
def test_a_run_that_cannot_be_trusted_ends_at_once_with(
    listener: str, more: str, option: str, broker: Any, tmp_path: Path, strangers: Path
) -> None:
    address = f"127.0.0.1:{broker.ports[listener]}"
    options = more.format(broker.certificates, strangers).replace(" ssl_", "\nssl_")
    config = TO.format(address=address, topic="any", more=f'\nsecurity_protocol => "SSL"\n{options}')
    with Penstock(tmp_path, f"input {{ generator {{ count => 1 }} }}\n{config}") as run:
        assert run.wait() == 1
    said = run.said()
    assert "E250" in said
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert any(shown[:mark].endswith(f"{name} => ") or shown[mark:].startswith(name) for name in option.split("|"))


def test_a_topic_that_is_not_made_is_said_at_its_option(tmp_path: Path, broker: Any) -> None:
    config = FROM.format(address=broker.address, topic="not-there", more="auto_create_topics => false")
    with Penstock(tmp_path, f"{config} output {{ stdout {{ }} }}") as run:
        assert run.wait() == 1
    assert "topic `not-there` does not exist" in run.said()
