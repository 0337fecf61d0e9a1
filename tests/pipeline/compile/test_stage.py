"""The public calls: a stage takes plain dicts and gives plain dicts; a codec turns bytes into them and back."""
import copy
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.pipeline.compile.stage import Stage

NOW = {"penstock.now": "2025-09-04T12:00:00Z"}


def test_an_event_gets_what_every_event_has() -> None:
    (event,) = penstock.compile("", NOW)([{"message": "a line"}])
    assert event == {"message": "a line", "@timestamp": "2025-09-04T12:00:00.000Z", "@version": "1"}
    assert type(event["@timestamp"]) is str


def test_what_an_event_has_it_keeps() -> None:
    (event,) = penstock.compile("")([{"@timestamp": "2020-01-01T00:00:00Z", "@version": "2", "tags": ["a"]}])
    assert event == {"@timestamp": "2020-01-01T00:00:00.000Z", "@version": "2", "tags": ["a"]}


@pytest.mark.parametrize("stamp", ["yesterday", 5, ["2020"], {"a": 1}])
def test_a_timestamp_that_is_none_is_kept_beside_with_a_tag(stamp: Any) -> None:
    (event,) = penstock.compile("", NOW)([{"@timestamp": stamp}])
    assert event["@timestamp"] == "2025-09-04T12:00:00.000Z"
    assert event["_@timestamp"] == stamp
    assert event["tags"] == ["_timestampparsefailure"]


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2020, 1, 2, 3, 4, 5, 6000), "2020-01-02T03:04:05.006Z"),
        (datetime(2020, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2020-01-01T22:00:00.000Z"),
        (datetime(2020, 1, 2, 3, 4, 5, 123456, UTC), "2020-01-02T03:04:05.123456Z"),
    ],
)
def test_a_datetime_is_a_timestamp_wherever_it_stands(moment: datetime, text: str) -> None:
    given = {"@timestamp": moment, "a": {"b": [moment, {"c": moment}]}}
    stage = penstock.compile('filter { mutate { copy => { "[a][b][0]" => "@timestamp" } } }')
    (event,) = stage([given])
    assert event == {"@timestamp": text, "@version": "1", "a": {"b": [text, {"c": text}]}}
    assert given["@timestamp"] is moment
    assert penstock.codec("json").encode([given]).decode().count(text) == 3


@pytest.mark.parametrize("tags", [None, 5, 1.5, True, {"a": 1}, ["a", 1], ["a", None], [["a"]]])
def test_tags_that_are_none_are_kept_beside_with_a_tag(tags: Any) -> None:
    (event,) = penstock.compile("", NOW)([{"tags": tags}])
    (read,) = penstock.codec("json").decode(json.dumps({"tags": tags}).encode())
    for found in (event, read):
        assert found["tags"] == ["_tagsparsefailure"]
        assert found["_tags"] == [tags]


def test_metadata_comes_out_when_it_is_not_empty() -> None:
    stage = penstock.compile('filter { if [m] { mutate { add_field => { "[@metadata][a]" => "b" } } } }')
    with_metadata, without = stage([{"m": 1}, {"@metadata": {}}])
    assert with_metadata["@metadata"] == {"a": "b"}
    assert "@metadata" not in without


def test_the_dicts_given_are_not_changed_and_nothing_is_shared() -> None:
    given = [{"a": {"b": [1, {"c": 2}]}, "tags": ["x"]}]
    before = copy.deepcopy(given)
    (event,) = penstock.compile('filter { mutate { add_field => { "[a][n]" => "1" } add_tag => ["y"] } }')(given)
    assert given == before
    event["a"]["b"][1]["c"] = 3
    assert given == before


def test_order_is_kept_and_events_may_be_dropped() -> None:
    stage = penstock.compile('filter { if [n] in [1, 3] { drop { } } else if [n] == 4 { mutate { add_tag => "four" } } }')
    events = stage([{"n": n} for n in range(6)])
    assert [event["n"] for event in events] == [0, 2, 4, 5]
    assert [event.get("tags") for event in events] == [None, None, ["four"], None]


def test_an_empty_batch_gives_an_empty_batch() -> None:
    stage = penstock.compile("filter { if [a] { mutate { } } }")
    assert stage([]) == []
    assert stage.flush() == []


def test_inputs_and_outputs_are_checked_but_not_run() -> None:
    stage = penstock.compile("input { stdin { } } filter { mutate { add_tag => 'a' } } output { stdout { } }")
    assert stage([{}])[0]["tags"] == ["a"]
    with pytest.raises(penstock.ConfigError):
        penstock.compile("input { stdinn { } }")


