"""The filter split."""
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock

Filtered = Callable[..., list[dict[str, Any]]]

PARTS = [
    ("a\nb", ["a", "b"]),
    ("a\n\n b\n", ["a", " b"]),
    ("a\n", ["a"]),
    ("\n", []),
    ("", []),
    (["a", "", None, "b"], ["a", "b"]),
    ([1, 0, False, [], {}, [1], {"k": 1}], [1, 0, False, [1], {"k": 1}]),
    (["a\nb"], ["a\nb"]),
    ([], []),
]


@pytest.mark.parametrize(("value", "parts"), PARTS)
def test_each_part_makes_an_event(filtered: Filtered, value: Any, parts: list[Any]) -> None:
    config = 'split { add_tag => ["s"] } mutate { add_field => { "after" => "%{message}" } }'
    out = filtered(config, {"message": value, "n": 1})
    assert [(event["message"], event["n"], event["tags"]) for event in out] == [(part, 1, ["s"]) for part in parts]


@pytest.mark.parametrize(
    ("terminator", "text", "parts"),
    [(",", "a,b", ["a", "b"]), ("::", "a::b", ["a", "b"]), (" ", " a\tb ", ["a", "b"]), ("", "ab", ["a", "b"])],
)
def test_terminators(filtered: Filtered, terminator: str, text: str, parts: list[str]) -> None:
    out = filtered(f'split {{ terminator => "{terminator}" }}', {"message": text})
    assert [event["message"] for event in out] == parts


@pytest.mark.parametrize("text", ["a", "a b"])
def test_a_text_of_one_part_goes_on_undecorated(filtered: Filtered, text: str) -> None:
    assert filtered('split { add_tag => ["s"] }', {"message": text}) == [{"message": text}]


@pytest.mark.parametrize("event", [{}, {"message": None}, {"message": 5}, {"message": {"a": 1}}, {"message": True}])
def test_what_cannot_be_split_is_tagged(filtered: Filtered, event: dict[str, Any]) -> None:
    assert filtered('split { add_tag => ["s"] }', event) == [{**event, "tags": ["_split_type_failure"]}]


def test_a_target_takes_the_part_and_the_field_stays(filtered: Filtered) -> None:
    config = 'split { field => "[l][m]" target => "[t][u]" }'
    assert filtered(config, {"l": {"m": [{"a": 1}, 2]}}) == [
        {"l": {"m": [{"a": 1}, 2]}, "t": {"u": {"a": 1}}},
        {"l": {"m": [{"a": 1}, 2]}, "t": {"u": 2}},
    ]


def test_events_share_nothing(filtered: Filtered) -> None:
    config = 'split { field => "l" target => "t" } if [t][n] == 1 { mutate { replace => { "[t][n]" => "x" "[o][p]" => "y" } } }'
    event = {"l": [{"n": 1}, {"n": 2}], "o": {"p": 1}}
    assert filtered(config, event) == [{**event, "t": {"n": "x"}, "o": {"p": "y"}}, {**event, "t": {"n": 2}}]


def test_an_event_that_cannot_take_its_part_stays_whole(filtered: Filtered) -> None:
    (out,) = filtered('split { field => "[l]" add_field => { "[n][m]" => "x" } }', {"l": ["a", "b"], "n": 1})
    assert (out["l"], out["n"], out["tags"]) == (["a", "b"], 1, ["_split_exception"])


def test_the_order_is_kept_in_a_branch(filtered: Filtered) -> None:
    out = filtered("if [message] { split { } }", {"message": "a\nb"}, {"n": 1}, {"message": "c\nd"})
    assert [event.get("message", "-") for event in out] == ["a", "b", "-", "c", "d"]


@given(st.lists(st.text()))
def test_joined_texts_come_apart(parts: list[str]) -> None:
    stage = penstock.compile('filter { split { field => "f" terminator => "|" } }')
    out = stage([{"f": "|".join(parts)}])
    wanted = [part for whole in parts for part in whole.split("|") if part]
    assert [event["f"] for event in out] == wanted
