"""The filter throttle."""
import pytest

import penstock
from penstock.dsl.template import Template
from penstock.filters.throttle import Throttle
from penstock.plugins.contract import Context


def marked(options: str, seconds: list[int]) -> list[bool]:
    stage = penstock.compile(f'filter {{ throttle {{ key => "%{{k}}" add_tag => ["t"] {options} }} }}')
    events = [{"@timestamp": f"2025-01-01T00:{s // 60:02d}:{s % 60:02d}.000Z", "k": "a", "p": "10"} for s in seconds]
    return ["tags" in out for out in stage(events)]


@pytest.mark.parametrize(
    ("options", "seconds", "expected"),
    [
        ("after_count => 1", [0, 1, 59, 60, 61], [False, True, True, False, True]),
        ("before_count => 2", [0, 1, 2], [True, False, False]),
        ("before_count => 2 after_count => 3", [0, 1, 2, 3], [True, False, False, True]),
        ("", [0, 0, 0], [False, False, False]),
        ('after_count => 1 period => "%{p}"', [0, 9, 10, 19], [False, True, False, True]),
        ('after_count => 1 period => "%{none}"', [0, 59, 60], [False, True, False]),
        ("after_count => 1", [300, 290, 240, 359, 299], [False, False, True, True, True]),
        ("after_count => 1 max_age => 60", [600, 0, 1, 0], [False, False, False, False]),
    ],
)
def test_counts_within_periods_of_the_events_time(options: str, seconds: list[int], expected: list[bool]) -> None:
    assert marked(options, seconds) == expected


def test_keys_are_counted_apart() -> None:
    stage = penstock.compile('filter { throttle { key => "%{a}%{b}" after_count => 1 add_tag => ["t"] } }')
    events = [{"a": "x", "b": "y"}, {"a": "x", "b": "z"}, {"a": "x", "b": "y"}]
    assert ["tags" in out for out in stage(events)] == [False, False, True]


def test_old_keys_and_too_many_counters_are_forgotten() -> None:
    stage = penstock.compile('filter { throttle { key => "%{k}" after_count => 1 max_age => 100 max_counters => 5 } }')
    (throttle,) = [made for made in stage.assembly.made.values() if isinstance(made, Throttle)]
    events = [{"k": str(n), "@timestamp": f"2025-01-01T00:0{n}:00.000Z"} for n in range(10)]
    stage(events)
    throttle.flush(False)
    assert sorted(throttle._keys) == ["8", "9"]
    stage(events[8:] * 2 + [{"k": f"new{n}", "@timestamp": "2025-01-01T00:09:00.000Z"} for n in range(9)])
    throttle.flush(False)
    assert throttle._age == 95
    stage([{"k": "later", "@timestamp": "2025-01-01T01:00:00.000Z"}])
    throttle.flush(False)
    throttle.flush(False)
    assert throttle._age == 100


def test_an_event_without_a_time_is_counted_now() -> None:
    throttle = Throttle({"key": Template("k"), "after_count": 1}, Context())
    throttle.prepare()
    assert [throttle.apply({}), throttle.apply({})] == [False, True]
