"""What holds for every codec: bytes of any kind become events, at whatever places they are cut."""
from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.plugins.contract import Codec

STREAMING: list[tuple[str, dict[str, Any], bytes]] = [
    ("line", {}, b"ab\n\r\xc3\xa9\xff"),
    ("line", {"delimiter": "\r\n"}, b"ab\n\r"),
    ("line", {"charset": "UTF-16LE"}, b"a\x00\n\x00\xd8"),
    ("line", {"charset": "Shift_JIS"}, b"a\n\x83\x65\x5c"),
    ("json_lines", {}, b'{"a":1}[],\n \xff'),
    ("multiline", {"pattern": "^ ", "what": "previous"}, b"ab \n\xff"),
    ("multiline", {"pattern": "b$", "what": "next", "max_lines": 2}, b"ab \n\r"),
    ("cef", {"delimiter": "\\n"}, b"CEF:0|a|b|c|d|e|5|x=1 \n"),
    ("es_bulk", {}, b'{"a":{}}\n\n'),
    ("graphite", {}, b"a.b 1.5\n"),
    ("edn_lines", {}, b"{:a \"1\"}\n"),
]
ALL: list[tuple[str, dict[str, Any]]] = [
    ("plain", {}),
    ("json", {}),
    ("line", {}),
    ("json_lines", {}),
    ("multiline", {"pattern": "a", "what": "previous"}),
    ("cef", {}),
    ("cef", {"delimiter": "\n"}),
    ("csv", {}),
    ("edn", {}),
    ("edn_lines", {}),
    ("msgpack", {}),
    ("graphite", {}),
    ("gzip_lines", {}),
]


def ids(value: Any) -> str:
    return value if type(value) is str else ""


MADE: dict[str, Codec] = {}


def stream(codec: Any, name: str, **options: Any) -> Codec:
    """A codec at the start of a stream; made once, for it may take a while."""
    key = f"{name} {options}"
    if key not in MADE:
        MADE[key] = codec(name, **options)
    return MADE[key].stream()


@pytest.mark.parametrize(("name", "options", "alphabet"), STREAMING, ids=ids)
@given(places=st.lists(st.integers(0, 1000), max_size=80), cuts=st.lists(st.integers(0, 80), max_size=6))
def test_events_do_not_depend_on_how_the_bytes_come(
    codec: Any, name: str, options: dict[str, Any], alphabet: bytes, places: list[int], cuts: list[int]
) -> None:
    data = bytes(alphabet[place % len(alphabet)] for place in places)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    whole, parts = stream(codec, name, **options), stream(codec, name, **options)
    expected = [*whole.decode(data), *whole.flush()]
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert [*(event for piece in pieces for event in parts.decode(piece)), *parts.flush()] == expected


@pytest.mark.parametrize(("name", "options"), ALL, ids=ids)
@given(data=st.binary(max_size=200), ecs=st.booleans())
def test_any_bytes_become_events(codec: Any, name: str, options: dict[str, Any], data: bytes, ecs: bool) -> None:
    made = stream(codec, name, ecs=ecs, **options)
    events = [*made.decode(data), *made.flush()]
    assert all(type(event) is dict for event in events)
    text = data.removeprefix(b"\xef\xbb\xbf").strip()
    assert events or not text or text.startswith(b"[")
    assert [*made.decode(b""), *made.flush()] in ([], stream(codec, name, ecs=ecs, **options).decode(b""))
