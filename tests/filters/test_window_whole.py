"""What few integers amount to is the same with a tally and without one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.filters._window_columns import ValueColumn
from penstock.filters._window_functions import Limits
from penstock.filters._window_tally import percent_parts
from penstock.filters.state.keys import column
from penstock.filters.state.sketches import rank

PAIRS = [
    ("count", FieldRef("n")),
    ("sum", FieldRef("[of][sum]")),
    ("avg", FieldRef("[of][mean]")),
    ("min", FieldRef("[of][deep][least]")),
    ("max", FieldRef("[most]")),
    ("percentiles", FieldRef("[of]")),
]


def made(pairs: list[tuple[str, FieldRef]]) -> ValueColumn:
    limits = Limits(percents=(0.5, 50, 95, 99.9, 100))
    return ValueColumn(column(FieldRef("v")), pairs, limits)


def tallied(pairs: list[tuple[str, FieldRef]], values: list[Any]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    one = made(pairs)
    one.write(event, one.fold(None, list(values)))
    return event


@settings(max_examples=60)
@given(values=st.lists(st.integers(-(10**20), 10**20), min_size=1, max_size=255))
def test_figures_of_integers_are_those_of_a_tally(values: list[int]) -> None:
    event: dict[str, Any] = {}
    assert made(PAIRS).write_whole(event, list(values))
    assert event == tallied(PAIRS, values)
    assert {type(value) for value in event["of"].values()} <= {int, float, dict}


def test_a_mean_beyond_all_floats_is_left_out() -> None:
    event: dict[str, Any] = {}
    assert made(PAIRS).write_whole(event, [10**400])
    assert "mean" not in event["of"]
    assert event == tallied(PAIRS, [10**400])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"ms": {"sum": 6, "min": 1, "n": 3}}, id="no map"),
        pytest.param(
            {"ms": {"min": "key", "unit": "ms"}, "z": 1},
            {"ms": {"min": 1, "unit": "ms", "sum": 6, "n": 3}, "z": 1},
            id="a map that stays",
        ),
        pytest.param(
            {"ms": "key", "z": 1},
            {"ms": {"sum": 6, "min": 1, "n": 3}, "z": 1},
            id="a value that gives way",
        ),
    ],
)
def test_figures_side_by_side_are_written_in_order_to_one_map(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    pairs = [(name, FieldRef(f"[ms][{key}]")) for name, key in _SIDE_BY_SIDE]
    assert made(pairs).write_whole(before, [3, 1, 2])
    assert repr(before) == repr(after)


_SIDE_BY_SIDE = [("sum", "sum"), ("min", "min"), ("count", "n")]


@pytest.mark.parametrize("count", [1, 2, 199, 200, 201])
@pytest.mark.parametrize("percent", [0, 0.5, 50, 95, 99.9, 100])
def test_a_percentile_is_the_value_at_its_nearest_rank(percent: float, count: int) -> None:
    event: dict[str, Any] = {}
    limits = Limits(percents=(percent,))
    one = ValueColumn(column(FieldRef("v")), [("percentiles", FieldRef("p"))], limits)
    assert one.write_whole(event, list(range(count)))
    assert event == {"p": {f"p{percent:g}": rank(percent_parts(percent), count)}}


@pytest.mark.parametrize("other", [1.0, True, "1", None, {"a": 1}], ids=repr)
def test_other_values_need_a_tally(other: Any) -> None:
    event: dict[str, Any] = {}
    assert not made(PAIRS).write_whole(event, [1, other, 2])
    assert event == {}


@pytest.mark.parametrize("name", ["distinct", "frequent", "reduce"])
def test_other_functions_need_a_tally(name: str) -> None:
    event: dict[str, Any] = {}
    pairs = [*PAIRS, (name, FieldRef("more"))]
    assert not made(pairs).write_whole(event, [1, 2])
    assert event == {}
