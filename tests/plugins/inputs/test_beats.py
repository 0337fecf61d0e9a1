"""The input beats: what events are made of what Beats send, when they are acknowledged, and who is disconnected."""
from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates
from servers.lumberjack import ack, event, messages, packed, pairs, window

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble

Listen = Callable[..., Any]
BEATS = 'beats { host => "127.0.0.1" port => 0 '
SENT = {
    "@timestamp": "2024-10-01T02:03:04.567Z",
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.19.0"},
    "message": "one",
    "host": {"name": "web-1"},
}
WITH_ECS = {"@metadata": SENT["@metadata"] | {"input": {"beats": {"host": {"ip": "127.0.0.1"}}}}}
WITHOUT = {"@metadata": SENT["@metadata"] | {"ip_address": "127.0.0.1"}}
APPLIED = {"tags": ["beats_input_codec_plain_applied"]}
ORIGINAL = {"event": {"original": "one"}}
NO_ECS = "ecs_compatibility => disabled "
CODEC_NO_ECS = {"pipeline.ecs_compatibility": "disabled"}


def receive(connection: socket.socket, size: int = 6) -> bytes:
    """So many bytes; fewer where the connection ends."""
    connection.settimeout(30)
    found = b""
    while len(found) < size:
        try:
            more = connection.recv(size - len(found))
        except ConnectionResetError:
            break
        if not more:
            break
        found += more
    return found


@pytest.mark.parametrize(
    ("options", "sent", "expected"),
    [
        ("", {}, SENT | WITH_ECS | APPLIED | ORIGINAL),
        (NO_ECS, {}, SENT | WITHOUT | APPLIED),
        (NO_ECS + "enrich => none", {}, SENT),
        (NO_ECS + "enrich => codec_metadata", {}, SENT | APPLIED),
        (NO_ECS + "enrich => [source_metadata]", {}, SENT | WITHOUT),
        (NO_ECS + "enrich => all", {}, SENT | WITHOUT | APPLIED),
        (NO_ECS + "include_codec_tag => false", {}, SENT | WITHOUT),
        ("enrich => none", {"event": {"kind": "x"}}, SENT | {"event": {"kind": "x"}}),
        ("enrich => none", {"@metadata": None}, SENT | {"message": None, "tags": ["_jsonparsefailure"]}),
        (NO_ECS, {"tags": ["own"]}, SENT | WITHOUT | {"tags": ["own", *APPLIED["tags"]]}),
        (NO_ECS, {"message": None, "a": 1}, SENT | WITHOUT | {"message": None, "a": 1, "tags": ["beats_input_raw_event"]}),
        (NO_ECS + "enrich => none", {"message": 5}, SENT | {"message": "5"}),
        (NO_ECS + "enrich => none", {"message": {"a": [1, None]}}, SENT | {"message": '{"a":[1,null]}'}),
        (NO_ECS + "enrich => none", {"@metadata": {"input": 1}}, SENT | {"@metadata": {"input": 1}}),
        ("", {"@metadata": {"input": 1}}, SENT | APPLIED | ORIGINAL | {"@metadata": {"input": {"beats": {"host": {"ip": "127.0.0.1"}}}}}),
        (NO_ECS + "enrich => none codec => json", {"message": '{"a":1,"host":"x"}'}, {**SENT, "a": 1, "message": None}),
        (NO_ECS + "codec => json", {"message": "{"}, SENT | WITHOUT | {"message": "{", "tags": ["_jsonparsefailure", "beats_input_codec_json_applied"]}),
        (NO_ECS + "enrich => none add_hostname => true", {"beat": {"hostname": "b"}}, None),
        (NO_ECS + "add_hostname => true", {"beat": {"hostname": "b"}, "host": None}, SENT | WITHOUT | APPLIED | {"beat": {"hostname": "b"}, "host": None}),
        ("add_hostname => true include_codec_tag => false", {"beat": {"hostname": "b"}}, "b"),
        ("enrich => none type => kind tags => [own] add_field => { field => value }", {}, SENT | ORIGINAL | {"type": "kind", "tags": ["own"], "field": "value"}),
    ],
)
def test_what_a_beat_sends_becomes_an_event(listen: Listen, options: str, sent: dict[str, Any], expected: Any) -> None:
    if expected is None:
        with pytest.raises(ConfigError, match="cannot stand beside"):
            listen(BEATS + options + " }")
        return
    served = listen(BEATS + options + " }", **(CODEC_NO_ECS if NO_ECS in options else {}))
    with served.dial() as made:
        made.sendall(window(1) + packed(event(1, SENT | sent)))
        assert receive(made) == ack(1)
    (found,) = served.events
    if expected == "b":
        assert found["@metadata"]["input"]["beats"]["host"] == {"ip": "127.0.0.1", "name": "b"}
        return
    if expected.get("tags") == ["_jsonparsefailure"]:
        assert found["tags"] == expected["tags"]
        assert json.loads(found["message"]) == SENT | sent
        return
    wanted = {key: value for key, value in expected.items() if value is not None}
    held = {key: value for key, value in found.items() if key != "@version" and value is not None}
    assert held == wanted


