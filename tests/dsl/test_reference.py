"""Field references: what is one, and reading, setting and removing what it names."""
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.reference import FieldError, FieldRef, ReferenceSyntaxError
from penstock.dsl.timestamp import Timestamp


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("a", ("a",)),
        ("a.b", ("a.b",)),
        ("@timestamp", ("@timestamp",)),
        ("a b", ("a b",)),
        ("[a]", ("a",)),
        ("[a][b]", ("a", "b")),
        ("[a][0][b]", ("a", "0", "b")),
        ("[[a][b]]", ("a", "b")),
        ("[[a][b]][c]", ("a", "b", "c")),
        ("[ a ]", (" a ",)),
        ("[a.b]", ("a.b",)),
    ],
)
def test_these_are_references(text: str, keys: tuple[str, ...]) -> None:
    assert FieldRef(text).keys == keys
    assert str(FieldRef(text)) == text
    assert FieldRef(FieldRef(text).canonical).keys == keys


@pytest.mark.parametrize("text", ["", "[]", "[a", "a]", "[a]b", "a[b]", "[a]]", "[[a]", "[a][]", "[a] [b]", "]a["])
def test_these_are_none(text: str) -> None:
    with pytest.raises(ReferenceSyntaxError):
        FieldRef(text)


def event() -> dict[str, Any]:
    return {"a": {"b": 1, "n": None}, "l": [10, {"x": 20}, [30]], "t": "text", "@metadata": {"m": 2}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("t", "text"),
        ("[a][b]", 1),
        ("[a][n]", None),
        ("[a][missing]", None),
        ("[missing][b]", None),
        ("[t][b]", None),
        ("[l][0]", 10),
        ("[l][-1]", [30]),
        ("[l][1][x]", 20),
        ("[l][2][0]", 30),
        ("[l][3]", None),
        ("[l][-4]", None),
        ("[l][x]", None),
        ("[@metadata][m]", 2),
        ("[a][b][c]", None),
    ],
)
def test_a_reference_gets_the_value_of_its_field(text: str, value: Any) -> None:
    assert FieldRef(text).get(event()) == value


def test_a_field_may_be_there_and_null() -> None:
    assert FieldRef("[a][n]").has(event())
    assert not FieldRef("[a][missing]").has(event())
    assert FieldRef("[l][2]").has(event())
    assert not FieldRef("[l][3]").has(event())


def test_metadata_reads_as_empty_where_it_is_missing() -> None:
    assert FieldRef("@metadata").get({}) == {}


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("a", {}, {"a": 9}),
        ("[a][b]", {}, {"a": {"b": 9}}),
        ("[a][b][c]", {"a": {"x": 1}}, {"a": {"x": 1, "b": {"c": 9}}}),
        ("[a][0]", {}, {"a": {"0": 9}}),
        ("[l][0]", {"l": [1, 2]}, {"l": [9, 2]}),
        ("[l][-1]", {"l": [1, 2]}, {"l": [1, 9]}),
        ("[l][2]", {"l": [1, 2]}, {"l": [1, 2, 9]}),
        ("[l][4]", {"l": [1, 2]}, {"l": [1, 2, None, None, 9]}),
        ("[l][0][x]", {"l": [{}]}, {"l": [{"x": 9}]}),
        ("[@metadata][a]", {}, {"@metadata": {"a": 9}}),
    ],
)
def test_set_makes_what_is_on_the_way(text: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    FieldRef(text).set(before, 9)
    assert before == after


@pytest.mark.parametrize(
    ("text", "before", "value"),
    [
        ("[t][b]", {"t": "text"}, 9),
        ("[t][b][c]", {"t": 5}, 9),
        ("[a][b]", {"a": None}, 9),
        ("[l][-3]", {"l": [1]}, 9),
        ("[l][999999999]", {"l": [1]}, 9),
        ("@timestamp", {}, "2020-01-01"),
        ("[l][name]", {"l": [1]}, 9),
        ("[l][name][x]", {"l": [1]}, 9),
        ("@metadata", {}, 9),
        ("[@timestamp][a]", {}, 9),
        ("tags", {}, {"a": 1}),
        ("tags", {}, 9),
        ("tags", {}, ["a", 9]),
        ("tags", {}, Timestamp("2020-01-01T00:00:00.000Z")),
        ("[tags][a]", {}, "x"),
    ],
)
def test_what_cannot_be_set_says_so_and_changes_nothing(text: str, before: dict[str, Any], value: Any) -> None:
    unchanged = dict(before)
    with pytest.raises(FieldError):
        FieldRef(text).set(before, value)
    assert before == unchanged


def test_a_timestamp_takes_a_timestamp() -> None:
    made: dict[str, Any] = {}
    FieldRef("[@timestamp]").set(made, Timestamp("2020-01-01T00:00:00.000Z"))
    assert made == {"@timestamp": "2020-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("text", "value", "left"),
    [
        ("t", "text", {"a", "l", "@metadata"}),
        ("missing", None, {"a", "l", "t", "@metadata"}),
        ("[missing][b]", None, {"a", "l", "t", "@metadata"}),
        ("[t][b]", None, {"a", "l", "t", "@metadata"}),
    ],
)
def test_remove_gives_what_was_there(text: str, value: Any, left: set[str]) -> None:
    changed = event()
    assert FieldRef(text).remove(changed) == value
    assert set(changed) == left


def test_remove_inside_of_maps_and_lists() -> None:
    changed = event()
    assert FieldRef("[a][b]").remove(changed) == 1
    assert changed["a"] == {"n": None}
    assert FieldRef("[l][1]").remove(changed) == {"x": 20}
    assert changed["l"] == [10, [30]]
    assert FieldRef("[l][7]").remove(changed) is None


keys = st.lists(st.text(alphabet="abc.@ -_é", min_size=1, max_size=5), min_size=1, max_size=5)


@given(keys, st.integers())
def test_what_is_set_can_be_read_and_removed(path: list[str], value: int) -> None:
    ref = FieldRef("".join(f"[{key}]" for key in path))
    made: dict[str, Any] = {}
    if ref.keys == ("@timestamp",):
        return
    ref.set(made, value)
    assert ref.get(made) == value
    assert ref.has(made)
    assert ref.remove(made) == value
    assert not ref.has(made)


@given(st.text(alphabet="ab[]01", max_size=12))
def test_any_text_is_a_reference_or_says_that_it_is_none(text: str) -> None:
    try:
        ref = FieldRef(text)
    except ReferenceSyntaxError as error:
        assert str(error)
    else:
        assert all(ref.keys)
        assert not set("".join(ref.keys)) & set("[]")