def test_two_stages_do_not_know_of_each_other() -> None:
    first = penstock.compile("filter { mutate { add_tag => 'first' } }")
    second = penstock.compile("filter { mutate { add_tag => 'second' } }")
    assert first([{}])[0]["tags"] == ["first"]
    assert second([{}])[0]["tags"] == ["second"]


def test_an_error_is_a_penstock_error_with_diagnostics() -> None:
    with pytest.raises(penstock.PenstockError) as refused:
        penstock.compile("filter { nothing { } }")
    assert isinstance(refused.value, penstock.ConfigError)
    (finding,) = refused.value.diagnostics
    assert isinstance(finding, penstock.Diagnostic)
    assert (finding.code, finding.place) == ("E201", "(config):1:10")
    assert "error[E201]: unknown filter `nothing`" in str(refused.value)


def test_settings_are_checked() -> None:
    with pytest.raises(penstock.ConfigError, match=r"did you mean `pipeline\.ecs_compatibility`"):
        penstock.compile("", {"pipeline.ecs_compatability": "v8"})


def test_the_ecs_setting_reaches_filters_and_an_option_goes_before_it() -> None:
    text = 'filter { grok { match => { "message" => "%{HTTPD_COMMONLOG}" } OPTION } }'
    line = {"message": '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5'}
    legacy = penstock.compile(text.replace("OPTION", ""), {"pipeline.ecs_compatibility": "disabled"})([line])[0]
    assert legacy["clientip"] == "10.0.0.1"
    modern = penstock.compile(text.replace("OPTION", "ecs_compatibility => v8"), {"pipeline.ecs_compatibility": "disabled"})([line])[0]
    assert modern["source"]["address"] == "10.0.0.1"


@pytest.mark.parametrize(
    ("style", "name", "key"),
    [
        ("none", "a%5Bb%5D", "a%5Bb%5D"),
        ("percent", "a%5Bb%5D", "a[b]"),
        ("percent", "%C3%A4 100%", "ä 100%"),
        ("ampersand", "a&#91;b&#93;", "a[b]"),
        ("ampersand", "a%5B&#9999999;", "a%5B&#9999999;"),
    ],
)
def test_names_with_brackets_can_be_written_with_escapes(style: str, name: str, key: str) -> None:
    text = f'filter {{ mutate {{ add_field => {{ "[x][{name}]" => "v" }} }} if [x][{name}] == "v" {{ mutate {{ add_tag => "t" }} }} }}'
    (event,) = penstock.compile(text, {"config.field_reference.escape_style": style})([{}])
    assert event["x"] == {key: "v"}
    assert event["tags"] == ["t"]


class TestCodec:
    def test_decoding_a_stream_in_pieces(self) -> None:
        lines = penstock.codec("line", settings=NOW)
        assert [event["message"] for event in lines.decode(b"one\ntw")] == ["one"]
        assert [event["message"] for event in lines.decode(b"o\nthree")] == ["two"]
        (last,) = lines.flush()
        assert last["message"] == "three"
        assert last["@timestamp"] == "2025-09-04T12:00:00.000Z"
        assert last["@version"] == "1"

    def test_options_are_text_in_the_language(self) -> None:
        assert penstock.codec("line", 'format => "<%{message}>"').encode([{"message": "a"}, {"message": "b"}]) == b"<a>\n<b>\n"

    def test_metadata_never_leaves(self) -> None:
        encoded = penstock.codec("json").encode([{"a": 1, "@metadata": {"secret": 1}}])
        assert json.loads(encoded)["a"] == 1
        assert b"secret" not in encoded

    @pytest.mark.parametrize(("name", "options"), [("nothing", ""), ("line", "nothing => 1"), ("line", "format => ["), ("line", "}")])
    def test_what_is_wrong_is_refused(self, name: str, options: str) -> None:
        with pytest.raises(penstock.ConfigError):
            penstock.codec(name, options)

    def test_events_given_are_not_changed(self) -> None:
        event = {"message": "a", "l": [1]}
        penstock.codec("json_lines").encode([event])
        assert event == {"message": "a", "l": [1]}


scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8))
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3))
events = st.dictionaries(st.text(min_size=1, max_size=6).filter(lambda key: not key.startswith("@") and key != "tags"), values, max_size=5)


@given(st.lists(events, max_size=4))
def test_a_stage_without_filters_changes_nothing(batch: list[dict[str, Any]]) -> None:
    given = [{**event, "@timestamp": "2020-01-01T00:00:00.000Z", "@version": "1"} for event in batch]
    assert penstock.compile("")(given) == given


