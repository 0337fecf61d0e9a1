"""The filter extractnumbers."""
from typing import Any

import pytest

import penstock


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a 1 b 2.5 c -3", {"int1": 1, "int2": -3, "float1": 2.5}),
        ("1e3 .5 0x10 1_000", {"float1": 1000.0, "float2": 0.5, "int1": 16, "int2": 1000}),
        ("5ms 10.0.0.1 a=3 1. 08", {"float1": 8.0}),
        ("none", {}),
        ("", {}),
        (["7 8", "9"], {"int1": 7, "int2": 8}),
        ([], {}),
        (5, {}),
        (None, {}),
    ],
)
def test_numbers_become_fields(text: Any, fields: dict[str, Any]) -> None:
    (out,) = penstock.compile("filter { extractnumbers { } }")([{"message": text}])
    assert {key: value for key, value in out.items() if key.startswith(("int", "float"))} == fields
