"""The times of a batch are those of its events one by one, whatever their texts are."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp
from penstock.filters.state.times import EventTimes

MINUTE = 60_000
HOUR = 60 * MINUTE
START = 1_757_000_000_000


def read(stamps: list[Any]) -> list[int | None]:
    return EventTimes(FieldRef("[at]")).of_all([{"at": stamp} for stamp in stamps])


def alone(stamps: list[Any]) -> list[int | None]:
    return [EventTimes.millis(stamp) for stamp in stamps]


SPANS = [1, MINUTE, 5 * MINUTE, HOUR, 30 * HOUR, 400 * 24 * HOUR]


@pytest.mark.parametrize("span", SPANS)
@pytest.mark.parametrize("start", [START, 0, -5 * HOUR, 4_102_444_799_000, -62_135_596_800_000])
@settings(max_examples=15)
@given(dice=st.randoms(use_true_random=False), count=st.integers(1, 90))
def test_the_times_of_instants_near_each_other_are_read(
    start: int, span: int, dice: random.Random, count: int
) -> None:
    expected = [start + dice.randint(0, span) for _ in range(count)]
    assert read([Timestamp.of_millis(time) for time in expected]) == expected
    assert read([str(Timestamp.of_millis(time)) for time in expected]) == expected


STRANGE = [
    None,
    17,
    "",
    "x",
    "2025-09-04T15:33:20.000z",
    "2025-09-04t15:33:20.000Z",
    "2025-09-04T15:33:20,000Z",
    "2025-09-04T15:33:60.000Z",
    "2025-09-04T15:60:20.000Z",
    "2025-09-04T15:3::20.000Z",
    "2025-09-04T15:33:2/.000Z",
    "2025-09-04T15:33:20.00:Z",
    "2025-09-04T15:33:20.0\N{ARABIC-INDIC DIGIT ONE}Z",
    "2025-09-04T15:33:20.00\N{ARABIC-INDIC DIGIT ONE}Z",
    "2025-09-04T15:33:20.\ud800Z",
    "2025-09-04T15:33:20.123456Z",
    "2025-09-04T15:33:20Z",
    "2025-09-04T15:33:20.00Z ",
    "2025-09-04 15:33:20.000Z",
    "2025-02-30T15:33:20.000Z",
    "2025-09-04T24:00:00.000Z",
    "2025-09-04T24:00:00.001Z",
    "2025-09-04T24:01:00.000Z",
    "2025-09-04T25:00:00.000Z",
    "2025-09-04T15:33:20.000Z        2025-09-04T15:33:20.000Z",
    "2025-09-04T15:33:20+02:00",
    Timestamp("+12025-09-04T15:33:20.000Z"),
    Timestamp("2025-09-04T15:33:20.123456789Z"),
]


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize("place", [0, 1, 39])
def test_one_strange_text_does_not_change_how_the_others_are_read(strange: Any, place: int) -> None:
    stamps: list[Any] = [Timestamp.of_millis(START + 11 * n) for n in range(40)]
    stamps[place] = strange
    assert read(stamps) == alone(stamps)


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_a_batch_of_strange_texts_is_read_like_each_of_them(strange: Any) -> None:
    assert read([strange] * 40) == alone([strange] * 40)


def test_texts_of_other_lengths_are_not_cut_at_the_wrong_places() -> None:
    text = str(Timestamp.of_millis(START))
    stamps = [text] * 38 + [f"{text}        {text}", ""]
    assert read(stamps) == alone(stamps)
    assert read([*stamps[:38], text[:-1], "Z"]) == [*alone(stamps[:38]), *alone([text[:-1], "Z"])]
