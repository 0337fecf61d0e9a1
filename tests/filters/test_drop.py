"""The filter drop."""
from collections.abc import Callable
from typing import Any

import pytest

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.filters.drop import Drop

Filtered = Callable[..., list[dict[str, Any]]]


@pytest.mark.parametrize(("percentage", "left"), [(0, 9), (40, 6), (50, 5), (99.5, 0), (100, 0), (200, 0)])
def test_each_event_is_dropped_where_chance_falls_below_the_percentage(percentage: float, left: int) -> None:
    drop = Drop({"percentage": percentage})
    drop.prepare()
    drop.random = iter([n / 10 for n in range(1, 10)]).__next__
    events = [{"n": n} for n in range(9)]
    assert drop.run(list(events)) == events[9 - left :]


def test_what_is_kept_is_not_changed(filtered: Filtered) -> None:
    assert filtered('drop { percentage => 0.0 add_tag => ["x"] remove_field => ["a"] }', {"a": 1}) == [{"a": 1}]


def test_dropped_events_reach_no_filter(filtered: Filtered) -> None:
    assert filtered('if [a] == 1 { drop { } } mutate { add_tag => ["t"] }', {"a": 1}, {"a": 2}) == [
        {"a": 2, "tags": ["t"]}
    ]


@pytest.mark.parametrize("given", ['"many"', "-1", "[1, 2]"])
def test_the_percentage_is_a_number(given: str) -> None:
    with pytest.raises(ConfigError, match="percentage"):
        penstock.compile(f"filter {{ drop {{ percentage => {given} }} }}")
