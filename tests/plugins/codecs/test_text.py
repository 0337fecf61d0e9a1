"""The codecs of plain text: line, plain and dots."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.template import Template
from penstock.dsl.timestamp import Timestamp

EVENT = {
    "@timestamp": Timestamp("2015-12-07T11:37:00.123Z"),
    "@version": "1",
    "@metadata": {"hidden": 1},
    "message": "hello",
    "host": {"name": "h1", "ip": ["1.2.3.4", None], "n": 1.0},
}


def bare(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without what a line's event gets from the codec beside its text."""
    assert all(event["@version"] == "1" and event["@timestamp"] == "2024-05-06T07:08:09.000Z" for event in events)
    return [{key: value for key, value in event.items() if not key.startswith("@")} for event in events]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"\n\n", ["", ""]),
        (b"a\r\nb", ["a\r", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"g\xc3\xbct\nb\xf6s \"x\"\n", ["güt", 'b\\xF6s "x"']),
    ],
)
def test_a_line_is_an_event(codec: Any, data: bytes, lines: list[str]) -> None:
    line = codec("line", ecs=False)
    assert bare([*line.decode(data), *line.flush()]) == [{"message": text} for text in lines]
    line = codec("line")
    assert bare([*line.decode(data), *line.flush()]) == [{"message": text, "event": {"original": text}} for text in lines]


def test_a_delimiter_may_be_longer_and_the_charset_holds_for_it(codec: Any) -> None:
    line = codec("line", ecs=False, delimiter="||", charset="UTF-16BE")
    assert bare(line.decode("ä|b||c|".encode("utf-16-be"))) == [{"message": "ä|b"}]
    assert bare(line.decode("|d".encode("utf-16-be"))) == [{"message": "c"}]
    assert bare(line.flush()) == [{"message": "d"}]
    assert bare(line.flush()) == []


def test_a_line_over_the_limit_comes_in_parts_that_are_tagged(codec: Any) -> None:
    line = codec("line", ecs=False, decode_size_limit_bytes=4)
    assert bare(line.decode(b"abc\ndefghi\njkl\n")) == [
        {"message": "abc"},
        {"message": "defg", "tags": ["_linetoobig"]},
        {"message": "hi", "tags": ["_linetoobig"]},
        {"message": "jkl"},
    ]


def test_events_of_two_streams_do_not_mix(codec: Any) -> None:
    one = codec("line", ecs=False)
    one.decode(b"first ")
    other = one.stream()
    assert bare(other.decode(b"second\n")) == [{"message": "second"}]
    assert bare(one.decode(b"half\n")) == [{"message": "first half"}]


@pytest.mark.parametrize(
    ("data", "text"), [(b"", ""), (b"a\nb\n", "a\nb\n"), (b"\xe2\x9c\x93", "✓"), (b"a\xe9b", "a\\xE9b")]
)
def test_plain_takes_a_payload_whole(codec: Any, data: bytes, text: str) -> None:
    assert codec("plain", ecs=False).decode(data) == [{"message": text}]
    assert codec("plain").decode(data) == [{"message": text, "event": {"original": text}}]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (None, "2015-12-07T11:37:00.123Z {name=h1, n=1.0, ip=[1.2.3.4, null]} hello"),
        ("%{message} %{[host][name]} %{+yyyy} %{nope}", "hello h1 2015 %{nope}"),
        ("%{a[b]}", "%{a[b]}"),  # no field reference: the text is written as it stands
        ("", ""),
    ],
)
def test_events_are_written_through_a_format(codec: Any, template: str | None, text: str) -> None:
    options = {} if template is None else {"format": Template(template)}
    before = str(EVENT)
    assert codec("plain", **options).encode([EVENT, EVENT]).decode() == text * 2
    assert codec("line", delimiter="|", **options).encode([EVENT, EVENT]).decode() == f"{text}|" * 2
    assert str(EVENT) == before


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({}, "%{host} %{message}"),
        ({"message": 5, "host": True}, "true 5"),
        ({"@timestamp": EVENT["@timestamp"], "message": "m"}, "2015-12-07T11:37:00.123Z %{host} m"),
        ({"message": "\ud83d", "host": "h"}, "h ?"),
    ],
)
def test_an_event_has_a_text_without_a_format(codec: Any, event: dict[str, Any], text: str) -> None:
    assert codec("plain").encode([event]).decode() == text


def test_a_dot_for_each_event(codec: Any) -> None:
    assert codec("dots").encode([{}, {}, {}]) == b"..."


def test_an_empty_delimiter_is_refused(problems: Any) -> None:
    for name in ("line", "json_lines"):
        assert [problem.option for problem in problems(name, delimiter="")] == ["delimiter"]
