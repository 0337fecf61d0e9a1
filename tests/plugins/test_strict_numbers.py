"""Numbers as Ruby's Integer() and Float() read them."""
import pytest

from penstock.plugins.strict_numbers import integer, number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("12", 12),
        ("-12", -12),
        ("+1_000", 1000),
        (" 5\n", 5),
        ("0x1F", 31),
        ("-0b101", -5),
        ("017", 15),
        ("0o17", 15),
        ("0d19", 19),
    ],
)
def test_whole_numbers(text: str, value: int) -> None:
    assert integer(text) == value


@pytest.mark.parametrize("text", ["", "-", "08", "1.0", "1e3", "1__0", "_1", "1_", "0x", "abc", "1 2", "٣"])
def test_texts_that_are_no_whole_numbers(text: str) -> None:
    assert integer(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1.0), ("1.5", 1.5), ("-.5", -0.5), ("1e3", 1000.0), ("1_0.2_5e-1", 1.025), ("08", 8.0), ("0x1.8p1", 3.0), (" 2 ", 2.0)],
)
def test_a_text_that_is_a_number_is_read_as_one(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", ".", "1.", "e5", "1e", "nan", "inf", "1,5", "1.5.2", "0x", "٣.٣"])
def test_texts_that_are_no_numbers(text: str) -> None:
    assert number(text) is None
