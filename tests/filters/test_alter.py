"""The filter alter."""
from typing import Any

import pytest

import penstock


def run(options: str, event: dict[str, Any]) -> dict[str, Any]:
    (out,) = penstock.compile(f"filter {{ alter {{ {options} }} }}")([event])
    return {key: value for key, value in out.items() if key not in ("@timestamp", "@version")}


@pytest.mark.parametrize(
    ("options", "event", "out"),
    [
        ('condrewrite => ["a", "x", "y"]', {"a": "x"}, {"a": "y"}),
        ('condrewrite => ["a", "x", "y"]', {"a": "z"}, {"a": "z"}),
        ('condrewrite => ["a", "x", "y"]', {}, {}),
        ('condrewrite => ["a", "x", "y"]', {"a": ["x", "z", "x"]}, {"a": ["y", "z", "y"]}),
        ('condrewrite => ["a", "5", "y"]', {"a": 5}, {"a": 5}),
        ('condrewrite => ["a", 404, "y"]', {"a": "404"}, {"a": "y"}),
        ('condrewrite => ["a", "404", "y"]', {"a": [404, "404"]}, {"a": [404, "y"]}),
        ('condrewriteother => ["a", "404", "b", "y"]', {"a": 404}, {"a": 404}),
        ('condrewrite => ["a", "%{b}", "%{c}"]', {"a": "x", "b": "x", "c": "y"}, {"a": "y", "b": "x", "c": "y"}),
        ('condrewrite => ["a", "x", "y", "a", "y", "z"]', {"a": "x"}, {"a": "z"}),
        ('condrewriteother => ["a", "x", "b", "y"]', {"a": "x"}, {"a": "x", "b": "y"}),
        ('condrewriteother => ["a", "x", "b", "y"]', {"a": ["z", "x"]}, {"a": ["z", "x"], "b": "y"}),
        ('condrewriteother => ["a", "x", "b", "y"]', {"a": "z"}, {"a": "z"}),
        ('coalesce => ["a", "%{b}", "%{c}", "d"]', {"c": 5}, {"c": 5, "a": "5"}),
        ('coalesce => ["a", "%{b}", "50% of %{c}"]', {"c": 5}, {"c": 5, "a": "50% of 5"}),
        ('coalesce => ["a", "%{b}", "nil"]', {}, {}),
        ('condrewrite => ["a", "x", "y"] add_tag => ["t"]', {}, {"tags": ["t"]}),
    ],
)
def test_values_are_rewritten(options: str, event: dict[str, Any], out: dict[str, Any]) -> None:
    assert run(options, event) == out


@pytest.mark.parametrize(
    "options",
    ['condrewrite => ["a", "b"]', 'condrewriteother => ["a", "b", "c"]', 'coalesce => ["a"]', 'condrewrite => ["a[", "b", "c"]'],
)
def test_a_configuration_that_cannot_work_is_refused(options: str) -> None:
    with pytest.raises(penstock.ConfigError):
        run(options, {})
