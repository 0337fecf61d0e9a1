"""The filter clone."""
from collections.abc import Callable
from typing import Any

import pytest

import penstock
from penstock.dsl.diagnostics import ConfigError

Filtered = Callable[..., list[dict[str, Any]]]


def test_the_event_comes_first_and_unchanged(filtered: Filtered) -> None:
    config = 'clone { clones => ["a", "b"] add_field => { "t" => "%{tags}" } remove_tag => ["old"] }'
    assert filtered(config, {"tags": ["old"], "n": 1}) == [
        {"tags": ["old"], "n": 1},
        {"tags": ["a"], "n": 1, "t": "old,a"},
        {"tags": ["b"], "n": 1, "t": "old,b"},
    ]


def test_without_ecs_the_type_is_set(filtered: Filtered) -> None:
    out = filtered('clone { clones => "a" }', {"type": "t", "tags": ["x"]}, pipeline__ecs_compatibility="disabled")
    assert out == [{"type": "t", "tags": ["x"]}, {"type": "a", "tags": ["x"]}]


def test_copies_share_nothing(filtered: Filtered) -> None:
    config = 'clone { clones => ["c"] } if "c" in [tags] { mutate { replace => { "[a][b]" => "changed" } } }'
    first, second = filtered(config, {"a": {"b": 1}, "tags": []})
    assert (first, second) == ({"a": {"b": 1}, "tags": []}, {"a": {"b": "changed"}, "tags": ["c"]})


def test_copies_stand_behind_their_events(filtered: Filtered) -> None:
    out = filtered('if [n] == 1 { clone { clones => ["c"] } }', {"n": 0}, {"n": 1}, {"n": 2})
    assert [event["n"] for event in out] == [0, 1, 1, 2]


def test_names_must_be_given() -> None:
    with pytest.raises(ConfigError, match="clones"):
        penstock.compile("filter { clone { } }")
    assert [found.code for found in penstock.compile("filter { clone { clones => [] } }").warnings] == ["W305"]
