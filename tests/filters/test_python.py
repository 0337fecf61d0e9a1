"""The filter python: the event API, what goes on, scripts and their tests, and how faults are told."""
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.timestamp import Timestamp
from penstock.filters._scripting import ScriptEvent, plain_value

Filtered = Callable[..., list[dict[str, Any]]]


def python(code: str, more: str = "") -> str:
    quoted = code.replace('"', "'")
    return f'python {{ code => "{quoted}" {more} }}'


API = [
    ("event.set('b', event.get('a') + 1)", {"a": 1}, {"a": 1, "b": 2}),
    ("event['[x][y]'] = [event['a'], 'no' in event, 'a' in event]", {"a": 1}, {"a": 1, "x": {"y": [1, False, True]}}),
    ("event.set('b', event.get('no', 5))", {}, {"b": 5}),
    ("event.set('b', event.remove('[a][c]'))", {"a": {"c": 1}}, {"a": {}, "b": 1}),
    ("del event['a']", {"a": 1}, {}),
    ("event.get('l').append(2)", {"l": [1]}, {"l": [1, 2]}),
    ("event.tag('x', 'y'); event.tag('x')", {}, {"tags": ["x", "y"]}),
    ("event.set('b', event.sprintf('%{a}-%{+yyyy}-%{no}'))", {"a": [1, 2], "@timestamp": "2015-01-01T00:00:00.000Z"},
     {"a": [1, 2], "@timestamp": "2015-01-01T00:00:00.000Z", "b": "1,2-2015-%{no}"}),
    ("event.timestamp = '2020-01-01T01:00:00+01:00'", {"@timestamp": "2015-01-01T00:00:00.000Z"},
     {"@timestamp": "2020-01-01T00:00:00.000Z"}),
    ("event.set('j', event.to_json().count(':'))", {"a": 1}, {"a": 1, "j": 5}),
    ("event.set('n', sorted(set(event) - {'@timestamp', '@version'}))", {"b": 1, "a": 1}, {"b": 1, "a": 1, "n": ["a", "b"]}),
    ("c = event.clone(); c['a'].append(2); event.set('c', c.get('a'))", {"a": [1]}, {"a": [1], "c": [1, 2]}),
    ("event.set('h', [k for k in event.to_hash_with_metadata() if k[0] == '@'])", {"@metadata": {"m": 1}},
     {"@metadata": {"m": 1}, "h": ["@metadata", "@version", "@timestamp"]}),
    ("if event.get('a') > 1:\n    return\nevent.tag('small')", {"a": 2}, {"a": 2}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "before", "after"), API)
