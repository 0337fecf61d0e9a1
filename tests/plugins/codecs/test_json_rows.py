"""Lines whose events are never made: what json_lines writes of their matches is, byte for byte, what
it writes of the events.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.unmade import UnmadeEvents
from penstock.pipeline.compile.instantiate import Assembly, assemble
from penstock.pipeline.compile.stage import Stage
from penstock.pipeline.runtime.decoding import Decoder
from penstock.pipeline.runtime.work import Work
from penstock.plugins.batch import Batch, Chunk, Part
from penstock.plugins.codecs import _json_rows
from penstock.plugins.filter import Filter
from penstock.plugins.input import Input
from penstock.plugins.output import Output

ORIGINS: list[dict[str, Any]] = [
    {},
    {"path": "/\udcff"},
    {"host": {"hostname": 'a "name"\n'}, "log": {"file": {"path": "/a{0}'.log"}, "offset": 7}},
    {"@metadata": {"input": {"x": 1}}, "number": 1.5, "yes": True, "nothing": None},
]
BATCHES = len(ORIGINS) + 1
QUOTED = _json_rows._MOST_QUOTED



@pytest.fixture(autouse=True, scope="module")
def rows_are_written_however_many_quotes_they_have() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json_rows, "_MOST_QUOTED", 1e9)
        yield


TEXTS = {
    "plain": "/p{n}",
    "quotes": '/"p"{n}',
    "backslashes": "\\{n}\\",
    "control characters": "\x00\t\x1f\x7f{n}\r",
    "beyond ASCII": "é€𝄞\u2028{n}",
    "braces": "{{x}}'{n}",
}
MOST = {f"{name} in all": [f"GET {n} {text.format(n=n)}" for n in range(120)] for name, text in TEXTS.items()}
SOME = {
    f"{name} in some": [f"GET {n} {(text if n % 9 == 4 else '/').format(n=n)}" for n in range(120)]
    for name, text in TEXTS.items()
}
LINES = MOST | SOME | {
    "some without a match": [f"GET {n} /" if n % 20 else "nothing" for n in range(120)],
    "most without a match": [f"GET {n} /" if n % 3 == 0 else "nothing" for n in range(120)],
    "some without an optional field": [f"GET {'-' if n % 3 == 1 else n} {'-' if n % 4 == 2 else 'x'}" for n in range(120)],
    "few without an optional field": [f"GET {'-' if n == 70 else n} {'-' if n == 90 else 'x'}" for n in range(120)],
    "numbers in other notations": [f"GET {sign}{n} /" for n in range(40) for sign in ("", "+", "-", "00")],
    "numbers beyond 64 bits": [f"GET {n * 10 ** (n % 30)} /" for n in range(100)],
    "numbers beyond what Python reads": [f"GET {'9' * (5000 if n == 70 else 3)} /" for n in range(100)],
    "lines that are not UTF-8": ["GET 1 \udcff" if n == 70 else f"GET {n} /" for n in range(100)],
}

GROKS = {
    "fields": r'match => { "message" => "^%{WORD:verb} (?:-|%{INT:n}) (?:-|%{GREEDYDATA:rest})$" }',
    "maps": r'match => { "message" => "^%{WORD:[http][verb]} (?:-|%{INT:[http][body][n]:int}) (?:-|%{GREEDYDATA:[url][path]})$" }',
    "maps that may be empty": r'match => { "message" => "^GET (?:-|%{INT:[a][b][n]:int}) (?:-|%{GREEDYDATA:[a][c]})$" }',
    "maps of one field": r'match => { "message" => "^GET (?:-|%{INT:[a][b][n]:int}) (?:-|%{GREEDYDATA:[c][d][e]})$" }',
    "keys that are to be quoted": r'''match => { "message" => "^%{WORD:[é]} (?:-|%{INT:[a{'][\]}) %{GREEDYDATA:[a{'][b]}$" }''',
    "quotes in the expression": r'''match => { "message" => '^%{WORD:verb} (?<n>[^"]*) "?(?<rest>[^"]*)"?' }''',
    "captures in a look-around": r'''match => { "message" => '^(?=%{GREEDYDATA:all}$)(?:"|\w)%{WORD:verb} (?<n>\S+) "?/' }''',
    "captures in captures": r'''match => { "message" => '^%{WORD:verb} (?<x>(?<y>\S+) "?/)' }''',
    "captures in repetitions": r'''match => { "message" => '^%{WORD:verb}(?: (?:"(?<a>.)"|(?<b>[^ ]+)))+$' }''',
    "into what is there": r'match => { "message" => "^%{WORD:[host][hostname]} (?:-|%{INT:[event][code]:int}) (?:-|%{GREEDYDATA:message})" }',
    "into a file's fields": r'match => { "message" => "%{NOTSPACE:[log][file][path]} %{NOTSPACE:[log][level]}" }',
    "overwriting": r'match => { "message" => "^%{WORD:verb} \S+ (?:-|%{GREEDYDATA:message})" } overwrite => ["message"]',
    "below metadata": r'match => { "message" => "%{NOTSPACE:[@metadata][a]} %{NOTSPACE:x}" }',
    "floats": r'match => { "message" => "%{WORD:w} %{NUMBER:n:float}" }',
    "several": r'match => { "message" => ["^GET %{INT:n:int} /$", "%{NOTSPACE:x}"] }',
    "empty kept": r'match => { "message" => "^(?<a>G)(?<b>x)?" } keep_empty_captures => true',
    "a removed field": r'match => { "message" => "^%{WORD:verb} %{INT:n}" } remove_field => ["message", "verb", "tags"]',
    "an added field": r'match => { "message" => "^%{WORD:verb} %{INT:n}" } add_field => { "a" => "%{n}" }',
}  # fmt: skip


def assembled(filters: str, codec: str = "json_lines") -> Assembly:
    text = f"input {{ stdin {{ }} }} filter {{ {filters} }} output {{ stdout {{ codec => {codec} }} }}"
    settings = {"penstock.now": "2026-01-01T00:00:00Z", "penstock.timezone": "UTC"}
    return assemble([Source("a.conf", text)], settled(settings))


def written(filters: str, lines: list[str], may_wait: bool) -> tuple[bytes, int]:
    """What is written of some batches of lines, and for how many of them there were rows."""
    assembly = assembled(filters)
    program = assembly.program
    (source,), (output,) = assembly.plugins(program.inputs), assembly.plugins(program.outputs)
    assert isinstance(source, Input)
    assert isinstance(output, Output)
    decoder, stage, data, held = Decoder(source), Stage(assembly), b"", 0
    block = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
    for origin in (*ORIGINS, ORIGINS[0]):
        batch = Batch(chunks=[Chunk(block, origin)], parts=[Part("one")])
        for events in decoder.batches(batch, True):
            if type(events) is UnmadeEvents:
                events.may_wait = may_wait
            filtered = stage.run(events)
            held += type(filtered) is UnmadeEvents and filtered.rows is not None
            data += b"".join(payload.data for payload in output.pack(filtered))
    return data, held


def is_same(filters: str, lines: list[str]) -> int:
    (rows, held), (events, none) = (written(filters, lines, may) for may in (True, False))
    assert rows.splitlines() == events.splitlines()
    assert none == 0
    return held


@pytest.mark.parametrize("options", GROKS.values(), ids=GROKS)
def test_what_is_written_is_what_the_events_would_have_been(options: str) -> None:
    for lines in LINES.values():
        is_same(f"grok {{ {options} }}", lines)


@pytest.mark.parametrize("name", ["fields", "maps", "into what is there", "a removed field"])
def test_events_of_usual_lines_are_not_made(name: str) -> None:
    assert is_same(f"grok {{ {GROKS[name]} }}", LINES["plain in all"]) == BATCHES


@pytest.mark.parametrize("name", ["floats", "several", "empty kept", "an added field"])
def test_events_that_cannot_be_written_down_are_made(name: str) -> None:
    assert is_same(f"grok {{ {GROKS[name]} }}", LINES["plain in all"]) == 0


@pytest.mark.parametrize(("share", "rows"), [(9, BATCHES), (2, len(ORIGINS))], ids=["in some", "in many, once it was seen"])
def test_events_are_made_where_many_captures_have_quotes(share: int, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_json_rows, "_MOST_QUOTED", QUOTED)
    lines = [f"GET {n} /" + '"p"' * (n % share == 0) for n in range(120)]
    assert is_same(f"grok {{ {GROKS['fields']} }}", lines) == rows


def test_a_capture_in_a_look_around_is_quoted() -> None:
    lines = [f'"{n}"' for n in range(120)]
    match = r"""match => { "message" => '^(?=(?<all>.*))"(?<n>\d+)"' }"""
    assert is_same(f"grok {{ {match} }}", lines) == BATCHES


@pytest.mark.parametrize("name", ["fields", "maps", "quotes in the expression"])
def test_matches_of_another_thread_are_written_alike(name: str) -> None:
    filters, found = f"grok {{ {GROKS[name]} }}", []
    for lines in LINES.values():
        thread = Thread(target=lambda: found.append(written(filters, lines, True)))  # noqa: B023
        thread.start()
        thread.join()
        data, _ = found.pop()
        assert data.splitlines() == written(filters, lines, False)[0].splitlines()


captured = st.text(st.sampled_from('a"\\\n\t\x01é𝄞{}\' 7-'), max_size=6).filter(lambda text: "\n" not in text)


@given(st.lists(st.tuples(captured, captured, captured), min_size=1, max_size=60))
def test_any_text_is_quoted_as_json_quotes_it(rows: list[tuple[str, str, str]]) -> None:
    usual = [f'"a" {n} [/p] "x"' for n in range(60)]
    odd = [f'"{first}" {second} [{third}] "{first}"' for first, second, third in rows]
    match = r"""match => { "message" => '^"(?<a>[^"]*)" (?:-|(?<[b][n]>\S*)) \[(?<[b][c]>.*)\] "(?<d>.*)"' }"""
    is_same(f"grok {{ {match} }}", usual + odd)


DATED = [f"{n % 28 + 1:02d}/Sep/2025:20:{n % 60:02d}:05 +0000 v{n}" for n in range(120)]
DATES = {
    "all read": DATED,
    "most of one second": [DATED[n % 3] for n in range(120)],
    "some not read": [f"99{line[2:]}" if n % 11 == 5 else line for n, line in enumerate(DATED)],
    "some of another length": [line[1:] if line[0] == "0" else line for line in DATED],
    "some lines without a match": ["-" if n % 30 == 9 else line for n, line in enumerate(DATED)],
    "some lines without a date": [f"- {line}" if n % 30 == 9 else line for n, line in enumerate(DATED)],
}
GROK = r'grok { match => { "message" => "^(?:- |(?<[when][text]>\S+ [+]\d+) )(?<x>\S+)$" } }'
FLAT = r'grok { match => { "message" => "^(?:- |(?<when>\S+ [+]\d+) )(?<x>\S+)$" } }'
FORMAT = '"dd/MMM/yyyy:HH:mm:ss Z"'
DATE_FILTERS = {
    "@timestamp": f'{FLAT} date {{ match => ["when", {FORMAT}] remove_field => ["when"] }}',
    "of a nested field": f'{GROK} date {{ match => ["[when][text]", {FORMAT}] remove_field => ["when"] }}',
    "into a new field": f'{FLAT} date {{ match => ["when", {FORMAT}] target => "then" }}',
    "into its own field": f'{FLAT} date {{ match => ["when", {FORMAT}] target => "when" }}',
    "into a nested field": f'{FLAT} date {{ match => ["when", {FORMAT}] target => "[a][b]" }}',
    "twice": f'{FLAT} date {{ match => ["when", {FORMAT}] }} date {{ match => ["when", {FORMAT}] target => "then" remove_field => ["when", "event"] }}',
    "of a field that is gone": f'{FLAT} date {{ match => ["when", {FORMAT}] remove_field => ["when"] }} date {{ match => ["when", {FORMAT}] }}',
    "of the line": f'grok {{ match => {{ "message" => "^(?<x>\\S+)" }} }} date {{ match => ["message", {FORMAT}] }}',
    "of what a date made": f'{FLAT} date {{ match => ["when", {FORMAT}] target => "x2" }} date {{ match => ["x2", "ISO8601"] }}',
    "with a tag": f'{FLAT} date {{ match => ["when", {FORMAT}] add_tag => ["dated"] }}',
}  # fmt: skip


@pytest.mark.parametrize("filters", DATE_FILTERS.values(), ids=DATE_FILTERS)
def test_dates_are_those_of_the_events(filters: str) -> None:
    for lines in DATES.values():
        is_same(filters, lines)


@pytest.mark.parametrize("lines", DATES.values(), ids=DATES)
def test_fields_are_taken_out_in_turn_with_dates(lines: list[str]) -> None:
    date = f'date {{ match => ["when", {FORMAT}] target => "then" }}'
    is_same(f'{FLAT} mutate {{ remove_field => ["then", "message"] }} {date}', lines)
    is_same(f'{FLAT} {date} mutate {{ remove_field => ["then", "when", "event"] }}', lines)
    is_same(f'{FLAT} mutate {{ remove_field => ["when", "then"] }} {date}', lines)


@pytest.mark.parametrize("name", ["@timestamp", "of a nested field", "into a new field", "twice"])
def test_dates_are_read_without_events(name: str) -> None:
    for lines in DATES.values():
        assert is_same(DATE_FILTERS[name], lines) == BATCHES


def test_whoever_looks_at_an_item_gets_events() -> None:
    assembly = assembled(DATE_FILTERS["@timestamp"])
    (source,) = assembly.plugins(assembly.program.inputs)
    assert isinstance(source, Input)
    decoder, stage = Decoder(source), Stage(assembly)
    block = "".join(f"{line}\n" for line in DATES["some lines without a match"]).encode()

    def filtered(may_wait: bool) -> Any:
        for events in decoder.batches(Batch(chunks=[Chunk(block, {})], parts=[Part("one")]), True):
            assert type(events) is UnmadeEvents
            events.may_wait = may_wait
            stage.run(events)
        return events

    plain, *_ = [list(filtered(may_wait)) for may_wait in (False, True, True, True, True, True)]
    assert filtered(True).rows is not None
    assert list(filtered(True)) == plain
    assert filtered(True)[7] == plain[7]
    assert filtered(True)[-3:] == plain[-3:]
    assert [*filtered(True)] == plain
    assert [type(event["@timestamp"]) for event in filtered(True)] == [
        type(event["@timestamp"]) for event in plain
    ]
    (first, second, *_) = filtered(True)
    assert first["event"] is not second["event"]


@pytest.mark.parametrize(
    ("filters", "codec", "held"),
    [
        (FLAT, "json_lines", True),
        (DATE_FILTERS["@timestamp"], "json_lines", True),
        (FLAT, "rubydebug", False),
        (FLAT, 'json_lines { delimiter => "|" }', False),
        (f"{FLAT} mutate {{ remove_field => ['when', 'event', 'tags'] }}", "json_lines", True),
        (f"{FLAT} mutate {{ remove_field => ['[event][original]'] }}", "json_lines", False),
        (f"{FLAT} mutate {{ uppercase => ['x'] }}", "json_lines", False),
        (f"{FLAT} if [x] == 'v1' {{ drop {{ }} }}", "json_lines", False),
        (DATE_FILTERS["with a tag"], "json_lines", False),
    ],
)
def test_matches_are_held_where_nothing_needs_events(filters: str, codec: str, held: bool) -> None:
    assembly = assembled(filters, codec)
    (source,) = assembly.plugins(assembly.program.inputs)
    (output,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(source, Input)
    assert isinstance(output, Output)
    seen: list[bool] = []

    def write(events: list[Any]) -> None:
        seen.append(type(events) is UnmadeEvents and events.rows is not None)
        output.pack(events)

    output.write = write  # type: ignore[method-assign]
    work = Work(assembly, [source])
    block = "".join(f"{line}\n" for line in DATED).encode()
    for _ in range(4):
        work.run(0, Batch(chunks=[Chunk(block, {})], parts=[Part("one")]))
    assert seen[-1] is held


def test_batches_of_which_many_lines_do_not_match_are_made_for_a_while() -> None:
    filters = f"grok {{ {GROKS['fields']} }}"
    assert is_same(filters, LINES["most without a match"]) == len(ORIGINS)


def test_failures_are_counted_once() -> None:
    counts = []
    for may_wait in (True, False):
        assembly = assembled(f"grok {{ {GROKS['fields']} }}")
        (source,), (grok,) = assembly.plugins(assembly.program.inputs), assembly.plugins(assembly.program.filters)
        assert isinstance(source, Input)
        assert isinstance(grok, Filter)
        block = "".join(f"{line}\n" for line in LINES["some without a match"]).encode()
        for events in Decoder(source).batches(Batch(chunks=[Chunk(block, {})], parts=[Part("one")]), True):
            assert type(events) is UnmadeEvents
            events.may_wait = may_wait
            list(grok.run(events))
        counts.append(grok.failures)
    assert counts == [6, 6]


def test_a_match_that_takes_too_long_is_tagged() -> None:
    options = r'match => { "message" => "^(?:(?<b>x)|(a|aa)+$)" } timeout_millis => 100'
    lines = ["x"] * 300
    lines[250] = "a" * 60 + "b"
    data, held = written(f"grok {{ {options} }}", lines, True)
    assert held == BATCHES
    tagged = [b"_groktimeout" in line for line in data.splitlines()]
    assert tagged == [place % 300 == 250 for place in range(300 * BATCHES)]
