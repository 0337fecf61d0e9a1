"""Tests with steps: the clock is moved, the pipeline stopped, killed and started again."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.source import Source
from penstock.pipeline.testing.mutation import mutants
from penstock.pipeline.testing.results import Result
from penstock.pipeline.testing.runner import Runner
from penstock.pipeline.testing.session import Plan, run_file
from penstock.pipeline.testing.suite import read_suite

NOW = "2025-09-04T08:00:00Z"
WINDOW = 'window { id => "w" size => "1m" by => ["k"] keep => false }'


def run(directory: Path, steps: list[Any], filters: str = WINDOW, **settings: Any) -> Result:
    """What becomes of one test."""
    path = directory / "a.test.json"
    pipeline = f"filter {{ {filters} }} output {{ stdout {{ id => out }} }}"
    tests = [{"name": "it", "steps": steps}]
    path.write_text(json.dumps({"pipeline": pipeline, "settings": {"now": NOW, **settings}, "tests": tests}))
    (result,) = Runner().run(read_suite(path))
    return result


def event(at: str, **fields: Any) -> dict[str, Any]:
    return {"at": at, "k": "a", **fields}


def window(count: int, reason: str, **more: Any) -> dict[str, Any]:
    return {"[window][count]": count, "[window][reason]": reason, **more}


STEPS: dict[str, tuple[str, list[Any]]] = {
    "an event's time is so long behind the start": (WINDOW, [{"input": event("90s"), "expect": 0}, {"end": True, "expect": [window(1, "end", **{"[event][start]": "2025-09-04T08:01:00Z"})]}]),
    "an event may be from before the start": (WINDOW, [{"input": event("-30s")}, {"end": True, "expect": [window(1, "end", **{"@timestamp": "2025-09-04T07:59:00Z"})]}]),
    "the clock closes a window": (WINDOW, [{"input": event("1s"), "expect": []}, {"advance": "2m8s", "expect": 0}, {"advance": "2s", "expect": [window(1, "idle")]}]),
    "the clock stands still unless it is moved": (WINDOW, [{"input": [event("1s"), event("80s", k="b")], "expect": [window(1, "watermark")]}, {"input": event("2s"), "expect": [{"tags": ["_windowlate"]}]}]),
    "a stop emits nothing, and the next start goes on": (WINDOW, [{"input": event("1s")}, {"restart": "stop", "expect": []}, {"input": event("2s")}, {"end": True, "expect": [window(2, "end")]}]),
    "a filter without an id emits parts at a stop": (WINDOW.replace('id => "w"', ""), [{"input": event("1s")}, {"restart": "stop", "expect": [window(1, "stop", tags=["_partial"])]}]),
    "after a kill the input comes again": (WINDOW, [{"input": event("1s")}, {"restart": "kill", "expect": 0}, {"input": event("2s")}, {"end": True, "expect": [window(2, "end")]}]),
    "what was emitted since the last commit comes again at a kill": (WINDOW, [{"input": [event("1s"), event("70s")], "expect": 1}, {"restart": "kill", "expect": [window(1, "watermark")]}]),
    "what was emitted before it does not": (WINDOW, [{"input": [event("1s"), event("70s")], "expect": 1}, {"advance": "1s"}, {"restart": "kill", "expect": 0}, {"end": True, "expect": [window(1, "end")]}]),
    "after the end nothing is held": (WINDOW, [{"input": event("1s")}, {"end": True, "expect": 1}, {"end": True, "expect": 0}]),
    "other filters begin anew after a kill": ("throttle { after_count => 1 key => \"x\" add_tag => [\"t\"] }", [{"input": [event("0s"), event("1s")], "expect": [{"absent": "tags"}, {"tags": ["t"]}]}, {"restart": "stop"}, {"input": event("2s"), "expect": [{"absent": "tags"}]}]),
    "what each event must have": (WINDOW, [{"input": event("1s")}, {"end": True, "each": {"[window][name]": "w", "outputs": "out"}, "outputs": "out"}]),
}


@pytest.mark.parametrize("name", STEPS)
def test_steps_move_clock_and_process_as_they_say(tmp_path: Path, name: str) -> None:
    filters, steps = STEPS[name]
    result = run(tmp_path, steps, filters)
    assert (result.verdict, [found.message for found in result.differences]) == ("passed", [])


def test_in_memory_a_stop_emits_parts(tmp_path: Path) -> None:
    steps = [{"input": event("1s")}, {"restart": "stop", "expect": [window(1, "stop")]}]
    assert run(tmp_path, steps, **{"penstock.state": "memory"}).verdict == "passed"


def test_a_difference_names_its_step(tmp_path: Path) -> None:
    result = run(tmp_path, [{"input": [event("1s"), event("70s")], "expect": 1}, {"advance": "10m", "expect": [window(2, "idle")]}])
    (found,) = result.differences
    assert (found.message.partition(":")[0], found.event, found.field) == ("step 2 (advance)", 1, "[window][count]")


def test_cases_do_not_see_each_others_clock(tmp_path: Path) -> None:
    path = tmp_path / "a.test.json"
    steps = [{"input": event("1s")}, {"advance": "1h", "expect": 1}, {"input": event("1h"), "expect": 0}]
    tests = [{"name": name, "steps": steps} for name in "ab"]
    path.write_text(json.dumps({"pipeline": f"filter {{ {WINDOW} }}", "settings": {"now": NOW}, "tests": tests}))
    assert [result.verdict for result in Runner().run(read_suite(path))] == ["passed", "passed"]


WRONG = [
    ([{"input": event("1s"), "advance": "1m", "expect": 0}], "E404", "a step does one thing"),
    ([{"expect": 0}], "E404", "a step does one thing"),
    ([{"advance": "soon", "expect": 0}], "E403", "soon"),
    ([{"input": event("soon"), "expect": 0}], "E403", "soon"),
    ([{"restart": "crash", "expect": 0}], "E403", "`crash` is not one of the allowed values"),
    ([{"advance": "1m"}], "E404", "a test needs a step with the key `expect`"),
    ([{"advanse": "1m", "expect": 0}], "E402", "a step has no key `advanse`"),
]


@pytest.mark.parametrize(("steps", "code", "said"), WRONG)
def test_steps_that_cannot_be(tmp_path: Path, steps: list[Any], code: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        run(tmp_path, steps)
    found = raised.value.diagnostics[0]
    assert (found.code, said in found.message) == (code, True), found.message


def test_steps_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.test.json"
    path.write_text(json.dumps({"pipeline": "filter { }", "tests": [{"name": "x", "input": "a", "steps": [{"end": True, "expect": 0}]}]}))
    with pytest.raises(ConfigError, match="`steps` and `input` exclude each other"):
        read_suite(path)


def test_steps_are_covered_and_their_mutants_noticed(tmp_path: Path) -> None:
    run(tmp_path, [{"input": [event("1s"), event("70s")], "expect": 1}])
    done = run_file(Plan((tmp_path / "a.test.json",), coverage=True), tmp_path / "a.test.json")
    assert not done.bad
    assert any(done.coverage.counts.values())


def test_mutants_of_filters_of_event_time() -> None:
    config = 'filter { window { id => "w" size => "10m" by => ["a", "b"] keep => false } correlate { type => "event_count" events => ["t"] within => "5m" condition => { "gte" => 10 } } }'
    made = [mutant.what for mutant in mutants(Source("a.conf", config))]
    for wanted in ('`size` made "20m"', '`"b"` left out of `by`', "`keep` made `true`", '`within` made "10m"', "`10` made `11`"):
        assert wanted in made
