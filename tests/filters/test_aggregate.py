"""The filter aggregate: tasks and their maps, time-outs by the clock and by events, the end, and what is kept."""
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.filters.aggregate import Aggregate
from penstock.pipeline.compile.stage import Stage

Filtered = Callable[..., list[dict[str, Any]]]
COUNT = "map['n'] ||= 0; map['n'] += 1; event.set('n', map['n'])"
SUM = "map['sum'] = map['sum'].to_i + event.get('v').to_i"


def aggregate(code: str = COUNT, options: str = "", task_id: str = "%{t}") -> str:
    return f'aggregate {{ task_id => "{task_id}" code => "{code}" {options} }}'


class Run:
    """A pipeline whose clock is set by hand; `at` sends events, or flushes."""

    def __init__(self, config: str) -> None:
        self.stage: Stage = penstock.compile(f"filter {{ {config} }}")
        self.time = 0.0
        for plugin in self.stage.assembly.made.values():
            assert isinstance(plugin, Aggregate)
            plugin.clock = lambda: self.time

    def at(self, time: float, *events: dict[str, Any], flush: bool | None = None) -> list[dict[str, Any]]:
        self.time = time
        out = self.stage(events) if flush is None else [*self.stage.run([], flush)]
        return [{key: value for key, value in event.items() if key[0] != "@"} for event in out]


def test_each_task_has_its_map(filtered: Filtered) -> None:
    out = filtered(aggregate(options='add_tag => ["ok"]'), {"t": 1}, {"t": 2}, {"t": 1}, {"u": 1})
    assert [(event.get("n"), event.get("tags")) for event in out] == [(1, ["ok"]), (1, ["ok"]), (2, ["ok"]), (None, None)]


ACTIONS = [
    ("create", [1, None, 1, None]),
    ("update", [None, None, None, None]),
    ("create_or_update", [1, 2, 1, 3]),
]


@pytest.mark.parametrize(("action", "counts"), ACTIONS)
def test_what_an_event_may_do(filtered: Filtered, action: str, counts: list[Any]) -> None:
    out = filtered(aggregate(options=f'map_action => "{action}"'), {"t": 1}, {"t": 1}, {"t": 2}, {"t": 1})
    assert [event.get("n") for event in out] == counts


def test_a_task_that_ended_is_forgotten() -> None:
    run = Run(f"if [end] {{ {aggregate(options='end_of_task => true')} }} else {{ {aggregate()} }}")
    events = [{"t": 1}, {"t": 1, "end": True}, {"t": 1}]
    assert [run.at(0, event)[0]["n"] for event in events] == [1, 2, 1]


def test_filters_with_another_task_id_have_other_tasks(filtered: Filtered) -> None:
    out = filtered(aggregate() + aggregate(COUNT.replace("'n'", "'m'"), task_id="%{t}x"), {"t": 1}, {"t": 1})
    assert [(event["n"], event["m"]) for event in out] == [(1, 1), (2, 2)]


def test_pipelines_share_nothing(filtered: Filtered) -> None:
    assert [filtered(aggregate(), {"t": 1})[0]["n"] for _ in range(2)] == [1, 1]


def test_an_exception_is_tagged_and_the_task_goes_on(filtered: Filtered) -> None:
    code = COUNT + "; 1 / (event.get('d') || 1)"
    out = filtered(aggregate(code, 'add_tag => ["ok"]'), {"t": 1, "d": 0}, {"t": 1})
    assert [(event["n"], event["tags"]) for event in out] == [(1, ["_aggregateexception"]), (2, ["ok"])]


def test_code_may_drop_events_and_send_out_others(filtered: Filtered) -> None:
    code = "event.cancel; new_event_block.call(LogStash::Event.new('e' => event.get('t'))); new_event_block.call(event)"
    assert filtered(aggregate(code, 'add_tag => ["ok"]'), {"t": 1}) == [{"e": 1}, {"t": 1}]


