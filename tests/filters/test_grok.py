"""The filter grok: captures into fields, what happens to fields that are there, failures, time limits, bad patterns."""
from __future__ import annotations

import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.reference import FieldError, FieldRef, PassedOverError


def grok(options: str, *events: dict[str, Any], ecs: str = "v8") -> list[dict[str, Any]]:
    """What grok makes of the events, without the fields that every event has."""
    stage = penstock.compile(f"filter {{ grok {{ {options} }} }}", settings={"pipeline.ecs_compatibility": ecs})
    return [{k: v for k, v in event.items() if k not in ("@timestamp", "@version")} for event in stage(list(events))]


TWO = 'match => { "message" => "%{WORD:a} %{INT:[b][c]:int}" }'
FAILED = ["_grokparsefailure"]


@pytest.mark.parametrize(
    ("options", "before", "after"),
    [
        pytest.param(TWO, {"message": "x 5"}, {"message": "x 5", "a": "x", "b": {"c": 5}}, id="captures become fields"),
        pytest.param(TWO, {"message": "x"}, {"message": "x", "tags": FAILED}, id="no match is tagged"),
        pytest.param(TWO, {}, {"tags": FAILED}, id="a missing field is empty text"),
        pytest.param(TWO, {"message": 7}, {"message": 7, "tags": FAILED}, id="a number is matched as text"),
        pytest.param(
            'match => { "message" => "^%{INT:n:float}$" }', {"message": 7}, {"message": 7, "n": 7.0}, id="and may match"
        ),
        pytest.param(TWO, {"message": "x 5", "a": "old"}, {"message": "x 5", "a": ["old", "x"], "b": {"c": 5}}, id="text there: a list"),
        pytest.param(TWO, {"message": "x 5", "a": ["o"]}, {"message": "x 5", "a": ["o", "x"], "b": {"c": 5}}, id="a list there grows"),
        pytest.param(TWO, {"message": "x 5", "a": 1}, {"message": "x 5", "a": 1, "b": {"c": 5}}, id="a number there stays"),
        pytest.param(TWO, {"message": "x 5", "b": {"d": 1}}, {"message": "x 5", "a": "x", "b": {"d": 1, "c": 5}}, id="a map is joined"),
        pytest.param(
            TWO + ' overwrite => ["a"]', {"message": "x 5", "a": "old"}, {"message": "x 5", "a": "x", "b": {"c": 5}}, id="overwrite"
        ),
        pytest.param(
            'match => { "message" => "(?<message>x)" } overwrite => ["message"]', {"message": "axb"}, {"message": "x"}, id="the source"
        ),
        pytest.param(TWO + ' target => "t"', {"message": "x 5"}, {"message": "x 5", "t": {"a": "x", "b": {"c": 5}}}, id="target"),
        pytest.param(TWO + ' target => "[t][u]"', {"message": "x 5"}, {"message": "x 5", "t": {"u": {"a": "x", "b": {"c": 5}}}}, id="deep"),
        pytest.param(
            'match => { "message" => "^(?:a(?<one>x)?)(?<two>.*)$" }', {"message": "a"}, {"message": "a"}, id="empty captures are left out"
        ),
        pytest.param(
            'match => { "message" => "^(?:a(?<one>x)?)(?<two>.*)$" } keep_empty_captures => true',
            {"message": "a"},
            {"message": "a", "one": None, "two": ""},
            id="or kept",
        ),
        pytest.param(
            'match => { "message" => "%{WORD} %{INT:n}" } named_captures_only => false',
            {"message": "x 5"},
            {"message": "x 5", "WORD": "x", "n": "5"},
            id="names of patterns as fields",
        ),
        pytest.param(
            'match => { "message" => ["^%{INT:n}$", "^%{WORD:w}$"] }', {"message": "x"}, {"message": "x", "w": "x"}, id="in turn"
        ),
        pytest.param(
            'match => { "message" => ["%{INT:n}", "%{WORD:w}"] } break_on_match => false',
            {"message": "5"},
            {"message": "5", "n": "5", "w": "5"},
            id="all that match",
        ),
        pytest.param(
            'match => { "message" => "%{INT:n}" }', {"message": ["a 1", "b", "c 2"]}, {"message": ["a 1", "b", "c 2"], "n": ["1", "2"]},
            id="a list, item by item",
        ),
        pytest.param(
            'match => { "message" => "%{WORD:x} %{WORD:x}" }', {"message": "a b"}, {"message": "a b", "x": ["a", "b"]}, id="a name twice"
        ),
        pytest.param('match => { "[a][b]" => "%{INT:n}" }', {"a": {"b": "1"}}, {"a": {"b": "1"}, "n": "1"}, id="a field inside a field"),
        pytest.param(TWO + " tag_on_failure => []", {"message": ""}, {"message": ""}, id="no tag if none is wanted"),
        pytest.param(TWO + ' add_tag => ["ok"]', {"message": ""}, {"message": "", "tags": FAILED}, id="no decoration on failure"),
        pytest.param(
            'match => { "message" => "%{INT:n:int}" }', {"message": "007"}, {"message": "007", "n": 7}, id="an integer as Ruby reads it"
        ),
        pytest.param(
            'match => { "message" => "%{WORD:n:int}" }', {"message": "abc"}, {"message": "abc", "n": 0}, id="text that is not a number is 0"
        ),
        pytest.param(
            'pattern_definitions => { "ID" => "[0-9A-F]{4}" } match => { "message" => "%{ID:id}" }',
            {"message": "xBEEFx"},
            {"message": "xBEEFx", "id": "BEEF"},
            id="patterns of one's own",
        ),
        pytest.param(
            'pattern_definitions => { "WORD" => "x+" } match => { "message" => "%{WORD:w}" }',
            {"message": "axxb"},
            {"message": "axxb", "w": "xx"},
            id="come before the library's",
        ),
        pytest.param('match => { "message" => "%{WORD:tags}" }', {"message": "x"}, {"message": "x", "tags": "x"}, id="tags"),
    ],
)  # fmt: skip
def test_one_event(options: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    assert grok(options, before) == [after]


def test_field_names_follow_the_mode() -> None:
    line = {"message": '127.0.0.1 - - [11/Dec/2013:00:01:45 -0800] "GET / HTTP/1.1" 200 3891'}
    options = 'match => { "message" => "%{HTTPD_COMMONLOG}" }'
    (ecs,) = grok(options, line)
    (legacy,) = grok(options, line, ecs="disabled")
    assert ecs["http"]["response"]["status_code"] == 200
    assert (legacy["response"], legacy["clientip"]) == ("200", "127.0.0.1")


def test_patterns_are_read_from_directories(tmp_path: Path) -> None:
    (tmp_path / "mine.grok").write_text("# a comment\nDUCK qu+ack\n\nDUCKS %{DUCK:duck}!\n")
    (tmp_path / "other.txt").write_text("DUCK moo\n")
    options = f'patterns_dir => ["{tmp_path}"] patterns_files_glob => "*.grok" match => {{ "message" => "%{{DUCKS}}" }}'
    assert grok(options, {"message": "quuack!"}) == [{"message": "quuack!", "duck": "quuack"}]


SLOW = {"message": "a" * 60 + "b"}


def test_a_match_that_takes_too_long_is_ended_and_the_others_go_on() -> None:
    options = 'match => { "message" => "^(?:x|(a|aa)+$)" } timeout_millis => 100'
    assert [event.get("tags") for event in grok(options, {"message": "x"}, SLOW, {"message": "x"})] == [None, ["_groktimeout"], None]


def test_a_pattern_that_tries_everything_is_ended_too() -> None:
    options = 'match => { "message" => "(a+)+$" } timeout_millis => 100'
    assert [event.get("tags") for event in grok(options, SLOW, {"message": "a" * 5000})] == [["_groktimeout"], None]


def test_the_limit_may_hold_for_all_patterns_of_an_event() -> None:
    patterns = ", ".join(['"^(?:x|(a|aa)+$)"'] * 3)
    options = f'match => {{ "message" => [{patterns}] }} timeout_millis => 100 timeout_scope => event tag_on_timeout => "slow"'
    assert grok(options, SLOW)[0]["tags"] == ["slow"]


def test_the_limit_holds_in_a_thread_too() -> None:
    found: list[Any] = []
    options = 'match => { "message" => "^(?:x|(a|aa)+$)" } timeout_millis => 100'
    thread = threading.Thread(target=lambda: found.extend(grok(options, SLOW)))
    thread.start()
    thread.join(60)
    assert [event["tags"] for event in found] == [["_groktimeout"]]


@pytest.mark.parametrize(
    ("options", "code", "text", "says"),
    [
        ('match => { "message" => "%{IPP:a}" }', "E221", '"%{IPP:a}"', "IP"),
        ('match => { "message" => ["%{IP:a}", "%{NOPE:b}"] }', "E221", '"%{NOPE:b}"', "pattern_definitions"),
        ('match => { "message" => "(%{IP:a}" }', "E208", '"(%{IP:a}"', ""),
        ('match => { "a[b" => "%{IP:a}" }', "E207", '"%{IP:a}"', "[name]"),
        ('pattern_definitions => { "A" => "%{B}" "B" => "%{A}" } match => { "message" => "%{A}" }', "E208", '"%{A}"', ""),
        ('match => { "message" => "x" } timeout_scope => "evnt"', "E204", '"evnt"', "event"),
    ],
)
def test_what_is_wrong_is_shown_at_its_place(options: str, code: str, text: str, says: str) -> None:
    with pytest.raises(penstock.ConfigError) as caught:
        penstock.compile(f"filter {{ grok {{ {options} }} }}")
    (found,) = caught.value.diagnostics
    assert found.span is not None
    assert (found.code, found.span.text) == (code, text)
    assert says in found.help


NUMBERS = {
    "BACULA_LOGLINE": [
        "25-Aug 10:50 -sd JobId 24: Start Backup JobId -1, Job=nightly",
        "25-Aug 10:50 bacula-sd JobId 24: Pruned -3 Jobs for client web-1-fd from catalog.",
        "25-Aug 10:50 -fd- JobId 24: Cancelling duplicate JobId=+7.",
    ],
    "CISCOFW733100": [
        "[ Scanning] drop 10.0.0.1 rate-1 exceeded. Current burst rate is -1 per second, max configured rate is +10; "
        "Current average rate is -2 per second, max configured rate is 5; Cumulative total count is -14"
    ],
    "CISCOFW302010": ["-1 in use, +20 most used"],
}


@pytest.mark.parametrize("ecs", ["disabled", "v8"])
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_may_have_signs_and_hosts_begin_with_a_dash(name: str, ecs: str) -> None:
    events = grok(f'match => {{ "message" => "^%{{{name}}}" }}', *({"message": line} for line in NUMBERS[name]), ecs=ecs)
    assert [event.get("tags") for event in events] == [None] * len(events)


@pytest.mark.parametrize("text", ["ab", "abc", "abcd", ""])
def test_of_many_patterns_each_is_tried_once(text: str) -> None:
    """Texts shorter than what patterns start with are found in the table under each of the longer lengths."""
    patterns = ", ".join(f'"^{start}(?<x>)"' for start in ("a", "ab", "abc", "abcd", "zzzzzz"))
    (event,) = grok(f'match => {{ "message" => [{patterns}] }} break_on_match => false keep_empty_captures => true', {"message": text})
    tried = sum(text.startswith(start) for start in ("a", "ab", "abc", "abcd"))
    wanted = {0: {"tags": FAILED}, 1: {"x": ""}}.get(tried, {"x": [""] * tried})
    assert event == {"message": text, **wanted}


@pytest.mark.parametrize("match", ["%{WORD:w} %{NOTSPACE:@timestamp}", "%{WORD:w} %{NOTSPACE:[@metadata]}"])
@pytest.mark.parametrize("also", ["", ' match => { "other" => "x" }', " break_on_match => false", " keep_empty_captures => true"])
def test_a_capture_that_cannot_be_set_is_told(match: str, also: str) -> None:
    """As in every other filter: what would be lost is a failure of the event, whose other fields stay."""
    (event,) = grok(f'match => {{ "message" => "{match}" }}{also}', {"message": "x 2020-01-01T00:00:00Z"})
    assert event.pop("@metadata")["exception"]["filter"] == "grok"
    assert event == {"message": "x 2020-01-01T00:00:00Z", "w": "x", "tags": ["_grok_exception"]}


@pytest.mark.parametrize("name", ["@timestamp", "[@metadata]"])
def test_with_overwrite_such_a_match_counts_as_none(name: str) -> None:
    (event,) = grok(f'match => {{ "message" => "%{{WORD:w}} %{{NOTSPACE:{name}}}" }} overwrite => ["{name}"]', {"message": "x y"})
    event.pop("@metadata")
    assert event == {"message": "x y", "w": "x", "tags": FAILED}


def put(event: dict[str, Any], path: str, value: Any) -> None:
    """What Logstash does with a capture: set, beside a text or in a list what is there, else left out."""
    ref = FieldRef(path)
    held = ref.get(event)
    if held is None:
        ref.set(event, value)
    elif isinstance(held, list):
        held.append(value)
    elif isinstance(held, str):
        ref.set(event, [held, value])


HELD = st.recursive(
    st.sampled_from(["old", 1, None, True]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(["c", "d", "e", "0"]), inner, max_size=3)),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["a", "b", "f"]), HELD), st.sampled_from(["x 5 y z", "x 5 y ", "x 5  z"]))
def test_captures_join_what_is_there(held: dict[str, Any], message: str) -> None:
    """However an event looks: as if they were put there one by one."""
    stage = penstock.compile(
        'filter { grok { match => { "message" => "^(?<a>\\w+) %{INT:[b][c]:int} (?<[b][d][e]>\\w*) (?<f>\\w*)$" } } }'
    )
    _, number, inner, last = message.split(" ")
    (found,) = stage([{**deepcopy(held), "message": message}])
    wanted = deepcopy(held)
    try:
        for path, value in (("a", "x"), ("[b][c]", int(number)), ("[b][d][e]", inner), ("f", last)):
            if value != "":
                put(wanted, path, value)
    except PassedOverError:
        assert found["tags"] == ["_grok_exception"]
    except FieldError:
        assert found["tags"] == FAILED
    else:
        assert {key: found[key] for key in wanted} == wanted
        assert "tags" not in found
