"""A byte order mark at the start of a stream is not part of the first record; elsewhere it is text."""

from typing import Any

import pytest

from penstock.plugins.codecs._by_line import ByLine

MARK = b"\xef\xbb\xbf"
CEF = b"CEF:0|v|p|1|s|n|5|"
MULTILINE = {"pattern": "^ ", "what": "previous"}
STREAMS: list[tuple[str, dict[str, Any], bytes]] = [
    ("line", {}, b"a\nb\n"),
    ("line", {"delimiter": "||"}, b"a||b||"),
    ("json_lines", {}, b'{"a":1}\n{"b":2}\n'),
    ("edn_lines", {}, b'{"a" 1}\n{"b" 2}\n'),
    ("es_bulk", {}, b'{"index":{}}\n{"a":1}\n'),
    ("graphite", {}, b"a 1 1\nb 2 2\n"),
    ("multiline", MULTILINE, b"a\n b\nc\n"),
    ("cef", {"delimiter": "\n"}, CEF + b"\n" + CEF + b"\n"),
    ("csv", {"autodetect_column_names": True}, b"id,n\n1,2\n"),
    ("cef", {}, CEF + b"\n" + CEF),
]


def made(codec: Any, name: str, options: dict[str, Any]) -> Any:
    """A codec as an input of a stream has it."""
    found = codec(name, ecs=False, **options)
    return ByLine(found).stream() if found.by_line else found


def events_of(stream: Any, *pieces: bytes) -> list[dict[str, Any]]:
    events = [event for piece in pieces for event in stream.decode(piece)] + stream.flush()
    return [{k: v for k, v in event.items() if k not in ("@timestamp", "@version")} for event in events]


@pytest.mark.parametrize(("name", "options", "data"), STREAMS)
def test_it_is_taken_off_the_start_however_its_bytes_come(
    codec: Any, name: str, options: dict[str, Any], data: bytes
) -> None:
    wanted = events_of(made(codec, name, options), data)
    assert events_of(made(codec, name, options), MARK + data) == wanted
    assert events_of(made(codec, name, options), *[bytes([byte]) for byte in MARK + data]) == wanted
    assert events_of(made(codec, name, options).stream(), MARK + data) == wanted
    assert events_of(made(codec, name, options), MARK) == events_of(made(codec, name, options))


@pytest.mark.parametrize("charset", ["UTF-16LE", "UTF-16BE", "UTF-16", "UTF-32LE"])
@pytest.mark.parametrize("name", ["line", "json_lines", "multiline"])
def test_it_is_taken_off_in_other_sets_of_unicode(codec: Any, name: str, charset: str) -> None:
    options = {**(MULTILINE if name == "multiline" else {}), "charset": charset}
    data = '\ufeff{"a":"é"}\n{"b":1}\n'.encode(charset if charset[-2:] != "16" else "utf-16-be")
    first, second = events_of(codec(name, ecs=False, **options), *[data[i : i + 1] for i in range(len(data))])
    assert first == ({"a": "é"} if name == "json_lines" else {"message": '{"a":"é"}'})
    assert second == ({"b": 1} if name == "json_lines" else {"message": '{"b":1}'})


def test_a_set_without_it_keeps_its_bytes(codec: Any) -> None:
    assert events_of(codec("line", ecs=False, charset="ISO-8859-1"), MARK + b"a\n") == [{"message": "ï»¿a"}]


@pytest.mark.parametrize("begun", [False, True])
def test_later_it_is_text(codec: Any, begun: bool) -> None:
    stream = codec("line", ecs=False).stream(begun=begun)
    head = [] if begun else [b"a\n"]
    events = events_of(stream, *head, MARK + b"b\n", MARK + MARK + b"c")
    assert [event["message"] for event in events] == ["a", "\ufeffb", "\ufeff\ufeffc"][begun:]


def test_the_start_of_one_that_is_none_is_kept(codec: Any) -> None:
    assert events_of(codec("line", ecs=False), b"\xef", b"\xbb", b"x") == [{"message": "\\xEF\\xBBx"}]
    assert events_of(codec("line", ecs=False), b"\xef", b"\xbb") == [{"message": "\\xEF\\xBB"}]


@pytest.mark.parametrize("name", ["plain", "json", "edn"])
def test_each_payload_may_have_one(codec: Any, name: str) -> None:
    stream = codec(name, ecs=True)
    for _ in range(2):
        assert stream.decode(MARK + b"{}") == stream.decode(b"{}")