def test_what_code_knows_of_a_task() -> None:
    run = Run(aggregate("event.set('m', [map_meta.task_id, map_meta.creation_timestamp, map_meta.lastevent_timestamp])"))
    run.at(1, {"t": 1})
    (out,) = run.at(2.5, {"t": 1})
    assert out["m"] == ["1", "1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.500Z"]


PUSH = 'timeout => 100 push_map_as_event_on_timeout => true timeout_tags => ["late", "%{sum}"] timeout_task_id_field => "[id]"'


def test_a_map_becomes_an_event_when_time_is_up() -> None:
    run = Run(aggregate(SUM, PUSH))
    run.at(0, {"t": "a", "v": 1}, {"t": "a", "v": 2})
    run.at(50, {"t": "b", "v": 5})
    assert run.at(100, flush=False) == []
    assert run.at(101, flush=False) == [{"sum": 3, "id": "a", "tags": ["late", "3"]}]
    assert run.at(102, flush=True) == []
    assert run.at(151, flush=True) == [{"sum": 5, "id": "b", "tags": ["late", "5", "_aggregatefinalflush"]}]


def test_without_push_the_map_is_gone() -> None:
    run = Run(aggregate(options="timeout => 10"))
    run.at(0, {"t": 1})
    assert run.at(11, flush=False) == []
    assert run.at(11, {"t": 1})[0]["n"] == 1


def test_inactivity_is_counted_from_the_latest_event() -> None:
    run = Run(aggregate(SUM, PUSH + " inactivity_timeout => 10"))
    for time in (0, 9, 18):
        run.at(time, {"t": "a", "v": 1})
    assert run.at(28, flush=False) == []
    assert run.at(29, flush=False)[0]["sum"] == 3


def test_code_may_set_the_time_outs_of_a_task() -> None:
    run = Run(aggregate(SUM + "; map_meta.timeout = event.get('s')", PUSH))
    assert run.at(0, {"t": "a", "s": 0, "v": 7}) == [{"t": "a", "s": 0, "v": 7}, {"sum": 7, "id": "a", "tags": ["late", "7"]}]
    run.at(0, {"t": "b", "s": 5})
    assert [event["id"] for event in run.at(6, flush=False)] == ["b"]


def test_time_outs_by_a_field_of_the_events() -> None:
    config = aggregate(SUM, PUSH + ' timeout_timestamp_field => "@timestamp"')
    run = Run(config)

    def event(minute: int, value: int) -> dict[str, Any]:
        return {"t": "a", "v": value, "@timestamp": f"2020-01-01T00:{minute:02d}:00.000Z"}

    assert run.at(0, event(0, 1), event(1, 2)) == [{"t": "a", "v": 1}, {"t": "a", "v": 2}]
    assert run.at(0, event(2, 4)) == [{"t": "a", "v": 4}, {"sum": 3, "id": "a", "tags": ["late", "3"]}]
    assert [out["sum"] for out in run.at(101, flush=False)] == [4]


def test_timeout_code_runs_on_the_event_of_the_map() -> None:
    run = Run(aggregate(SUM, PUSH + " timeout_code => \"event.set('x', event.get('sum') * 2); event.get('none').upcase\""))
    run.at(0, {"t": "a", "v": 1})
    assert run.at(101, flush=False) == [{"sum": 1, "x": 2, "id": "a", "tags": ["late", "1", "_aggregateexception"]}]


def test_the_map_before_is_sent_out_when_a_task_starts_and_at_the_end() -> None:
    run = Run(aggregate(SUM, 'push_previous_map_as_event => true timeout_task_id_field => "id"'))
    assert run.at(0, {"t": "a", "v": 1}, {"t": "b", "v": 2}) == [{"t": "a", "v": 1}, {"t": "b", "v": 2}, {"sum": 1, "id": "a"}]
    assert run.at(1, flush=False) == []
    assert run.at(1, flush=True) == [{"sum": 2, "id": "b", "tags": ["_aggregatefinalflush"]}]


