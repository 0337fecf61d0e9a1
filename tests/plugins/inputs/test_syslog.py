"""The input syslog: RFC 3164 as Logstash takes it apart, RFC 5424 beside it, UDP and TCP on one port."""
from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble

Listen = Callable[..., Any]
SYSLOG = 'syslog { host => "127.0.0.1" port => 0 '
SU = b"<34>Oct 11 22:14:15 mymachine su[71]: 'su root' failed for lonvick on /dev/pts/8"


def only(served: Any, message: bytes, protocol: str = "tcp") -> dict[str, Any]:
    """The one event that a message becomes."""
    if protocol == "tcp":
        served.send(message + b"\n")
    else:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.sendto(message, ("127.0.0.1", served.port))
    served.messages(1)
    event: dict[str, Any] = served.events[0]
    return event


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_message_of_rfc_3164_with_ecs(listen: Listen, protocol: str) -> None:
    assert only(listen(SYSLOG + "}"), SU, protocol) == {
        "message": "'su root' failed for lonvick on /dev/pts/8",
        "event": {"original": SU.decode()},
        "host": {"ip": "127.0.0.1", "hostname": "mymachine"},
        "process": {"name": "su", "pid": 71},
        "log": {
            "syslog": {
                "priority": 34,
                "severity": {"code": 2, "name": "Critical"},
                "facility": {"code": 4, "name": "security/authorization"},
            }
        },
        "service": {"type": "system"},
        "@timestamp": "2024-10-11T22:14:15.000Z",
        "@version": "1",
        "@metadata": {"input": {"syslog": {"protocol": protocol}}},
    }


def test_a_message_of_rfc_3164_without_ecs(listen: Listen) -> None:
    assert only(listen(SYSLOG + "}", **{"pipeline.ecs_compatibility": "disabled"}), SU) == {
        "message": "'su root' failed for lonvick on /dev/pts/8",
        "priority": 34,
        "severity": 2,
        "severity_label": "Critical",
        "facility": 4,
        "facility_label": "security/authorization",
        "timestamp": "Oct 11 22:14:15",
        "logsource": "mymachine",
        "program": "su",
        "pid": "71",
        "host": "127.0.0.1",
        "@timestamp": "2024-10-11T22:14:15.000Z",
        "@version": "1",
        "@metadata": {"input": {"syslog": {"protocol": "tcp"}}},
    }


STRUCTURED = (
    b'<165>1 2003-10-11T22:14:15.003+02:00 mymachine.example.com evntslog 33 ID47 [a@1 iut="3" iut="4" q="x\\"]\\]"][b@1] '
    b"\xef\xbb\xbfAn application \xc3\xa4"
)


def test_a_message_of_rfc_5424_with_ecs(listen: Listen) -> None:
    event = only(listen(SYSLOG + "}"), STRUCTURED)
    assert event["message"] == "An application ä"
    assert event["@timestamp"] == "2003-10-11T20:14:15.003Z"
    assert event["host"] == {"ip": "127.0.0.1", "hostname": "mymachine.example.com"}
    assert event["process"] == {"name": "evntslog", "pid": 33}
    assert event["log"]["syslog"] == {
        "version": "1",
        "msgid": "ID47",
        "structured_data": {"a@1": {"iut": ["3", "4"], "q": 'x"]]'}, "b@1": {}},
        "priority": 165,
        "severity": {"code": 5, "name": "Notice"},
        "facility": {"code": 20, "name": "local4"},
    }
    assert "tags" not in event


def test_a_message_of_rfc_5424_without_ecs(listen: Listen) -> None:
    event = only(listen(SYSLOG + "ecs_compatibility => disabled }"), STRUCTURED)
    wanted = {
        "logsource": "mymachine.example.com", "program": "evntslog", "pid": "33", "priority": 165, "severity": 5,
        "syslog5424_ver": "1", "syslog5424_msgid": "ID47", "timestamp": "2003-10-11T22:14:15.003+02:00",
        "syslog5424_sd": '[a@1 iut="3" iut="4" q="x\\"]\\]"][b@1]', "@timestamp": "2003-10-11T20:14:15.003Z",
    }
    assert event.items() >= wanted.items()


def test_what_a_message_of_rfc_5424_does_not_say_is_not_there(listen: Listen) -> None:
    event = only(listen(SYSLOG + "}"), b"<13>1 - - - - - -")
    assert (event["message"], event["host"], "process" in event) == ("", {"ip": "127.0.0.1"}, False)
    assert event["log"]["syslog"].keys() == {"version", "priority", "severity", "facility"}
    assert event["@timestamp"] == "2024-10-12T07:08:09.000Z"


@pytest.mark.parametrize("options", ["rfc5424 => false", 'grok_pattern => "<%{POSINT:priority}>%{SYSLOGLINE}"'])
def test_rfc_5424_is_no_syslog_where_a_configuration_relies_on_that(listen: Listen, options: str) -> None:
    event = only(listen(SYSLOG + options + "}"), STRUCTURED)
    assert event["tags"] == ["_grokparsefailure_sysloginput"]
    assert event["log"]["syslog"]["priority"] == 13


