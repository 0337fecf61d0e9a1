"""Lines whose events grok makes itself, captures and all: the same events as if they had been made
first, key by key and in the same order.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.dsl.unmade import UnmadeEvents
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.stage import Stage
from penstock.pipeline.runtime.decoding import Decoder
from penstock.plugins.batch import Batch, Chunk, Part
from penstock.plugins.filter import Filter
from penstock.plugins.input import Input

ORIGIN = {"host": {"hostname": "here"}, "log": {"file": {"path": "/a.log"}, "offset": 7}}
NOW = Timestamp("2026-01-01T00:00:00.000Z")

LINES = {
    "numbers": [f"{word} {n} /p{n % 7}" for n, word in enumerate(("GET", "PUT", "-") * 40)],
    "often": [f"a{n} {'u' if n % 3 else '-'} {n if n % 5 else '-'}" for n in range(120)],
    "seldom": [f"a{n} {'u' if n == 60 else '-'} 5" for n in range(120)],
    "odd": ["GET 1 /x", "", "GET", 'é 2 "q"', "GET 1 /x\r", "\x00 1 \\"] * 20,
    "huge numbers": ["a 7 /", f"a {'9' * 5000} /"] * 40,
    "none": ["nothing here"] * 60,
}

GROKS = {
    "fields": r'match => { "message" => "%{NOTSPACE:verb} %{INT:n:int} %{NOTSPACE:[url][path]}" }',
    "floats": r'match => { "message" => "%{NOTSPACE:verb} %{NUMBER:[a][n]:float}" }',
    "optional": r'match => { "message" => "^%{NOTSPACE:[a][id]} (?:-|%{WORD:[a][user]}) (?:-|%{INT:[a][n]:int})$" }',
    "optional fields": r'match => { "message" => "^%{NOTSPACE:id} (?:-|%{WORD:user}) (?:-|%{INT:[n][of]:int})$" }',
    "all optional": r'match => { "message" => "^\S+ (?:-|%{WORD:[a][user]}) (?:-|%{INT:[a][b][n]})" }',
    "into what is there": r'match => { "message" => "%{NOTSPACE:[host][hostname]} (?:-|%{WORD:[event][code]}) %{GREEDYDATA:message}" }',
    "into a file's fields": r'match => { "message" => "%{NOTSPACE:[log][file][path]} %{NOTSPACE:[log][level]}" }',
    "beside a number": r'match => { "message" => "%{NOTSPACE:[log][offset]} %{NOTSPACE:x}" }',
    "over a map": r'match => { "message" => "%{NOTSPACE:host} %{NOTSPACE:x}" }',
    "below text": r'match => { "message" => "%{NOTSPACE:[message][x]} %{NOTSPACE:x}" }',
    "overwriting": r'match => { "message" => "%{NOTSPACE:verb} (?:-|%{GREEDYDATA:message})" } overwrite => ["message"]',
    "overwriting the origin": r'match => { "message" => "%{NOTSPACE:[@version]} %{NOTSPACE:x}" } overwrite => ["@version"]',
    "the time": r'match => { "message" => "%{NOTSPACE:@timestamp} %{NOTSPACE:x}" }',
    "tags": r'match => { "message" => "%{NOTSPACE:tags} %{NOTSPACE:x}" }',
    "metadata": r'match => { "message" => "%{NOTSPACE:[@metadata][a]} %{NOTSPACE:x}" }',
    "a target": r'match => { "message" => "%{NOTSPACE:a} %{NOTSPACE:[b][c]}" } target => "t"',
    "a target that is there": r'match => { "message" => "%{NOTSPACE:name}" } target => "host"',
    "several": r'match => { "message" => ["^%{INT:n} %{GREEDYDATA:rest}", "^%{WORD:w} %{INT:[a][n]:int}", "%{NOTSPACE:x}"] }',
    "many": r'match => { "message" => ["^1 %{INT:n}", "^2 %{INT:n}", "^3 %{INT:n}", "^GET %{INT:[a][n]:int}", "^(?<é>é)"] }',
    "nothing captured": r'match => { "message" => "GET" }',
    "one capture": r'match => { "message" => "(?<a>a)(\d)" }',
    "empty kept": r'match => { "message" => "^(?<a>x?)(?<b>y)?" } keep_empty_captures => true',
    "decorated": r'match => { "message" => "%{WORD:w}" } add_field => { "f" => "%{w} %{message}" } remove_field => ["event", "w"] add_tag => ["t"]',
    "a removed field": r'match => { "message" => "%{WORD:w} %{INT:n}" } remove_field => ["message", "w"]',
    "tags of its own": r'match => { "message" => "^%{INT:n}$" } tag_on_failure => ["a", "b"]',
    "event by event": r'match => { "message" => "%{WORD:w}" } timeout_scope => event',
    "two fields": r'match => { "message" => "%{WORD:w}" "[host][hostname]" => "%{WORD:h}" } break_on_match => false',
    "another field": r'match => { "[event][original]" => "%{WORD:w}" }',
    "unlimited": r'match => { "message" => "%{NOTSPACE:verb} %{INT:n:int}" } timeout_millis => 0',
}


def made(options: str, lines: list[str], unmade: bool, ecs: str = "v8") -> list[dict[str, Any]]:
    """The events of two batches of lines."""
    text = f"input {{ stdin {{ }} }} filter {{ grok {{ {options} }} }} output {{ null {{ }} }}"
    assembly = assemble([Source("a.conf", text)], settled({"pipeline.ecs_compatibility": ecs}))
    source, grok, _ = assembly.plugins(
        [*assembly.program.inputs, *assembly.program.filters, *assembly.program.outputs]
    )
    assert isinstance(source, Input)
    assert isinstance(grok, Filter)
    decoder, stage, events = Decoder(source), Stage(assembly), []
    data = "".join(f"{line}\n" for line in lines).encode()
    for origin in (ORIGIN, {"host": {"hostname": "there"}}):
        batch = Batch(chunks=[Chunk(data, origin)], parts=[Part("one")])
        for some in decoder.batches(batch, unmade and grok.takes_lines):
            events += stage.run(some)
        assert batch.parts[0].events == len(lines)
    return [{**event, "@timestamp": NOW} for event in events]


@pytest.mark.parametrize("options", GROKS.values(), ids=GROKS)
def test_events_are_as_if_they_had_been_made_first(options: str) -> None:
    for lines in LINES.values():
        whole, first = made(options, lines, True), made(options, lines, False)
        assert json.dumps(whole) == json.dumps(first)


@pytest.mark.parametrize("name", ["fields", "overwriting", "into what is there"])
def test_they_are_without_the_common_schema(name: str) -> None:
    for lines in (LINES["numbers"], LINES["often"]):
        whole, first = (made(GROKS[name], lines, unmade, "disabled") for unmade in (True, False))
        assert json.dumps(whole) == json.dumps(first)


def test_the_types_of_what_the_events_hold_are_the_same() -> None:
    (event, *_), (other, *_) = (
        made(GROKS["fields"], LINES["numbers"], unmade) for unmade in (True, False)
    )
    assert {key: type(value) for key, value in event.items()} == {
        key: type(value) for key, value in other.items()
    }


def test_events_share_no_map() -> None:
    first, second, *_ = made(GROKS["into what is there"], LINES["numbers"], True)
    first["host"]["hostname"].append("x")
    first["event"]["code"] = "x"
    assert second["host"]["hostname"] == ["here", "PUT"]
    assert second["event"]["code"] == "1"


def test_lines_over_the_limit_are_tagged_events() -> None:
    options = r'match => { "message" => "%{WORD:w}" }'
    text = f"""input {{ stdin {{ codec => line {{ decode_size_limit_bytes => 20 }} }} }}
