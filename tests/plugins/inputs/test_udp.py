"""The input udp: a datagram is a payload; what is lost is counted and said."""
from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

Listen = Callable[..., Any]
UDP = 'udp { host => "127.0.0.1" port => 0 '
TEMPLATE = bytes.fromhex("0009000100000001000000010000000100000009" "0000000c0100000100010004")
FLOW = bytes.fromhex("0009000100000001000000010000000200000009" "0100000800000007")


def sender(port: int, host: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    made.connect((host, port))
    return made


def send(served: Any, *datagrams: bytes) -> None:
    with sender(served.port) as made:
        for datagram in datagrams:
            made.send(datagram)


@pytest.mark.parametrize(
    ("codec", "datagrams", "messages"),
    [
        ("plain", [b"one\ntwo\n", b"three"], ["one\ntwo\n", "three"]),
        ("line", [b"one\ntwo", b"three\n"], ["one", "two", "three"]),
        ("json", [b'{"message":"one"}', b'[{"message":"two"},{"message":"three"}]', b"{"], ["one", "two", "three", "{"]),
        ("json_lines", [b'{"message":"one"}\n{"message":"two"}'], ["one", "two"]),
    ],
)
def test_a_datagram_is_a_payload(listen: Listen, codec: str, datagrams: list[bytes], messages: list[str]) -> None:
    served = listen(UDP + f"codec => {codec} }}")
    send(served, *datagrams)
    assert served.messages(len(messages)) == messages


@pytest.mark.parametrize(
    ("options", "origin"),
    [
        ("", {"host": {"ip": "127.0.0.1"}}),
        ("ecs_compatibility => disabled", {"host": "127.0.0.1"}),
        ('source_ip_fieldname => "[from][ip]"', {"from": {"ip": "127.0.0.1"}}),
        ('codec => json source_ip_fieldname => "message"', {"message": "one"}),
    ],
)
def test_events_say_where_they_come_from(listen: Listen, options: str, origin: dict[str, Any]) -> None:
    served = listen(UDP + options + "}")
    send(served, b'{"message":"one"}')
    served.messages(1)
    assert served.events[0].items() >= origin.items()


def test_ipv4_is_taken_where_ipv6_is_listened_on(listen: Listen) -> None:
    served = listen('udp { host => "::" port => 0 }')
    send(served, b"four")
    with sender(served.port, "::1") as made:
        made.send(b"six")
    served.messages(2)
    assert sorted(event["host"]["ip"] for event in served.events) == ["127.0.0.1", "::1"]


def test_datagrams_that_are_too_long_are_cut_counted_and_said(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    served = listen(UDP + "buffer_size => 3 }")
    send(served, b"one", b"three", b"")
    assert served.messages(2) == ["one", "thr"]
    assert served.source.context.metrics.values()["datagrams_truncated"] == 1
    assert "1 datagrams were longer than 3 bytes" in caplog.text


def test_what_the_system_drops_is_counted_and_said(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    served = listen(UDP + "queue_size => 10 receive_buffer_bytes => 20000 }")
    served.taken.clear()
    count = 5000
    send(served, *[b"%d" % number for number in range(count)])
    served.until(lambda: served.source.context.metrics.values()["datagrams_dropped"] > 0)
    served.taken.set()
    dropped = served.source.context.metrics.values()["datagrams_dropped"]
    served.until(lambda: len(served.events) == count - dropped)
    assert f"the system dropped {dropped:.0f} datagrams" in caplog.text


def test_a_stop_delivers_what_has_come(listen: Listen) -> None:
    served = listen(UDP + "receive_buffer_bytes => 4000000 }")
    served.taken.clear()
    send(served, *[b"%d" % number for number in range(200)])
    served.taken.set()
    served.stop()
    assert [event["message"] for event in served.events] == [str(number) for number in range(200)]


def test_a_codec_that_remembers_templates_sees_all_of_one_sender(listen: Listen) -> None:
    served = listen(UDP + "codec => netflow }")
    send(served, TEMPLATE, *[FLOW] * 20)
    served.until(lambda: len(served.events) == 20)
    assert {event["netflow"]["in_bytes"] for event in served.events} == {7}
    assert served.events[0]["host"] == {"ip": "127.0.0.1"}
