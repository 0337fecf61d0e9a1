"""The filter truncate."""
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.filters.truncate import truncated


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [
        ("abcdef", 3, "abc"),
        ("abc", 3, "abc"),
        ("ééé", 3, "é"),
        ("ééé", 4, "éé"),
        ("😀😀", 3, ""),
        ("😀😀", 4, "😀"),
        ("a😀", 4, "a"),
        ("abc", 0, ""),
        ("", 0, ""),
    ],
)
def test_texts_are_cut_between_characters(text: str, length: int, cut: str) -> None:
    assert truncated(text, length) == cut


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 40))
def test_as_much_is_kept_as_fits(text: str, length: int) -> None:
    cut = truncated(text, length)
    assert text.startswith(cut)
    assert len(cut.encode()) <= length or cut == text
    assert cut == text or len(text[: len(cut) + 1].encode()) > length


@pytest.mark.parametrize(
    ("options", "event", "out"),
    [
        ('fields => ["a"]', {"a": "xxxx", "b": "yyyy"}, {"a": "xx", "b": "yyyy"}),
        ('fields => ["[a][b]"]', {"a": {"b": "xxxx"}}, {"a": {"b": "xx"}}),
        ('fields => ["a"]', {"a": {"b": {"c": "xxxx"}}}, {"a": {"b": {"c": "xx"}}}),
        ('fields => ["a"]', {"a": ["xxxx", 12345, ["yyyy"], {"z": "zzzz"}]}, {"a": ["xx", 12345, ["yyyy"], {"z": "zzzz"}]}),
        ('fields => ["none"]', {"a": "xxxx"}, {"a": "xxxx"}),
        ("", {"a": "xxxx", "b": {"c": ["yyyy"]}, "n": 12345}, {"a": "xx", "b": {"c": ["yy"]}, "n": 12345}),
        ("", {"@metadata": {"a": "xxxx"}}, {"@metadata": {"a": "xxxx"}}),
        ('fields => ["a"] add_tag => ["t"]', {"a": "xx"}, {"a": "xx"}),
        ('fields => ["a"] add_tag => ["t"]', {"a": {"b": ["xxx"]}}, {"a": {"b": ["xx"]}, "tags": ["t"]}),
    ],
)
def test_strings_of_the_fields_are_cut(options: str, event: dict[str, Any], out: dict[str, Any]) -> None:
    (got,) = penstock.compile(f"filter {{ truncate {{ length_bytes => 2 {options} }} }}")([event])
    assert {key: value for key, value in got.items() if key not in ("@timestamp", "@version")} == out
