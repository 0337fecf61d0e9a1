"""Texts and numbers as Ruby's inspect shows them."""
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.values import ruby_float
from penstock.plugins.codecs._ruby import escaped_bytes, inspect


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", '"plain"'),
        ('say "x"', r'"say \"x\""'),
        ("back\\slash", r'"back\\slash"'),
        ("\n\t\r\x07\x08\x0b\x0c\x1b", r'"\n\t\r\a\b\v\f\e"'),
        ("\x00\x1f\x7f", r'"\u0000\u001F\x7F"'),
        ("#{a} #$b #@c # #d", r'"\#{a} \#$b \#@c # #d"'),
        ("#{\n", r'"\#{\n"'),
        ("é ✓ 漢 🎉", '"é ✓ 漢 🎉"'),
        ("\u2028\x85\ufdd0\U0010ffff", r'"\u2028\u0085\uFDD0\u{10FFFF}"'),
    ],
)
def test_a_text_is_shown_as_ruby_shows_it(text: str, shown: str) -> None:
    assert inspect(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e15, "1000000000000000.0"),
        (1e16, "10000000000000000.0"),
        (-1.25e19, "-12500000000000000000.0"),
        (1e20, "1.0e+20"),
        (1.5e300, "1.5e+300"),
        (0.0001, "0.0001"),
        (0.00001, "1.0e-05"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_a_number_is_shown_as_ruby_shows_it(value: float, shown: str) -> None:
    assert ruby_float(value) == shown


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_bytes_that_differ_look_different(one: bytes, other: bytes) -> None:
    """No two byte strings that are not valid UTF-8 become one text: the bytes could be had back."""
    one, other = one + b"\xff", other + b"\xff"
    assert (escaped_bytes(one) == escaped_bytes(other)) is (one == other)
