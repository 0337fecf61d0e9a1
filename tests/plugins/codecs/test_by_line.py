"""Codecs that take one line, on a stream of bytes."""
from __future__ import annotations

from typing import Any

from penstock.plugins.codecs._by_line import ByLine


def test_each_line_is_decoded_for_itself(codec: Any) -> None:
    lines = ByLine(codec("plain", ecs=False))
    assert lines.decode(b"a\n\nb") == [{"message": "a"}]
    assert lines.flush() == [{"message": "b"}]
    assert lines.encode([{"message": "m", "host": "h"}]) == b"h m"


def test_each_stream_is_cut_for_itself(codec: Any) -> None:
    one = ByLine(codec("plain", ecs=False))
    one.decode(b"half")
    other = one.stream({"host": "h"})
    assert other.complete(other.decode(b"x\n"))[0]["host"] == "h"
    assert one.decode(b"\n") == [{"message": "half"}]
