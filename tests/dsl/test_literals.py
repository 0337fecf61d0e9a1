"""Literals: escapes, variables, repeated options, hashes written as lists."""
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.literals import merged, paired


@pytest.mark.parametrize(
    ("written", "off", "on"),
    [
        (r'"a\nb"', r"a\nb", "a\nb"),
        (r'"a\tb"', r"a\tb", "a\tb"),
        (r'"a\rb"', r"a\rb", "a\rb"),
        (r'"a\0b"', r"a\0b", "a\0b"),
        (r'"a\\b"', r"a\\b", "a\\b"),
        (r'"a\"b"', r"a\"b", 'a"b'),
        (r"'a\'b'", r"a\'b", "a'b"),
        (r'"a\'b"', r"a\'b", "a'b"),
        (r'"a\qb"', r"a\qb", r"a\qb"),
        (r'"\d+\.\d"', r"\d+\.\d", r"\d+\.\d"),
    ],
)
def test_escapes_are_read_only_where_the_setting_asks_for_it(written: str, off: str, on: str, language: Any) -> None:
    assert language.setting("text", written) == off
    assert language.setting("text", written, {"config.support_escapes": True}) == on


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"${NAME}"', "value"),
        ('"<${NAME}>"', "<value>"),
        ('"${NAME:default}"', "value"),
        ('"${MISSING:default}"', "default"),
        ('"${MISSING:}"', ""),
        ('"${MISSING:a:b}"', "a:b"),
        ('"${MISSING:${NAME}}"', "value"),
        ('"${MISSING:${ALSO_MISSING:inner}}"', "inner"),
        ('"${EMPTY:default}"', ""),
        ('"${dotted.name}"', "dotted"),
        ('"${_private}"', "private"),
        ('"$NAME"', "$NAME"),
        ('"${9NAME}"', "${9NAME}"),
        ('"${NAME"', "${NAME"),
        ('"${NESTED}"', "${NAME}"),
        ('"%{NAME}"', "%{NAME}"),
    ],
)
def test_variables_are_replaced_by_their_values_or_defaults(written: str, value: str, language: Any) -> None:
    variables = {"NAME": "value", "EMPTY": "", "dotted.name": "dotted", "_private": "private", "NESTED": "${NAME}"}
    assert language.setting("text", written, **variables) == value


def test_variables_stand_in_lists_hashes_and_numbers(language: Any) -> None:
    assert language.setting("list", '["${N}", 2]', N="1") == [1, 2]
    assert language.setting("hash", '{ "${K}" => "${V}" }', K="key", V="value") == {"${K}": "value"}
    assert language.setting("integer", '"${N}"', N="7") == 7


def test_a_variable_in_a_condition_is_filled_in(language: Any) -> None:
    checked = language.check('filter { if [a] == "${NAME}" { } }', NAME="value")
    (branch,) = checked.program.filters
    assert branch.arms[0].condition.right.value == "value"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ("any => [1] any => [2]", [1, 2]),
        ("any => [1] any => 2", [1, 2]),
        ("any => 1 any => 2", [1, 2]),
        ("any => 1 any => 1", 1),
        ("any => 1 any => 2 any => 3", [1, 2, 3]),
        ("any => { a1 => 1 } any => { b1 => 2 }", {"a1": 1, "b1": 2}),
        ("any => { a1 => 1 } any => { a1 => 2 }", {"a1": [1, 2]}),
        ("any => { a1 => { b1 => 1 } } any => { a1 => { c1 => 2 } }", {"a1": {"b1": 1, "c1": 2}}),
    ],
)
def test_an_option_given_twice_is_merged(options: str, wanted: Any, language: Any) -> None:
    (use,) = language.check(f"filter {{ kinds {{ {options} }} }}").program.filters
    assert use.settings["any"].value == wanted


def test_pairs_make_a_hash_and_repeated_keys_collect_their_values() -> None:
    assert paired(["a", 1, "b", 2]) == {"a": 1, "b": 2}
    assert paired(["a", 1, "a", 2]) == {"a": [1, 2]}
    assert paired([]) == {}


def test_a_missing_variable_refuses_the_configuration(language: Any) -> None:
    with pytest.raises(ConfigError, match="is not set and has no default"):
        language.setting("text", '"${MISSING}"')


@given(st.dictionaries(st.text(max_size=2), st.integers()), st.dictionaries(st.text(max_size=2), st.integers()))
def test_merging_hashes_keeps_every_key(first: dict[str, int], second: dict[str, int]) -> None:
    assert set(merged(first, second)) == {*first, *second}


def test_entries_of_a_hash_come_in_the_order_of_a_java_hashmap(language: Any) -> None:
    """The hash code of a letter is its number: p (112) stands in bucket 0 of 16, a (97) in bucket 1."""
    assert list(language.setting("hash", "{ 'b' => 1 'p' => 2 'a' => 3 }")) == ["p", "a", "b"]
    letters = "abcdefghijklmnop"
    many = " ".join(f"'{letter}' => 1" for letter in reversed(letters))
    assert "".join(language.setting("hash", f"{{ {many} }}")) == letters, "with 32 buckets, a is 1 and p is 16"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing", "No such file"), ("latin1", "can't decode byte"), ("nul\0", "embedded null byte")],
)
def test_a_file_of_a_secret_that_cannot_be_read_is_an_error_at_its_place(name: str, reason: str, tmp_path: Path, language: Any) -> None:
    (tmp_path / "latin1").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match="the file of the secret cannot be read: .*" + reason):
        language.setting("text", f'"${{file:{tmp_path}/{name}}}"')
