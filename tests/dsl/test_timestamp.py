"""Instants: their canonical text, their arithmetic, and which texts are coerced into one."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.dsl.timestamp import (
    Timestamp,
    civil_from_days,
    days_from_civil,
    parse_timestamp,
    parse_together,
)

CANONICAL = [
    (0, "1970-01-01T00:00:00.000Z"),
    (1, "1970-01-01T00:00:00.000000001Z"),
    (-1, "1969-12-31T23:59:59.999999999Z"),
    (1_443_657_600_000_000_000, "2015-10-01T00:00:00.000Z"),
    (946_702_800_123_456_000, "2000-01-01T05:00:00.123456Z"),
    (946_702_800_120_000_000, "2000-01-01T05:00:00.120Z"),
    (253_402_300_800_000_000_000, "+10000-01-01T00:00:00.000Z"),
    (-62_167_219_200_000_000_000, "0000-01-01T00:00:00.000Z"),
    (-62_198_755_200_000_000_000, "-0001-01-01T00:00:00.000Z"),
    (4_077_966_729_599_999_000_000, "+131195-08-15T23:59:59.999Z"),
]

COERCED = [
    ("2015-10-01T00:00:00.000Z", "2015-10-01T00:00:00.000Z"),
    ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z"),
    ("2013-12-21", "2013-12-21T00:00:00.000Z"),
    ("2013-12-21+01:00", "2013-12-20T23:00:00.000Z"),
    ("2013-12-21T10:11", "2013-12-21T10:11:00.000Z"),
    ("2013-12-21t10:11z", "2013-12-21T10:11:00.000Z"),
    ("2013-12-21T10:11:12,5Z", "2013-12-21T10:11:12.500Z"),
    ("2013-12-21T10:11:12.1234Z", "2013-12-21T10:11:12.123400Z"),
    ("2013-12-21T10:11:12.123456789Z", "2013-12-21T10:11:12.123456789Z"),
    ("2013-12-21T10:11:12-08", "2013-12-21T18:11:12.000Z"),
    ("2013-12-21T10:11:12+0130", "2013-12-21T08:41:12.000Z"),
    ("2013-12-21T10:11:12-01:02:03", "2013-12-21T11:13:15.000Z"),
    ("2013-12-31T24:00:00Z", "2014-01-01T00:00:00.000Z"),
    ("2013-02-30T10:00:00Z", "2013-02-28T10:00:00.000Z"),
    ("2012-02-29T10:00:00.000Z", "2012-02-29T10:00:00.000Z"),
    ("2013-02-29T10:00:00.000Z", "2013-02-28T10:00:00.000Z"),
    ("+12013-12-21T10:11:12Z", "+12013-12-21T10:11:12.000Z"),
    ("-0001-01-01T00:00:00Z", "-0001-01-01T00:00:00.000Z"),
]

NOT_COERCED = [
    "", "foo", "2013", "2013-12", "2013-12-21T", "2013-12-21T10Z", "2013-12-21 10:11:12", "2013-12-21T10:11:12 ",
    "2013-12-21T10:11:60Z", "2013-12-21T24:00:01Z", "2013-13-01", "2013-00-01", "2013-01-32", "2013-01-00",
    "12013-01-01", "+2013-12-21", "-0000-12-21", "2013-12-21T10:11:12+19:00", "2013-12-21T10:11:12+1",
    "2013-12-21T10:11:12.1234567890Z", "２０１３-12-21T10:11:12Z", "2013-12-21T10:11:12Z\n",
]  # fmt: skip


@pytest.mark.parametrize(("nanos", "text"), CANONICAL)
def test_an_instant_is_its_canonical_text(nanos: int, text: str) -> None:
    """Milliseconds always, more digits only when the instant has them, a sign only outside the years 0 to 9999."""
    stamp = Timestamp.of_nanos(nanos)
    assert stamp == text
    assert (stamp.nanos(), stamp.millis(), stamp.seconds()) == (nanos, nanos // 10**6, nanos // 10**9)


@pytest.mark.parametrize(("text", "expected"), COERCED)
def test_iso_texts_are_coerced(text: str, expected: str) -> None:
    stamp = parse_timestamp(text)
    assert stamp == expected
    assert type(stamp) is Timestamp


@pytest.mark.parametrize("text", NOT_COERCED)
def test_other_texts_are_not(text: str) -> None:
    assert parse_timestamp(text) is None


@given(st.integers(-(10**22), 10**22))
def test_text_and_nanoseconds_say_the_same(nanos: int) -> None:
    stamp = Timestamp.of_nanos(nanos)
    assert stamp.nanos() == nanos
    assert parse_timestamp(stamp) == stamp


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=3)))))
def test_a_datetime_gives_the_instant_it_names(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert Timestamp.of(moment).nanos() == since // timedelta(microseconds=1) * 1000


@given(st.integers(-(10**9), 10**9))
def test_days_and_civil_dates_are_inverse(days: int) -> None:
    assert days_from_civil(*civil_from_days(days)) == days


def test_a_datetime_without_a_zone_is_taken_as_utc() -> None:
    assert Timestamp.of(datetime(2015, 10, 1)) == "2015-10-01T00:00:00.000Z"


def test_now_is_a_millisecond_near_the_clock() -> None:
    now = Timestamp.now()
    assert len(now) == 24
    assert abs(now.nanos() - Timestamp.of(datetime.now(UTC)).nanos()) < 60 * 10**9


def test_copies_and_pickles_stay_instants() -> None:
    stamp = Timestamp.of_millis(1_443_657_600_000)
    pickled = [pickle.loads(pickle.dumps(stamp, protocol)) for protocol in range(6)]
    for again in (copy.copy(stamp), copy.deepcopy({"a": [stamp]})["a"][0], *pickled):
        assert again == stamp
        assert type(again) is Timestamp


@given(st.integers(-(10**22), 10**22), st.integers(-(10**22), 10**22))
@example(253_402_300_800_000_000_000, 0)
@example(1_000, 0)
def test_instants_stand_in_the_order_of_time(one: int, two: int) -> None:
    first, second = Timestamp.of_nanos(one), Timestamp.of_nanos(two)
    assert (first < second, first <= second) == (one < two, one <= two)
    assert (first > second, first >= second) == (one > two, one >= two)


def test_text_is_told_from_an_instant_by_its_type() -> None:
    assert Timestamp.of_millis(0) == "1970-01-01T00:00:00.000Z"
    assert type(Timestamp.of_millis(0)) is not str
    assert type(str(Timestamp.of_millis(0))) is str


MINUTE = [f"2024-03-30T23:59:{number // 7:02}.{number * 37 % 1000:03}Z" for number in range(400)]


def test_canonical_texts_of_one_minute_are_read_together() -> None:
    found = parse_together(MINUTE)
    assert found == MINUTE
    assert {type(each) for each in found} == {Timestamp}


@pytest.mark.parametrize(
    "odd",
    [
        "2024-03-30T23:58:10.000Z",
        "2024-03-30T23:59:60.000Z",
        "2024-03-30T23:59:1٠.000Z",
        "2024-03-30T23:59:10.0000",
        "2024-03-30T23:59:10.000Z\n2024-03-30T23:59:11.000Z",
        "2024-03-30T23:59:10.000",
        "2024-03-32T23:59:10.000Z",
        "",
        5,
        None,
    ],
)
@pytest.mark.parametrize("place", [0, 1, 50, 399])
def test_where_one_is_another_text_each_is_to_be_read_by_itself(odd: object, place: int) -> None:
    assert parse_together([*MINUTE[:place], odd, *MINUTE[place + 1 :]]) is None


@given(st.integers(0, 49), st.integers(0, 49), st.text("0159-T:.Z\n ", max_size=30), st.data())
def test_what_is_read_together_is_what_each_text_means(
    one: int, other: int, inserted: str, data: st.DataObject
) -> None:
    texts = MINUTE[:50]
    at = data.draw(st.integers(0, 24))
    texts[one] = texts[one][:at] + inserted + texts[one][at + len(inserted) :]
    texts[other] = texts[other][: data.draw(st.integers(0, 24))]
    found = parse_together(texts)
    assert found is None or found == [parse_timestamp(text) for text in texts]
    if found is not None:
        assert texts == found
