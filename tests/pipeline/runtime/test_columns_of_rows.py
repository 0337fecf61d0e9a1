"""What a window needs of lines that grok took apart, read off the matches: the same as of their events."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.dsl.unmade import UnmadeEvents
from penstock.filters.window import Window
from penstock.pipeline.compile.generate import generate
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.decoding import Decoder
from penstock.plugins.batch import Batch, Chunk, Part
from penstock.plugins.input import Input

NOW = Timestamp("2025-09-04T08:00:30.000Z")
GROK = 'grok { match => { "message" => "^%{NOTSPACE:at} %{NOTSPACE:who} (?:-|%{WORD:[a][b]}) (?:-|%{INT:[a][n]:int}) (?<rest>.*)$" } }'
DATE = 'date { match => ["at", "ISO8601"] remove_field => ["at"] }'
LINES = [f"2025-09-04T08:00:{n % 60:02}.{n:03}Z u{n % 5} {'-' if n % 3 == 0 else 'b'} {'-' if n % 4 == 0 else n} {'x' if n % 2 else ''}" for n in range(100)]
SUM = 'sum => { "s" => "[a][n]" }'

# By what, with which functions: and whether the events stay as they are.
WINDOWS = {
    "by text": (f'by => ["who"] {SUM}', True),
    "by two, one of them a number that may lack": (f'by => ["who", "[a][n]"] {SUM}', False),
    "by text that may lack": (f'by => ["[a][b]"] {SUM}', False),
    "texts counted": ('by => ["who"] count => { "c" => "[a][b]" } distinct => { "d" => "rest" }', True),
    "a field of the stream": (f'by => ["[host][hostname]"] {SUM}', False),
    "a whole map": ('by => ["a"]', False),
    "by the time": ('by => ["@timestamp"]', False),
    "by nothing": (SUM, False),
    "a removed field": ('by => ["who"] count => { "c" => "at" }', False),
}


def columns(window: str, lines: list[str], waits: bool) -> tuple[list[list[list[Any]] | None], list[bool]]:
    """The columns of each batch; whether its events were still not made then."""
    text = f'input {{ stdin {{ }} }} filter {{ {GROK} {DATE} window {{ id => "w" size => "1m" keep => false {window} }} }}'
    assembly = assemble([Source("a.conf", text)], settled({"penstock.now": NOW}))
    (source,) = assembly.plugins(assembly.program.inputs)
    *head, last = assembly.program.filters
    (filter_,) = assembly.plugins([last])
    assert isinstance(source, Input)
    assert isinstance(filter_, Window)
    run, told, unmade = generate(head, assembly.made, "filters", None).run, [], []
    for _ in range(2):
        chunk = Chunk("".join(f"{line}\n" for line in lines).encode(), {"host": {"hostname": "here"}})
        for events in Decoder(source).batches(Batch(chunks=[chunk], parts=[Part("one")]), True):
            assert isinstance(events, UnmadeEvents)
            events.may_wait = waits
            run(events)
            told.append(filter_.columns_of(events))
            unmade.append(events.rows is not None)
    return told, unmade


@pytest.mark.parametrize("name", WINDOWS)
def test_they_are_those_of_the_events(name: str) -> None:
    window, stays = WINDOWS[name]
    read, unmade = columns(window, LINES, True)
    assert read == columns(window, LINES, False)[0]
    assert unmade[0] is stays


@pytest.mark.parametrize("odd", ["nothing", f"2025-09-04T08:00:00.000Z u b {'9' * 5000} x", "yesterday u b 1 x"])
def test_a_line_out_of_the_ordinary_has_the_events_made(odd: str) -> None:
    window, _ = WINDOWS["by text"]
    lines = [*LINES, odd]
    read, unmade = columns(window, lines, True)
    assert read == columns(window, lines, False)[0]
    assert unmade == [False, False]
