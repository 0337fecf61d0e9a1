"""The filter i18n."""
from typing import Any

import pytest

import penstock


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("Ærøskøbing", "AEroskobing"),
        ("Zoë Žižek", "Zoe Zizek"),
        ("straße ŉ ĳ", "strasse 'n ij"),
        ("e\u0301", "e"),
        ("日本 €÷", "?? ??"),
        (["ü", 5, None], ["u", 5, None]),
        (5, 5),
        ({"a": "ü"}, {"a": "ü"}),
    ],
)
def test_texts_in_ascii(value: Any, expected: Any) -> None:
    (out,) = penstock.compile('filter { i18n { transliterate => ["[a][b]", "none"] } }')([{"a": {"b": value}}])
    assert out["a"]["b"] == expected
    assert "none" not in out
