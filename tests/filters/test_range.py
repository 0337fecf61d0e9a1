"""The filter range."""
from typing import Any

import pytest

import penstock


def run(options: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    outs = penstock.compile(f"filter {{ range {{ {options} }} }}")(events)
    return [{key: value for key, value in out.items() if key not in ("@timestamp", "@version")} for out in outs]


@pytest.mark.parametrize(
    ("value", "tags"),
    [(0, ["low"]), (10, ["low"]), (10.5, None), (11, ["high"]), (20.0, ["high"]), ("ten chars!", ["low"]), ("", ["low"])],
)
def test_numbers_and_lengths(value: Any, tags: list[str] | None) -> None:
    (out,) = run('ranges => ["v", 0, 10, "tag:low", "v", 11, 20, "tag:high"]', {"v": value})
    assert out.get("tags") == tags


@pytest.mark.parametrize("value", [True, None, ["a"], {"a": 1}])
def test_other_values_are_in_no_range(value: Any) -> None:
    assert run('ranges => ["v", -9, 9, "tag:in"]', {"v": value}) == [{"v": value}]
    assert run('negate => true ranges => ["v", -9, 9, "tag:out"]', {"v": value}) == [{"v": value, "tags": ["out"]}]


def test_a_missing_field_is_passed_over() -> None:
    assert run('negate => true ranges => ["v", 0, 9, "tag:out"] add_tag => ["seen"]', {}) == [{"tags": ["seen"]}]


def test_events_are_dropped() -> None:
    options = 'ranges => ["[a][n]", 1, 2, "drop"] add_tag => ["kept"]'
    out = run(options, {"a": {"n": 1}}, {"a": {"n": 3}}, {"a": {"n": 2}})
    assert out == [{"a": {"n": 3}, "tags": ["kept"]}]


@pytest.mark.parametrize(
    ("action", "out"),
    [
        ("tag:t_%{x}", {"tags": ["t_y"]}),
        ("field:f:text", {"f": "text"}),
        ("field:f:5", {"f": 5}),
        ("field:f:1.5", {"f": 1.5}),
        ("field:f:05", {"f": "05"}),
        ("field:f_%{x}:v_%{x}", {"f_y": "v_y"}),
        ("field:[g][h]:v", {"g": {"h": "v"}}),
        ("field:x:5", {"x": ["y", "5"]}),
    ],
)
def test_a_value_in_the_range_gets_the_action(action: str, out: dict[str, Any]) -> None:
    assert run(f'ranges => ["n", 0, 9, "{action}"]', {"n": 1, "x": "y"}) == [{"n": 1, "x": "y"} | out]


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ('["n", 0, 9]', "list of groups of four"),
        ('["n", "0", 9, "drop"]', "a limit must be a number"),
        ('["n[", 0, 9, "drop"]', "field reference"),
        ('["n", 0, 9, "drop:x"]', "is not a valid action"),
        ('["n", 0, 9, "tag:a:b"]', "is not a valid action"),
        ('["n", 0, 9, "mark:a"]', "is not a valid action"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(ranges: str, said: str) -> None:
    with pytest.raises(penstock.ConfigError, match=said):
        run(f"ranges => {ranges}")
