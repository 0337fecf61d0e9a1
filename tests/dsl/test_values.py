"""What values of an event mean: as text, as truth, as equals, in order."""
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.timestamp import Timestamp
from penstock.dsl.values import (
    compare,
    contains,
    copy,
    equal,
    finite,
    is_finite,
    is_true,
    json_text,
    plain,
    ruby_text,
    to_text,
)

NOON = Timestamp("2025-09-04T12:00:00.000Z")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (5, "5"),
        (-5, "-5"),
        (2**70, str(2**70)),
        (True, "true"),
        (False, "false"),
        (None, ""),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (123456.789, "123456.789"),
        (1e7, "1.0E7"),
        (1.5e21, "1.5E21"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (1.25e-7, "1.25E-7"),
        (-2e10, "-2.0E10"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (["a", 1, None, True], "a,1,,true"),
        ([["a", "b"], "c"], "a,b,c"),
        ({"a": 1, "b": [1, "x"]}, '{"a":1,"b":[1,"x"]}'),
        ({"ä": None}, '{"ä":null}'),
        (NOON, "2025-09-04T12:00:00.000Z"),
    ],
)
def test_a_value_is_written_as_text(value: Any, text: str) -> None:
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(["a", 1], '["a", 1]'), ({"a": [None, True]}, '{"a"=>[nil, true]}'), ("a", "a"), (1.5, "1.5")],
)
def test_as_text_in_rubys_way(value: Any, text: str) -> None:
    assert ruby_text(value) == text


@pytest.mark.parametrize("value", [None, False, "", "false"])
def test_these_are_not_true(value: Any) -> None:
    assert not is_true(value)


@pytest.mark.parametrize("value", [True, 0, 0.0, "0", "False", " ", [], {}, NOON])
def test_these_are_true(value: Any) -> None:
    assert is_true(value)


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, "1", False),
        (1, True, False),
        ("a", "a", True),
        (None, None, True),
        ([1, "a"], [1, "a"], True),
        ([1], [1.0], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        (str(NOON), NOON, False),
    ],
)
def test_equality_tells_types_apart(left: Any, right: Any, wanted: bool) -> None:
    assert equal(left, right) is wanted
    assert equal(right, left) is wanted


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (1, 2, -1),
        (2.5, 1, 1),
        (2, 2.0, 0),
        ("a", "b", -1),
        ("10", "9", -1),
        ("a", 1, None),
        (None, 1, None),
        (1, None, None),
        (math.nan, 1.0, None),
        ([1], [2], None),
        (True, 1, None),
    ],
)
def test_values_of_one_kind_have_an_order_and_others_none(left: Any, right: Any, wanted: int | None) -> None:
    assert compare(left, right) == wanted


@pytest.mark.parametrize(
    ("container", "value", "wanted"),
    [
        ("abc", "b", True),
        ("abc", "d", False),
        (["a", 1], "a", True),
        (["a", 1], 1, True),
        (["a", 1], 1.0, False),
        (["a", "1"], 1, False),
        (5, 5, True),
        (5, "5", False),
        ("5", 5, False),
        (["a"], None, False),
        (None, "a", False),
        ({"a": 1}, "a", False),
        ([["a"]], ["a"], False),
    ],
)
def test_a_list_contains_its_items_and_a_text_its_parts(container: Any, value: Any, wanted: bool) -> None:
    assert contains(container, value) is wanted


scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
data = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3))


@given(data, data)
def test_no_value_is_beyond_these_functions(left: Any, right: Any) -> None:
    assert isinstance(to_text(left), str)
    assert isinstance(ruby_text(left), str)
    assert is_true(left) in (True, False)
    assert equal(left, right) == equal(right, left)
    assert contains(left, right) in (True, False)
    forth, back = compare(left, right), compare(right, left)
    assert back == (None if forth is None else -forth)


@given(data)
def test_a_copy_shares_nothing_that_can_change(value: Any) -> None:
    copied = copy(value)
    assert repr(copied) == repr(value)
    if isinstance(value, dict | list):
        assert copied is not value


def test_plain_data_has_no_timestamps() -> None:
    made = plain({"a": [NOON]})
    assert type(made["a"][0]) is str


def test_numbers_that_json_does_not_have_are_strings_there() -> None:
    held = {"a": [math.inf, {"b": -math.inf}], "c": math.nan, "d": 1.5, "e": None}
    assert json_text(held) == '{"a":["Infinity",{"b":"-Infinity"}],"c":"NaN","d":1.5,"e":null}'
    assert (is_finite(held), is_finite(finite(held))) == (False, True)
