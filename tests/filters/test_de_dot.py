"""The filter de_dot."""
from typing import Any

import pytest

import penstock

FAILED = {"tags": ["_de_dot_error"]}


@pytest.mark.parametrize(
    ("options", "event", "out"),
    [
        ("", {"a.b": 1, "c": 2}, {"a_b": 1, "c": 2}),
        ('separator => "__"', {"a.b.c": 1}, {"a__b__c": 1}),
        ('separator => ""', {"a.b": 1}, {"ab": 1}),
        ("", {"a": {"b.c": 1}}, {"a": {"b.c": 1}}),
        ("", {".a": 1}, {"_a": 1}),
        ("", {"a.b": False, "c.d": None}, {"a_b": False, "c_d": None}),
        ("nested => true", {"a.b": 1}, {"a": {"b": 1}}),
        ("nested => true", {"a.b": 1, "a": {"c": 2}}, {"a": {"c": 2, "b": 1}}),
        ("nested => true", {"a.b": 1, "a": 2}, {"a.b": 1, "a": 2, **FAILED}),
        ("nested => true", {"a.": 1}, {"a.": 1, **FAILED}),
        ('nested => true tag_on_failure => "t"', {"..": 1}, {"..": 1, "tags": ["t"]}),
        ("recursive => true", {"a.b": {"c.d": {"e.f": 1}}}, {"a_b": {"c_d": {"e_f": 1}}}),
        ("recursive => true nested => true", {"a": {"b.c": 1, "d": 2}}, {"a": {"b": {"c": 1}, "d": 2}}),
        ("recursive => true", {"a": [{"b.c": 1}]}, {"a": [{"b.c": 1}]}),
        ('fields => ["a.b", "gone.x"]', {"a.b": 1, "c.d": 2}, {"a_b": 1, "c.d": 2}),
        ('fields => ["[a][b.c]"]', {"a": {"b.c": 1, "d.e": 2}}, {"a": {"b_c": 1, "d.e": 2}}),
        ('nested => true fields => ["[a.b][c.d]"]', {"a.b": {"c.d": 1}}, {"a": {"b": {"c": {"d": 1}}}}),
        ('fields => ["[a.b][c.d]"]', {"a.b": {"c.d": 1, "x": 2}}, {"a.b": {"x": 2}, "a_b": {"c_d": 1}}),
        ('recursive => true fields => ["a"]', {"a": {"b.c": 1}, "d.e": 2}, {"a": {"b_c": 1}, "d.e": 2}),
        ('add_tag => ["t"]', {"a": 1}, {"a": 1, "tags": ["t"]}),
    ],
)
def test_dots_in_names_are_replaced(options: str, event: dict[str, Any], out: dict[str, Any]) -> None:
    (got,) = penstock.compile(f"filter {{ de_dot {{ {options} }} }}")([event])
    assert {key: value for key, value in got.items() if key not in ("@timestamp", "@version")} == out


def test_a_separator_with_a_dot_is_refused() -> None:
    with pytest.raises(penstock.ConfigError, match="must not contain a dot"):
        penstock.compile('filter { de_dot { separator => "." } }')
