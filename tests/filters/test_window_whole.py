"""What few integers amount to is the same with a tally and without one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.filters._window_columns import ValueColumn
from penstock.filters._window_functions import Limits
from penstock.filters.state.keys import column

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