@given(st.lists(events, max_size=4))
def test_json_lines_come_back_as_they_went(batch: list[dict[str, Any]]) -> None:
    given = [{**event, "@timestamp": "2020-01-01T00:00:00.000Z", "@version": "1"} for event in batch]
    codec = penstock.codec("json_lines", settings={"pipeline.ecs_compatibility": "disabled"})
    assert [*codec.decode(codec.encode(given)), *codec.flush()] == given


def test_filters_that_remember_see_events_in_turn() -> None:
    """Two filters share a task's map from different arms: the end of a task is seen before the next one's start."""
    stage = penstock.compile(
        """filter {
          if [k] == "end" {
            aggregate { task_id => "%{id}" code => "event.set('n', map['n'].to_i)" map_action => "update" end_of_task => true }
          } else {
            aggregate { task_id => "%{id}" code => "map['n'] = map['n'].to_i + 1" }
          }
        }"""
    )
    kinds = ["start", "end", "start", "start", "end"]
    assert [event.get("n") for event in stage([{"id": 1, "k": kind} for kind in kinds])] == [None, 1, None, None, 2]


SLOW = "a" * 60 + "b"
MATCHING = {
    "condition": ('filter { if [m] =~ /^(a|aa)+$/ { mutate { add_tag => "all" } } }', "_matchtimeout"),
    "gsub": ('filter { mutate { gsub => ["m", "^(a|aa)+$", ""] } }', "_mutate_error"),
    "grok": ('filter { grok { match => { "m" => "^(?<all>(a|aa)+)$" } timeout_millis => 100 } }', "_groktimeout"),
    "translate": ('filter { translate { source => "m" target => "t" regex => true dictionary => { "^(a|aa)+$" => "all" } } }', "_translate_exception"),
    "prune": ('filter { prune { whitelist_values => { "m" => "^(a|aa)+$" } } }', "_prune_exception"),
}  # fmt: skip
LIMITED = {"penstock.limits.match": 100}


def in_a_thread(work: Callable[[], Any]) -> Any:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


@pytest.mark.parametrize("name", MATCHING)
@pytest.mark.parametrize("compiled_in_a_thread", [False, True])
@pytest.mark.parametrize("called_in_a_thread", [False, True])
def test_a_match_is_limited_wherever_a_stage_is_compiled_and_called(name: str, compiled_in_a_thread: bool, called_in_a_thread: bool) -> None:
    text, tag = MATCHING[name]

    def compiled() -> Stage:
        return penstock.compile(text, LIMITED)

    stage = in_a_thread(compiled) if compiled_in_a_thread else compiled()

    def called() -> list[dict[str, Any]]:
        return stage([{"m": "aaa"}, {"m": SLOW}, {"m": "aaa"}])

    first, slow, last = in_a_thread(called) if called_in_a_thread else called()
    assert slow["tags"] == [tag]
    first.pop("@timestamp"), last.pop("@timestamp")
    assert first == last
    assert first.get("tags") in (None, ["all"])


def test_a_stage_called_by_two_kinds_of_threads_in_turn_gives_both_the_same() -> None:
    stage = penstock.compile(
        'filter { if [m] =~ /\\w+ \\d+/ { grok { match => { "m" => "%{WORD:w} %{INT:n:int}" } } mutate { gsub => ["w", "o+", "0"] } } }', NOW
    )
    event = {"m": "foo 5"}
    assert stage([event]) == in_a_thread(lambda: stage([event])) == stage([event])
    assert stage([event])[0]["w"] == "f0"


def test_threads_may_share_a_stage() -> None:
    """Calls take turns: what one thread's events leave behind is never seen in another's."""
    stage = penstock.compile(
        """filter {
          grok { match => { "m" => "^%{WORD:name} %{INT:n:int} %{TIMESTAMP_ISO8601:at}$" } timeout_scope => event }
          date { match => ["at", "ISO8601"] }
          kv { source => "pairs" field_split_pattern => ",+" }
          if [name] =~ /^t\\d+$/ { mutate { gsub => ["name", "t", "thread "] } }
        }"""
    )

    def batch(thread: int, number: int) -> list[dict[str, Any]]:
        at = f"2025-01-01T00:00:{number % 60:02}.00{thread}Z"
        return [{"m": f"t{thread} {number} {at}", "pairs": f"a={thread},,b={number}"}] * 3

    def work(thread: int) -> list[str]:
        wrong = []
        for number in range(100):
            for event in stage(batch(thread, number)):
                seen = event["name"], event["n"], event["a"], event["b"], event["@timestamp"]
                if seen != (f"thread {thread}", number, str(thread), str(number), f"2025-01-01T00:00:{number % 60:02}.00{thread}Z"):
                    wrong.append(str(event))
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[], [], [], []]
