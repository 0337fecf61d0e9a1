"""The usual form of RFC 3164 is taken apart by an expression of its own, as Logstash's pattern does it."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.codec import Codec
from penstock.plugins.inputs._syslog_codec import SyslogCodec
from penstock.plugins.inputs._syslog_rfc3164 import find
from penstock.plugins.inputs.syslog import Syslog

PARTS = (
    ["34", "0", "191", "999", "1000", "x"],
    ["Oct 11", "Oct  1", "Oct 1", "Feb 31", "October 11", "oct 11", "2024-10-11T"],
    [" 22:14:15", " 24:00:00", " 22:14:60", " 2:14:15", "22:14:15Z", " 22:14"],
    [" host", " a.b-c.example", " 10.0.0.1", " 1.2.3.4.5", " ::1", " a_b", " -", "", " " + "x" * 70, " a..b", " <1.2> host"],
    [" su", " /usr/sbin/cron", " a-b_c.d", " su:", " a b", " %ASA-6-302013", " 7z", ""],
    ["[71]", "[0]", "[x]", "", "[1234567890]", " "],
    [": ", ":", ":  ", " - ", ": : "],
    ["text", "", "two\nlines", "<13>Oct 11 22:14:15 host su: inner", "\x00", "ä"],
)


def codec(ecs: str, is_usual: bool) -> Codec:
    settings = settled({"penstock.now": "2024-10-12T07:08:09Z", "penstock.timezone": "UTC", "pipeline.ecs_compatibility": ecs})
    assembly = assemble([Source("a.conf", "input { syslog { } } output { null { } }")], settings)
    (plugin,) = assembly.plugins(assembly.program.inputs)
    assert isinstance(plugin, Syslog)
    made = plugin.whole
    assert isinstance(made, SyslogCodec)
    if not is_usual:
        made = SyslogCodec(made.inner, made.rules._replace(is_usual=False))
    return made.stream({"host": {"ip": "127.0.0.1"} if ecs == "v8" else "127.0.0.1"})


@pytest.fixture(scope="module", params=["v8", "disabled"])
def both(request: pytest.FixtureRequest) -> Callable[[str], list[dict[str, Any]]]:
    """What the usual way and the pattern alone make of a message."""
    codecs = [codec(request.param, is_usual) for is_usual in (True, False)]

    def decoded(text: str) -> list[dict[str, Any]]:
        return [each.complete(each.decode(text.encode()))[0] for each in codecs]

    return decoded


@given(st.tuples(*map(st.sampled_from, PARTS)))
def test_the_usual_way_gives_what_the_pattern_gives(both: Callable[[str], list[dict[str, Any]]], parts: tuple[str, ...]) -> None:
    priority, *rest = parts
    usual, patterned = both(f"<{priority}>{''.join(rest)}")
    assert usual == patterned


def test_what_is_usual_goes_the_usual_way() -> None:
    assert find("<34>Oct 11 22:14:15 mymachine su[71]: text")
    assert find("<34>Oct  1 22:14:15 a.b.example /usr/sbin/cron: text")