def test_the_text_of_older_senders_is_the_message(listen: Listen) -> None:
    served = listen(BEATS + NO_ECS + "}")
    with served.dial() as made:
        made.sendall(window(2, "1") + pairs(1, {b"line": b"one", b"file": b"/log"}) + pairs(2, {b"offset": b"7"}))
        assert receive(made) == ack(2, "1")
    first, second = served.events
    assert (first["message"], first["file"], first["tags"]) == ("one", "/log", APPLIED["tags"])
    assert (second["offset"], second["tags"]) == ("7", ["beats_input_raw_event"])
    assert "line" not in first


def test_one_text_may_be_many_events_each_with_all_that_was_sent(listen: Listen) -> None:
    served = listen(BEATS + "codec => json_lines }")
    with served.dial() as made:
        made.sendall(window(1) + event(1, SENT | {"message": '{"n":1}\n{"n":2}'}))
        assert receive(made) == ack(1)
    one, two = served.events
    assert [one["n"], two["n"]] == [1, 2]
    assert one["host"] == two["host"] == {"name": "web-1"}
    assert one["host"] is not two["host"]


@pytest.mark.parametrize("payload", [b"", b"nonsense", b"[1]", b"7", b'{"a":', b"\xff\xfe", b"[" * 5000, b'{"a":1}{"b":2}'])
def test_what_is_not_a_map_is_kept_tagged_and_spares_its_neighbours(listen: Listen, payload: bytes) -> None:
    served = listen(BEATS + "}")
    with served.dial() as made:
        made.sendall(window(3) + event(1, SENT) + event(2, payload) + event(3, SENT))
        assert receive(made) == ack(3)
    first, bad, last = served.events
    assert first["message"] == last["message"] == "one"
    assert (bad["message"], bad["tags"]) == (payload.decode("utf-8", "backslashreplace"), ["_jsonparsefailure"])


def test_numbers_beyond_a_double_are_read_all_the_same(listen: Listen) -> None:
    served = listen(BEATS + "enrich => none }")
    with served.dial() as made:
        made.sendall(window(1) + event(1, b'{"message":"one","n":1e999}'))
        assert receive(made) == ack(1)
    assert served.events[0]["message"] == "one"
    assert "tags" not in served.events[0]


def test_windows_are_acknowledged_in_their_order_each_with_its_number(listen: Listen) -> None:
    served = listen(BEATS + "}")
    with served.dial() as made:
        made.sendall(messages("a", "b") + messages("c") + messages("d", "e", "f"))
        assert receive(made, 18) == ack(2) + ack(1) + ack(3)
    assert served.messages(6) == list("abcdef")


def test_a_large_window_is_acknowledged_as_it_is_delivered(listen: Listen) -> None:
    served = listen(BEATS + "}")
    texts = [f"{number} ".ljust(300, "x") for number in range(3000)]
    with served.dial() as made:
        made.sendall(window(3000) + packed(*[event(i, {"message": text}) for i, text in enumerate(texts, 1)]))
        numbers = [0]
        while numbers[-1] < 3000:
            answer = receive(made)
            assert answer[:2] == b"2A"
            numbers.append(int.from_bytes(answer[2:], "big"))
    assert numbers == sorted(set(numbers))
    assert served.messages(3000) == texts


def test_a_client_that_waits_is_told_so_and_acknowledged_in_the_end(listen: Listen) -> None:
    served = listen(BEATS + "client_inactivity_timeout => 1 }")
    served.taken.clear()
    with served.dial() as made:
        made.sendall(messages("one"))
        assert receive(made) == ack(0)
        served.taken.set()
        assert receive(made) == ack(1)