@pytest.mark.parametrize("text", [b"hello", b"", b"<999>1 - - - - - -", b"<13>", b"\x00\xff", b"<13>1 - - - - - [x", b"<0x>Oct 11 22:14:15 m x: y"])
def test_what_is_no_syslog_is_passed_on_with_a_tag(listen: Listen, text: bytes) -> None:
    served = listen(SYSLOG + "}")
    served.send(text + b"\n" + SU + b"\n")
    served.messages(2 if text else 1)
    event = served.events[0]
    if not text:
        assert "tags" not in event  # an empty line is no message
        return
    assert event["message"] == text.decode("utf-8", "backslashreplace").replace("xff", "xFF")
    assert event["tags"] == ["_grokparsefailure_sysloginput"]
    assert event["log"]["syslog"]["severity"] == {"code": 5, "name": "Notice"}
    assert event["log"]["syslog"]["facility"] == {"code": 1, "name": "user-level"}


@pytest.mark.parametrize(
    ("time", "options", "expected"),
    [
        ("Oct  1 02:03:04", "", "2024-10-01T02:03:04.000Z"),
        ("Oct 1 02:03:04", "", "2024-10-01T02:03:04.000Z"),
        ("2024-02-03T04:05:06.789+01:00", "", "2024-02-03T03:05:06.789Z"),
        ("Oct 11 22:14:15", 'timezone => "America/Los_Angeles"', "2024-10-12T05:14:15.000Z"),
        ("Mai 11 22:14:15", "locale => de grok_pattern => '<%{POSINT:priority}>(?<timestamp>\\w+ \\d+ \\S+) %{DATA:message}$'", "2024-05-11T22:14:15.000Z"),
    ],
)
def test_the_time_of_a_message_is_the_event_s(listen: Listen, time: str, options: str, expected: str) -> None:
    event = only(listen(SYSLOG + options + "}"), f"<13>{time} host program: text".encode())
    assert (event["@timestamp"], "timestamp" in event, event.get("tags")) == (expected, False, None)


def test_a_time_that_cannot_be_read_is_a_tag(listen: Listen) -> None:
    event = only(listen(SYSLOG + 'grok_pattern => "<%{POSINT:priority}>%{WORD:timestamp} %{GREEDYDATA:message}" }'), b"<13>yesterday text")
    assert (event["message"], event["tags"], event["@timestamp"]) == ("text", ["_dateparsefailure"], "2024-10-12T07:08:09.000Z")


@pytest.mark.parametrize(
    ("options", "severity", "facility"),
    [
        ("use_labels => false", {"code": 2}, {"code": 4}),
        ('severity_labels => ["a", "b", "c"] facility_labels => ["z"]', {"code": 2, "name": "c"}, {"code": 4}),
    ],
)
def test_labels_are_chosen(listen: Listen, options: str, severity: Any, facility: Any) -> None:
    told = only(listen(SYSLOG + options + "}"), SU)["log"]["syslog"]
    assert (told["severity"], told["facility"]) == (severity, facility)


@pytest.mark.parametrize(
    ("pattern", "priority"),
    [("%{GREEDYDATA:message}", 0), ("<%{WORD:[log][syslog][priority]}>%{GREEDYDATA:message}", 34), ("<(?<[log][syslog]>..)>", 0)],
)
def test_a_pattern_of_one_s_own(listen: Listen, pattern: str, priority: int) -> None:
    event = only(listen(SYSLOG + f"grok_pattern => '{pattern}' }}"), b"<34>text")
    assert "tags" not in event
    told = event["log"]["syslog"]
    assert told == "34" if pattern.endswith("<(?<[log][syslog]>..)>") else told["priority"] == priority


def test_a_codec_comes_first_and_another_field_may_hold_the_text(listen: Listen) -> None:
    served = listen(SYSLOG + 'codec => json syslog_field => "line" }')
    event = only(served, b'{"line":"<34>Oct 11 22:14:15 m su: text","other":1}')
    assert (event["message"], event["other"], event["line"]) == ("text", 1, "<34>Oct 11 22:14:15 m su: text")
    assert event["log"]["syslog"]["priority"] == 34


def test_messages_with_their_length_in_front(listen: Listen) -> None:
    served = listen(SYSLOG + "}")
    two = b"<13>Oct 11 22:14:15 m p: one\ntwo"
    served.send(b"%d %s%d %s" % (len(two), two, len(SU), SU))
    assert served.messages(2) == ["one\ntwo", "'su root' failed for lonvick on /dev/pts/8"]


def test_a_proxy_names_the_client(listen: Listen) -> None:
    event = only(listen(SYSLOG + "proxy_protocol => true }"), b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 514\r\n" + SU)
    assert event["host"] == {"ip": "192.0.2.7", "hostname": "mymachine"}


def test_an_evil_pattern_is_ended(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.plugins.inputs.syslog._MATCH_SECONDS", 0.1)
    event = only(listen(SYSLOG + 'grok_pattern => "(?:a|a)+(?:a|a)+(?:a|a)+$" }'), b"a" * 200 + b"!")
    assert event["tags"] == ["_groktimeout", "_grokparsefailure_sysloginput"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('grok_pattern => "%{NOBODY}"', "unknown pattern %{NOBODY}"),
        ('timezone => "Mars/Olympus"', "Mars/Olympus"),
        ("ssl_enabled => true", "a server with TLS needs a certificate"),
    ],
)
def test_options_that_cannot_be_used_are_said(options: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble([Source("a.conf", f"input {{ syslog {{ {options} }} }} output {{ null {{ }} }}")], settled(None))
    assert said in str(caught.value)