def test_the_event_api(filtered: Filtered, code: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    (out,) = filtered(python(code), before)
    assert {key: sorted(value) if key == "h" else value for key, value in out.items()} == {
        key: sorted(value) if key == "h" else value for key, value in after.items()
    }


PLAIN = [
    ((1, {2}, frozenset()), [1, [2], []]),
    ({1: {"a": (x for x in "bc")}}, {"1": {"a": ["b", "c"]}}),
    (b"a\xff", "a\ufffd"),
    (Path("/a"), "/a"),
    (1 + 2j, "(1+2j)"),
    (ScriptEvent({"a": [1]}), {"a": [1]}),
]


@pytest.mark.parametrize(("value", "plain"), PLAIN, ids=range(len(PLAIN)))
def test_values_are_made_plain(value: Any, plain: Any) -> None:
    assert plain_value(value) == plain


def test_times_and_decimals_are_made_plain(filtered: Filtered) -> None:
    code = """import datetime as d, decimal
        event.set('t', d.datetime(2020, 1, 2, tzinfo=d.timezone(d.timedelta(hours=1))))
        event.set('d', [d.date(2020, 1, 2), decimal.Decimal('1.5'), decimal.Decimal('2'), type(event.get('t')).__name__])"""
    out = filtered(python(code), {})
    assert out == [{"t": "2020-01-01T23:00:00.000Z", "d": ["2020-01-02", 1.5, 2, Timestamp.__name__]}]


def test_cancelled_events_are_gone_and_emitted_ones_follow(filtered: Filtered) -> None:
    code = """
        if event.get('n') == 1:
            event.cancel()
        if event.get('n') < 3:
            emit({'of': event.get('n'), 'tags': ('x',)})
            emit(Event({'again': event.get('n')}))
    """
    config = python(code, 'add_tag => ["ok"]') + ' mutate { add_field => { "after" => "1" } }'
    assert filtered(config, {"n": 1}, {"n": 2}, {"n": 3}) == [
        {"of": 1, "tags": ["x"], "after": "1"},
        {"again": 1, "after": "1"},
        {"n": 2, "tags": ["ok"], "after": "1"},
        {"of": 2, "tags": ["x"], "after": "1"},
        {"again": 2, "after": "1"},
        {"n": 3, "tags": ["ok"], "after": "1"},
    ]


def test_an_event_that_emits_itself_is_copied(filtered: Filtered) -> None:
    code = "emit(event); emit(event); event.get('l').append(1)"
    assert filtered(python(code), {"l": []}) == [{"l": [1]}, {"l": []}, {"l": []}]


def test_init_runs_once_and_its_names_are_there(filtered: Filtered) -> None:
    config = """python {
        init => "
            import math
            seen = []
            def twice(x):
                return x * 2"
        code => "
            seen.append(event.get('a'))
            event.set('b', [twice(math.floor(event.get('a'))), len(seen)])" }"""
    assert [out["b"] for out in filtered(config, {"a": 1.5}, {"a": 2.5})] == [[2, 1], [4, 2]]


def test_an_event_on_which_the_code_raises_is_tagged(filtered: Filtered) -> None:
    code = "emit({'e': 1}); event.set('b', 1); event.set('[b][c]', event.get('a') / 0); event.cancel()"
    assert filtered(python(code, 'add_tag => ["ok"]'), {"a": 1}) == [
        {"a": 1, "b": 1, "tags": ["_pythonexception"]},
        {"e": 1},
    ]
    more = 'tag_on_exception => "bad" tag_with_exception_message => true'
    assert filtered(python("event['no']", more), {}) == [{"tags": ["bad", "bad: 'no'"]}]


def test_the_log_names_the_line(filtered: Filtered, caplog: pytest.LogCaptureFixture) -> None:
    filtered("\n\n" + python("x = 0\ny = 1 / x"), {})
    assert "ZeroDivisionError: division by zero in line 2: y = 1 / x" in caplog.text


SCRIPT = """
limit = None

def register(params):
    global limit
    limit = int(params["limit"])

def filter(event):
    if event.get("n") > limit:
        return []
    if event.get("n") == 0:
        return [event, Event({"extra": limit})]
    event.tag("kept")

def test_large_numbers_are_dropped(run):
    assert run({"n": 7}) == []
    assert run({"n": 7}, {"limit": 8})[0]["tags"] == ["kept"]
"""


def script(directory: Path, text: str, params: str = '{ "limit" => "5" }') -> str:
    path = directory / "script.py"
    path.write_text(text)
    return f'python {{ path => "{path}" script_params => {params} add_field => {{ "f" => "1" }} }}'


def test_a_script_gives_the_events_that_go_on(filtered: Filtered, tmp_path: Path) -> None:
    out = filtered(script(tmp_path, SCRIPT), {"n": 0}, {"n": 5}, {"n": 6})
    assert out == [{"n": 0, "f": "1"}, {"extra": 5}, {"n": 5, "tags": ["kept"], "f": "1"}]


def test_a_script_that_gives_no_list_raises(filtered: Filtered, tmp_path: Path) -> None:
    text = "def filter(event):\n    return {'a': 1}"
    assert filtered(script(tmp_path, text, "{}"), {"n": 1}) == [{"n": 1, "tags": ["_pythonexception"]}]


BROKEN = [
    ("def filter(event) return", "expected ':' in line 1: def filter(event) return"),
    ("x = 1", "the script defines no `filter(event)`"),
    ("def filter(event): pass\ndef register(params):\n    params['no']", "`register` failed: KeyError: 'no' in line 3: params['no']"),
    ("def filter(event): pass\nraise ValueError('at once')", "ValueError: at once in line 2: raise ValueError('at once')"),
    (SCRIPT.replace("== []", "== [1]"), "`test_large_numbers_are_dropped` failed: AssertionError in line 16: assert run"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_a_broken_script_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ {script(tmp_path, text)} }}")
    (found,) = refused.value.diagnostics
    assert (found.code, found.message[: len(message)]) == ("E220", message)


WRONG = [
    ('code => "x = "', "invalid syntax in line 1: x ="),
    ('code => "\nyield event"', "`yield` does not emit events; call emit(event)"),
    ('code => "break"', "'break' outside loop in line 1"),
    ('code => "pass" init => "1/0"', "ZeroDivisionError: division by zero in line 1: 1/0"),
    ("", "one of `code` and `path` is required"),
    ('code => "pass" path => "/dev/null"', "one of `code` and `path` is required"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_code_that_is_none_is_refused(options: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ python {{ {options} }} }}")
    assert message in refused.value.diagnostics[0].message