filter {{ grok {{ {options} }} }} output {{ null {{ }} }}"""
    assembly = assemble([Source("a.conf", text)], settled(None))
    (source,) = assembly.plugins(assembly.program.inputs)
    assert isinstance(source, Input)
    stage = Stage(assembly)
    data = b"word\n" * 60 + b"x" * 50 + b"\n" + b"last"
    batch = Batch(chunks=[Chunk(data, {})], parts=[Part("one")])
    events = [event for some in Decoder(source).batches(batch, True) for event in stage.run(some)]
    assert [event["message"] for event in events[60:]] == ["x" * 20, "x" * 20, "x" * 10, "last"]
    assert [event.get("tags") for event in events[60:]] == [["_linetoobig"]] * 3 + [None]
    assert [event["w"] for event in events] == [event["message"] for event in events]


def test_few_lines_are_made_first() -> None:
    for lines in (LINES["numbers"][:3], []):
        assert made(GROKS["fields"], lines, True) == made(GROKS["fields"], lines, False)


def test_decorated_inputs_and_other_codecs_give_events() -> None:
    for options in (
        'add_field => { "a" => "b" }',
        "codec => json_lines",
    ):
        text = f"input {{ tcp {{ port => 1 {options} }} }} output {{ null {{ }} }}"
        assembly = assemble([Source("a.conf", text)], settled(None))
        (source,) = assembly.plugins(assembly.program.inputs)
        assert isinstance(source, Input)
        batch = Batch(chunks=[Chunk(b'{"n": 1}\n', {})], parts=[Part("one")])
        for events in Decoder(source).batches(batch, True):
            assert type(events) is not UnmadeEvents


@pytest.mark.parametrize("place", [10, 250])
def test_a_match_that_takes_too_long_is_tagged_and_the_others_are_matched(place: int) -> None:
    """Among the first lines, by which it is told what is usual, and behind them."""
    options = r'match => { "message" => "^(?:(?<b>x)|(a|aa)+$)" } timeout_millis => 100'
    lines = ["x"] * 300
    lines[place] = "a" * 60 + "b"
    events = made(options, lines, True)
    assert [event.get("tags") for event in events] == [
        ["_groktimeout"] if number % 300 == place else None for number in range(600)
    ]
    assert [event.get("b") for event in events].count("x") == 598
