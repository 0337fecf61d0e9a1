"""The filter prune."""
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError

Filtered = Callable[..., list[dict[str, Any]]]

EVENT = {"name": "Ann", "nick": "A", "status": 200, "codes": ["100", 200, "300"], "%{x}": 1, "ok": False, "no": None}

PRUNED = [
    ("", "name nick status codes ok no"),
    ('blacklist_names => ["^n"]', "status codes %{x} ok"),
    ('whitelist_names => ["^name$", "code"]', "name codes"),
    ('whitelist_names => ["n"] blacklist_names => ["^no$"]', "name nick"),
    ('whitelist_values => { "name" => "^A" "status" => "^3" "ok" => "true" "gone" => "x" }', "name nick codes ok no"),
    ('blacklist_values => { "name" => "n{2}" "status" => "404" "no" => "" }', "nick status codes ok no"),
    ('blacklist_values => { "codes" => "00" "status" => "^2" } whitelist_values => { "nick" => "b" }', "name ok no"),
    ('whitelist_names => ["%{nick}", "^%{name}$"] interpolate => true', ""),
    ('whitelist_values => { "%{key}" => "%{nick}nn" } interpolate => true', "name nick status codes ok no"),
    ('whitelist_values => { "name" => "%{nick}nn" }', "nick status codes ok no"),
]


@pytest.mark.parametrize(("options", "left"), PRUNED)
def test_fields_are_left_by_name_and_value(filtered: Filtered, options: str, left: str) -> None:
    (out,) = filtered(f"prune {{ {options} }}", EVENT)
    assert set(out) == set(left.split())


@pytest.mark.parametrize(
    ("options", "left"),
    [('whitelist_values => { "l" => "[12]" }', ["1", "2", 12]), ('blacklist_values => { "l" => "2" }', ["1", "3", {"k": 3}]),
     ('whitelist_values => { "l" => "[12]" } blacklist_values => { "l" => "1" }', ["2"])],
)  # fmt: skip
def test_items_of_lists(filtered: Filtered, options: str, left: list[Any]) -> None:
    assert filtered(f"prune {{ {options} }}", {"l": ["1", "2", "3", 12, {"k": 3}]}) == [{"l": left}]


def test_fields_of_every_event_go_too_but_metadata_stays() -> None:
    stage = penstock.compile('filter { prune { whitelist_names => ["^a$"] } }')
    assert stage([{"a": 1, "tags": ["x"], "@metadata": {"k": 1}}]) == [{"a": 1, "@metadata": {"k": 1}}]


def test_what_is_dropped_is_found_out_beforehand(filtered: Filtered) -> None:
    config = 'prune { blacklist_names => ["^a$", "^%{a}$"] interpolate => true }'
    assert filtered(config, {"a": "b", "b": "c", "c": 1}) == [{"c": 1}]


def test_an_expression_that_an_event_breaks_tags_it(filtered: Filtered) -> None:
    config = 'prune { blacklist_names => ["%{a}"] interpolate => true }'
    (out,) = filtered(config, {"a": "("})
    assert (out["a"], out["tags"]) == ("(", ["_prune_exception"])


@pytest.mark.parametrize(
    "options", ['whitelist_names => ["("]', 'blacklist_values => { "a" => "[" }', 'whitelist_values => { "a" => "*" }']
)
def test_bad_expressions_are_refused(options: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ prune {{ {options} }} }}")
    assert [found.code for found in refused.value.diagnostics] == ["E208"]


@given(st.dictionaries(st.text(alphabet="abnz[]\n"), st.text() | st.lists(st.integers())))
def test_what_is_left_was_there(event: dict[str, Any]) -> None:
    config = 'prune { blacklist_names => ["^[a-m]"] blacklist_values => { "" => "1" } }'
    (out,) = penstock.compile(f"filter {{ {config} }}")([event])
    assert all(out[name] == event[name] for name in out if name in event and name)
    assert not any(name[:1] in set("abcdefghijklm") for name in out)