def test_the_options_of_one_filter_rule_the_tasks_of_all() -> None:
    run = Run(f"if [end] {{ {aggregate(SUM, PUSH)} }} else {{ {aggregate(SUM)} }}")
    run.at(0, {"t": "a", "v": 1})
    assert [event["sum"] for event in run.at(101, flush=False)] == [1]


def test_many_open_tasks_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    run = Run("\n\n\n" + aggregate(options="map_count_warning_threshold => 2"))
    run.at(0, {"t": 1}, {"t": 2})
    assert "are open" not in caplog.text
    run.at(0, {"t": 3})
    assert "3 tasks of `%{t}` are open" in caplog.text


def test_tasks_are_kept_from_run_to_run(tmp_path: Path) -> None:
    path = tmp_path / "maps.json"
    config = aggregate(COUNT + "; map['at'] = event.timestamp; map_meta.timeout = 9", f'aggregate_maps_path => "{path}"')
    first = Run(config)
    first.at(5, {"t": "a", "@timestamp": "2020-01-01T00:00:00.000Z"})
    first.stage.close()
    (saved,) = json.loads(path.read_text())["%{t}"]
    assert (saved["task_id"], saved["seen"], saved["timeout"], saved["map"]["n"]) == ("a", 5, 9, 1)
    penstock.compile(f"filter {{ {config} }}").close()
    second = Run(config)
    assert second.at(6, {"t": "a"})[0]["n"] == 2
    assert not path.exists()


def test_a_file_that_holds_no_tasks_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "maps.json"
    for text in ("{", '{"a": 1}', '{"a": [{}]}', "[]"):
        path.write_text(text)
        caplog.clear()
        assert Run("\n" * len(text) + aggregate(options=f'aggregate_maps_path => "{path}"')).at(0, {"t": 1})[0]["n"] == 1
        assert "cannot be read" in caplog.text
        assert path.read_text() == text


WRONG = [
    (aggregate(task_id="t"), ["without a template"]),
    (aggregate("x ="), ["syntax error"]),
    (aggregate(options='timeout_code => "("'), ["syntax error"]),
    (aggregate(options="timeout => 5 inactivity_timeout => 6"), ["forgotten after 5 seconds"]),
    (aggregate(options="timeout => 5") + aggregate(options='timeout_tags => ["x"]'), ["another filter"]),
    (aggregate(options='aggregate_maps_path => "a"') + aggregate(options='aggregate_maps_path => "b"'), ["another filter"]),
    ("aggregate { }", ["task_id", "code"]),
]


@pytest.mark.parametrize(("config", "messages"), WRONG)
def test_wrong_options_are_refused(config: str, messages: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ {config} }}")
    found = refused.value.diagnostics
    assert len(found) == len(messages)
    assert all(message in one.message for one, message in zip(found, messages, strict=True))


def test_code_may_be_python_where_it_says_so(filtered: Filtered) -> None:
    code = "map['n'] = map.get('n', 0) + 1; event.set('n', map['n']); emit({'e': 1}) if map['n'] == 2 else None"
    assert filtered(aggregate(code, 'language => "python"'), {"t": 1}, {"t": 1}) == [{"t": 1, "n": 1}, {"t": 1, "n": 2}, {"e": 1}]


def test_ruby_that_is_not_compiled_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile("filter { aggregate { task_id => '%{t}' code => 'map[:f] = File.read(event.get(:x))' } }")
    (found,) = refused.value.diagnostics
    assert (found.message, found.place) == ("`File.read` is not compiled", "(config):1:59")
    assert 'language => "python"' in found.help


def test_symbols_in_maps_are_kept_from_run_to_run(tmp_path: Path) -> None:
    config = aggregate("map[:seen] = (map[:seen] || []) << event.get('v'); event.set('s', map[:seen])", f'aggregate_maps_path => "{tmp_path}/maps"')
    first = Run(config)
    first.at(0, {"t": 1, "v": "a"})
    first.stage.close()
    assert Run(config).at(1, {"t": 1, "v": "b"})[0]["s"] == ["a", "b"]
