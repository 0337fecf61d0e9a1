"""Durations as text."""
import pytest

from penstock.dsl.durations import seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90), ("1.5h", 5400), ("1h30m", 5400), ("1 day 2 hours", 93_600), ("250ms", 0.25), ("250 milli", 0.25), ("10us", 1e-5),
        ("5 minutes", 300), ("5min", 300), ("2 w", 1_209_600), (" 3s ", 3), ("0s", 0),
        ("", None), (" ", None), ("5", None), ("s", None), ("5 x", None), ("5s x", None), ("-5s", None), ("5S", None), ("1h 30", None),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, seconds: float | None) -> None:
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))
