"""The filter bytes."""
from typing import Any

import pytest

import penstock


def size(options: str, value: Any) -> Any:
    (out,) = penstock.compile(f'filter {{ bytes {{ target => "b" {options} }} }}')([{"message": value}])
    return out.get("b", out.get("tags"))


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ("", "0", 0),
        ("", "123", 123),
        ("", "32.8B", 33),
        ("", "32.5", 33),
        ("", "32KB", 32768),
        ("", "1 kb", 1024),
        ("", "32\tmb", 33554432),
        ("", "3,124.56 mb", 3276338627),
        ("", "3. mb", 3145728),
        ("", "1_000", 1000),
        ("", "1.234,5 MB", 1294467),
        ("", " 5 PB ", 5629499534213120),
        ("", "32eB", 36893488147419103232),
        ("conversion_method => metric", "1 KB", 1000),
        ('decimal_separator => ","', "3.124,56 mb", 3276338627),
        ('decimal_separator => ","', "1.9 kb", 19456),
        ('decimal_separator => ","', "1.234.567 kb", 1264196608),
        ('decimal_separator => ","', "1,5,9 kb", 1536),
        ("", "1,234,567 kb", 1264196608),
        ("", "1 234_567.5", 1234568),
        ("", ". kb", 0),
    ],
)
def test_a_size_becomes_a_number_of_bytes(options: str, text: str, expected: int) -> None:
    found = size(options, text)
    assert (found, type(found)) == (expected, int)


@pytest.mark.parametrize("value", ["", "x", "mb", ", mb", "1.2.3 mb", "1..5", "5 zb", "-5", "1e3", None, 5, ["5"]])
def test_what_is_no_size_is_tagged(value: Any) -> None:
    assert size("", value) == ["_bytesparsefailure"]
    assert size('tag_on_failure => ["a", "b"]', value) == ["a", "b"]