def test_a_client_that_says_nothing_is_disconnected(listen: Listen) -> None:
    served = listen(BEATS + "client_inactivity_timeout => 0.1 }")
    with served.dial() as made:
        made.sendall(messages("one") + window(2) + event(1, SENT)[:9])
        assert receive(made, 100) == ack(1)


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", packed(packed(event(1, SENT))), packed(b"\0" * 100_000), b"2C\xff\xff\xff\xff"],
    ids=["not Lumberjack", "packed twice", "a bomb", "too long"],
)
def test_who_breaks_the_protocol_is_disconnected_and_nobody_else(listen: Listen, caplog: pytest.LogCaptureFixture, data: bytes) -> None:
    served = listen(BEATS + 'max_frame_bytes => "64kb" }')
    with served.dial() as bad, served.dial() as good:
        good.sendall(window(2) + event(1, SENT))
        bad.sendall(data)
        assert receive(bad) == b""
        good.sendall(event(2, SENT))
        assert receive(good) == ack(2)
    assert "the connection from 127.0.0.1 was closed" in caplog.text


def test_frames_that_are_too_many_to_be_held_come_one_after_the_other(listen: Listen) -> None:
    served = listen(BEATS + 'max_pending_bytes => "64kb" }')
    texts = [f"{number} ".ljust(40_000, "x") for number in range(8)]
    answers: list[bytes] = []

    def send(text: str) -> None:
        with served.dial() as made:
            data = messages(text)
            for start in range(0, len(data), 4000):
                made.sendall(data[start : start + 4000])
                time.sleep(0.001)  # so that the frames of all come at the same time
            answer = ack(0)
            while answer == ack(0):
                answer = receive(made)
            answers.append(answer)

    threads = [threading.Thread(target=send, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert answers == [ack(1)] * 8
    assert sorted(served.messages(8)) == sorted(texts)


def test_a_client_that_goes_away_before_it_is_acknowledged_does_no_harm(listen: Listen) -> None:
    served = listen(BEATS + "}")
    served.taken.clear()
    with served.dial() as made:
        made.sendall(messages("one"))
    served.taken.set()
    assert served.messages(1) == ["one"]
    with served.dial() as made:
        made.sendall(messages("two"))
        assert receive(made) == ack(1)


def tls_client(certificates: Certificates, pair: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.ca)
    if pair is not None:
        context.load_cert_chain(*certificates.pair(pair))
    return context


@pytest.mark.parametrize(
    ("authentication", "pair", "peer"),
    [
        ("none", None, {"status": "unverified"}),
        ("optional", None, {"status": "unverified"}),
        ("required", "client", {"status": "verified", "subject": "CN=client", "protocol": "TLSv1.3"}),
        ("required", None, None),
        ("required", "foreign", None),
        ("required", "expired", None),
    ],
)
def test_clients_are_known_by_their_certificates(
    listen: Listen, tmp_path: Path, authentication: str, pair: str | None, peer: dict[str, str] | None
) -> None:
    certificates = Certificates(tmp_path)
    options = f'ssl_enabled => true ssl_certificate => "{tmp_path}/server.pem" ssl_key => "{tmp_path}/server.key"'
    options += f' ssl_certificate_authorities => "{certificates.ca}" ssl_client_authentication => {authentication}'
    served = listen(BEATS + NO_ECS + options + " enrich => all }")
    with served.dial() as plain:
        try:
            with tls_client(certificates, pair).wrap_socket(plain, server_hostname="localhost") as made:
                made.sendall(messages("one"))
                answer = receive(made)
        except OSError:
            answer = b""
    assert answer == (b"" if peer is None else ack(1))
    if peer is not None:
        told = served.events[0]["@metadata"]["tls_peer"]
        assert {key: told[key] for key in peer} == peer


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("beats { }", "`port`"),
        ("beats { port => 1 enrich => [none, codec_metadata] }", "`none` cannot stand beside others"),
        ("beats { port => 1 enrich => some }", "some"),
        ("beats { port => 1 enrich => none include_codec_tag => false }", "`include_codec_tag` cannot stand beside `enrich`"),
        ('beats { port => 1 codec => multiline { pattern => "^ " what => previous } }', "lines cannot be joined here"),
        ("beats { port => 1 ssl_enabled => true }", "needs a certificate"),
        ("beats { port => 1 max_frame_bytes => 5 }", "1024"),
        ("lumberjack { port => 1 }", "needs a certificate"),
    ],
)
def test_options_that_are_wrong_are_said(config: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble([Source("(test)", f"input {{ {config} }}")], settled({}))
    assert reason in str(caught.value)


def test_the_input_lumberjack_adds_nothing(listen: Listen) -> None:
    served = listen('lumberjack { host => "127.0.0.1" port => 0 ssl_enabled => false }', **CODEC_NO_ECS)
    with served.dial() as made:
        made.sendall(window(1) + event(1, SENT))
        assert receive(made) == ack(1)
    assert {key: value for key, value in served.events[0].items() if key != "@version"} == SENT
