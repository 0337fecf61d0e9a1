"""Parsers: which texts a format reads, and the instants that they mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.joda.clock import Clock
from penstock.dsl.joda.format import formatter
from penstock.dsl.joda.moment import iso_week
from penstock.dsl.joda.names import names_of
from penstock.dsl.joda.parse import Parser, parser, uses_names
from penstock.dsl.joda.pattern import PatternError
from penstock.dsl.joda.zones import get_zone
from penstock.dsl.timestamp import Timestamp, civil_from_days

NO = None


def parser_at(pattern: str, zone: str = "UTC", locale: str = "en", now: str = "2026-11-21T00:00:00.000Z") -> Parser:
    return parser(pattern, get_zone(zone), names_of(locale), Clock(lambda: Timestamp(now)))


NUMBERS = [
    # A number takes as many digits as its field may have, fewer will do.
    ("yyyy-MM-dd HH:mm:ss", "2013-11-24 01:29:01", "2013-11-24T01:29:01.000Z"),
    ("yyyy-MM-dd HH:mm:ss", "2013-1-4 1:2:3", "2013-01-04T01:02:03.000Z"),
    ("yyyy-MM-dd HH:mm:ss", "13-11-24 01:29:01", "0013-11-24T01:29:01.000Z"),
    ("yyyy-MM-dd HH:mm:ss", "2013-11-024 01:29:01", NO),
    ("yyyyMMddHHmmss", "20131124012901", "2013-11-24T01:29:01.000Z"),
    ("yyyyMMdd", "120131124", NO),
    ("yyyyyy-MM-dd", "002013-11-24", "2013-11-24T00:00:00.000Z"),
    ("yyyy-MM-dd", "12013-11-24", "+12013-11-24T00:00:00.000Z"),
    ("yyyy-MM-dd", "-0044-03-15", "-0044-03-15T00:00:00.000Z"),
    ("YYYY-MM-dd", "2013-11-24", "2013-11-24T00:00:00.000Z"),
    ("YYYY-MM-dd", "-2013-11-24", NO),
    ("YYYY-MM-dd", "0000-11-24", NO),
    # What is not in the pattern is at its least.
    ("yyyy", "1999", "1999-01-01T00:00:00.000Z"),
    ("yyyy-MM", "2013-02", "2013-02-01T00:00:00.000Z"),
    ("SSS yyyy", "123 2013", "2013-01-01T00:00:00.123Z"),
    # The calendar has the last word.
    ("yyyy-MM-dd", "2012-02-29", "2012-02-29T00:00:00.000Z"),
    ("yyyy-MM-dd", "2013-02-29", NO),
    ("yyyy-MM-dd", "2013-13-01", NO),
    ("yyyy-MM-dd", "2013-04-31", NO),
    ("yyyy-MM-dd", "2013-00-10", NO),
    ("yyyy-MM-dd HH:mm:ss", "2013-11-24 24:00:00", NO),
    ("yyyy-MM-dd HH:mm:ss", "2013-11-24 01:60:01", NO),
    ("yyyy-MM-dd HH:mm:ss", "2013-11-24 01:29:60", NO),
    # Nothing but the date may be there, and digits are 0 to 9.
    ("yyyy-MM-dd", " 2013-11-24", NO),
    ("yyyy-MM-dd", "2013-11-24 ", NO),
    ("yyyy-MM-dd", "2013-11-24\n", NO),
    ("yyyy-MM-dd", "٢٠١٣-11-24", NO),
    ("yyyy-MM-dd", "", NO),
    ("MMM d yyyy", "Nov  4 2013", NO),
    ("MMM  d yyyy", "Nov  4 2013", "2013-11-04T00:00:00.000Z"),
]

YEARS_OF_TWO_DIGITS = [
    # They mean the years from eighty before now to nineteen after; other numbers of digits mean what they say.
    ("yy-MM-dd", "45-01-01", "2045-01-01T00:00:00.000Z"),
    ("yy-MM-dd", "46-01-01", "1946-01-01T00:00:00.000Z"),
    ("YY-MM-dd", "13-01-01", "2013-01-01T00:00:00.000Z"),
    ("yy-MM-dd", "2013-01-01", "2013-01-01T00:00:00.000Z"),
    ("yy-MM-dd", "3-01-01", "0003-01-01T00:00:00.000Z"),
    ("yyMMdd", "131124", "2013-11-24T00:00:00.000Z"),
    ("CC yy", "20 13", "2013-01-01T00:00:00.000Z"),
    ("YYYY G", "45 BC", "-0044-01-01T00:00:00.000Z"),
    ("G yyyy", "AD 2013", "2013-01-01T00:00:00.000Z"),
    ("G yyyy", "ce 2013", "2013-01-01T00:00:00.000Z"),
]

TIMES_OF_DAY = [
    ("yyyy hh:mm a", "2013 12:29 AM", "2013-01-01T00:29:00.000Z"),
    ("yyyy hh:mm a", "2013 12:29 pm", "2013-01-01T12:29:00.000Z"),
    ("yyyy h:mm a", "2013 1:29 PM", "2013-01-01T13:29:00.000Z"),
    ("yyyy h:mm a", "2013 13:29 PM", NO),
    ("yyyy h:mm a", "2013 0:29 PM", NO),
    ("yyyy K a", "2013 0 PM", "2013-01-01T12:00:00.000Z"),
    ("yyyy K a", "2013 12 PM", NO),
    ("yyyy k", "2013 24", "2013-01-01T00:00:00.000Z"),
    ("yyyy k", "2013 0", NO),
    ("yyyy hh", "2013 12", "2013-01-01T00:00:00.000Z"),
]

FRACTIONS = [
    # Up to as many digits as there are letters; what is finer than milliseconds is cut off.
    ("yyyy ss,SSS", "2013 01,234", "2013-01-01T00:00:01.234Z"),
    ("yyyy ss.SSS", "2013 01.5", "2013-01-01T00:00:01.500Z"),
    ("yyyy ss.SSS", "2013 01.2345", NO),
    ("yyyy ss.SSSSSS", "2013 01.999999", "2013-01-01T00:00:01.999Z"),
    ("yyyy ss.SSSSSSSSS", "2013 01.123456789", "2013-01-01T00:00:01.123Z"),
    ("yyyy ss.SSS", "2013 01.", NO),
]

NAMES = [
    # Long or short, as written, in small letters or in capitals; nothing between.
    ("dd/MMM/yyyy", "24/Nov/2013", "2013-11-24T00:00:00.000Z"),
    ("dd/MMM/yyyy", "24/nov/2013", "2013-11-24T00:00:00.000Z"),
    ("dd/MMM/yyyy", "24/NOVEMBER/2013", "2013-11-24T00:00:00.000Z"),
    ("dd/MMMM/yyyy", "24/Nov/2013", "2013-11-24T00:00:00.000Z"),
    ("dd/MMM/yyyy", "24/nOV/2013", NO),
    ("dd/MMM/yyyy", "24/11/2013", NO),
    ("MMMdd yyyy", "May05 2013", "2013-05-05T00:00:00.000Z"),
    ("EEEE, d MMMM yyyy", "Sunday, 24 November 2013", "2013-11-24T00:00:00.000Z"),
    ("EEE, dd MMM yyyy HH:mm:ss Z", "Sun, 24 Nov 2013 01:29:01 +0000", "2013-11-24T01:29:01.000Z"),
    # A weekday that is not the date's moves it within its week.
    ("EEE, dd MMM yyyy", "Mon, 24 Nov 2013", "2013-11-18T00:00:00.000Z"),
]

TEXTS = [
    ("yyyy-MM-dd'T'HH:mm:ss'Z'", "2013-11-24T01:29:01Z", "2013-11-24T01:29:01.000Z"),
    ("yyyy-MM-dd'T'HH", "2013-11-24t01", "2013-11-24T01:00:00.000Z"),
    ("yyyy-MM-dd 'o''clock' HH", "2013-11-24 O'CLOCK 01", "2013-11-24T01:00:00.000Z"),
    ("dd.MM.yyyy", "24.11.2013", "2013-11-24T00:00:00.000Z"),
    ("dd.MM.yyyy", "24-11-2013", NO),
]

WEEKS_AND_DAYS = [
    ("yyyy.DDD", "2013.034", "2013-02-03T00:00:00.000Z"),
    ("yyyy D", "2013 366", NO),
    ("yyyy D", "2012 366", "2012-12-31T00:00:00.000Z"),
    ("yyyy xxxx-'W'ww-e", "2013 2013-W05-3", "2013-01-30T00:00:00.000Z"),
    ("yyyy ww", "2013 05", "2013-01-28T00:00:00.000Z"),
    ("yyyy-MM-dd e", "2013-11-24 1", "2013-11-18T00:00:00.000Z"),
]

OFFSETS_AND_ZONES = [
    ("yyyy HH Z", "2013 12 -0800", "2013-01-01T20:00:00.000Z"),
    ("yyyy HH Z", "2013 12 +05:30", "2013-01-01T06:30:00.000Z"),
    ("yyyy HH Z", "2013 12 +01", "2013-01-01T11:00:00.000Z"),
    ("yyyy HH ZZ", "2013 12 +0100", "2013-01-01T11:00:00.000Z"),
    ("yyyy HHZ", "2013 12Z", "2013-01-01T12:00:00.000Z"),
    ("yyyy HH Z", "2013 12 z", "2013-01-01T12:00:00.000Z"),
    ("yyyy HH Z", "2013 12 +01:00:30", "2013-01-01T10:59:30.000Z"),
    ("yyyy HH Z", "2013 12 +1", NO),
    ("yyyy HH Z", "2013 12 +2400", NO),
    ("yyyy HH Z", "2013 12 +0175", NO),
    ("yyyy HH Z", "2013 12 +01:", NO),
    ("yyyy HH Z", "2013 12 UTC", NO),
    ("yyyy HH ZZZ", "2013 12 Europe/Paris", "2013-01-01T11:00:00.000Z"),
    ("yyyy HH ZZZ", "2013 12 EST", "2013-01-01T17:00:00.000Z"),
    ("yyyy HH ZZZ", "2013 12 Nope/Zone", NO),
    ("yyyy-MM HH z", "2013-01 12 EST", "2013-01-01T17:00:00.000Z"),
    ("yyyy-MM HH z", "2013-07 12 EST", "2013-07-01T16:00:00.000Z"),
    ("yyyy-MM HH z", "2013-01 12 CEST", NO),
]

ALL = [
    *NUMBERS, *YEARS_OF_TWO_DIGITS, *TIMES_OF_DAY, *FRACTIONS, *NAMES, *TEXTS, *WEEKS_AND_DAYS, *OFFSETS_AND_ZONES,
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "text", "expected"), ALL)
def test_patterns_read(pattern: str, text: str, expected: str | None) -> None:
    assert parser_at(pattern).read(text) == expected


LOCAL = [
    ("America/Los_Angeles", "2013-01-15 12:00:00", "2013-01-15T20:00:00.000Z"),
    ("America/Los_Angeles", "2013-07-15 12:00:00", "2013-07-15T19:00:00.000Z"),
    ("Asia/Kolkata", "2013-07-15 12:00:00", "2013-07-15T06:30:00.000Z"),
    ("+05:00", "2013-07-15 12:00:00", "2013-07-15T07:00:00.000Z"),
    ("Etc/GMT+5", "2013-07-15 12:00:00", "2013-07-15T17:00:00.000Z"),
    # Clocks go forward: that half hour was not there. They go back: the first of the two is meant.
    ("America/Los_Angeles", "2013-03-10 02:30:00", NO),
    ("America/Los_Angeles", "2013-11-03 01:30:00", "2013-11-03T08:30:00.000Z"),
    ("Europe/Berlin", "2013-10-27 02:30:00", "2013-10-27T00:30:00.000Z"),
    # Far years follow the last rule there is, early ones the sun.
    ("America/Los_Angeles", "12013-07-15 12:00:00", "+12013-07-15T19:00:00.000Z"),
    ("Europe/Paris", "1789-07-14 12:00:00", "1789-07-14T11:50:39.000Z"),
    ("Europe/Paris", "-0044-03-15 12:00:00", "-0044-03-15T11:50:39.000Z"),
]


@pytest.mark.parametrize(("zone", "text", "expected"), LOCAL)
def test_texts_without_a_zone_are_in_the_zone_that_is_given(zone: str, text: str, expected: str | None) -> None:
    assert parser_at("yyyy-MM-dd HH:mm:ss", zone).read(text) == expected


WITHOUT_YEAR = [
    ("2026-11-21T00:00:00.000Z", "Nov 20 10:00:00", "UTC", "2026-11-20T10:00:00.000Z"),
    ("2026-11-21T00:00:00.000Z", "Dec 24 10:00:00", "UTC", "2026-12-24T10:00:00.000Z"),
    ("2026-12-31T23:00:00.000Z", "Jan 01 00:30:00", "UTC", "2027-01-01T00:30:00.000Z"),
    ("2027-01-01T00:10:00.000Z", "Dec 31 23:50:00", "UTC", "2026-12-31T23:50:00.000Z"),
    ("2027-02-01T00:10:00.000Z", "Dec 31 23:50:00", "UTC", "2027-12-31T23:50:00.000Z"),
    # February 29th is there in leap years only.
    ("2026-03-01T00:00:00.000Z", "Feb 29 10:00:00", "UTC", NO),
    ("2029-01-31T00:00:00.000Z", "Feb 29 10:00:00", "UTC", NO),
    ("2028-03-01T00:00:00.000Z", "Feb 29 10:00:00", "UTC", "2028-02-29T10:00:00.000Z"),
    # The hour that is missing this year is shifted, whatever was missing in other years is there.
    ("2026-03-08T00:00:00.000Z", "Mar 08 02:30:00", "America/Los_Angeles", "2026-03-08T10:30:00.000Z"),
    ("2026-04-02T00:00:00.000Z", "Apr 02 02:30:00", "America/Los_Angeles", "2026-04-02T09:30:00.000Z"),
    ("2026-07-08T00:00:00.000Z", "Jul 08 02:30:00", "Europe/Paris", "2026-07-08T00:30:00.000Z"),
]


@pytest.mark.parametrize(("now", "text", "zone", "expected"), WITHOUT_YEAR)
def test_a_date_without_a_year_is_of_this_year_or_the_one_next_door(
    now: str, text: str, zone: str, expected: str | None
) -> None:
    assert parser_at("MMM dd HH:mm:ss", zone, now=now).read(text) == expected


PARTS_OF_A_YEAR = [
    ("2026-04-13", "DDD", "059", "2026-02-28"),
    ("2026-04-13", "DDD", "060", "2026-03-01"),
    ("2024-04-13", "DDD", "060", "2024-02-29"),
    ("2026-12-31", "D", "365", "2026-12-31"),
    ("2026-12-31", "D", "366", NO),
    ("2024-12-31", "D", "366", "2024-12-31"),
    ("2025-01-01", "D", "366", "2024-12-31"),
    ("2026-01-01", "D", "366", NO),
    ("2026-01-01", "D", "365", "2025-12-31"),
    ("2026-12-31", "D", "1", "2027-01-01"),
    ("2026-12-31", "D", "60", "2026-03-01"),
    ("2026-04-13", "dd.MM.", "31.04.", NO),
    ("2026-04-13", "ww e", "10 3", "2026-03-04"),
    ("2027-04-13", "ww e", "10 3", "2027-03-10"),
    ("2026-04-13", "ww e", "01 1", "2025-12-29"),
    ("2026-01-02", "ww e", "01 1", "2025-12-29"),
    ("2026-01-02", "ww e", "01 4", "2026-01-01"),
    ("2026-12-30", "ww e", "53 3", "2026-12-30"),
    ("2027-06-01", "ww e", "53 3", NO),
    ("2026-04-13", "EEE MMM dd", "Wed Mar 04", "2026-03-04"),
]


@pytest.mark.parametrize(("today", "pattern", "text", "expected"), PARTS_OF_A_YEAR)
def test_the_parts_of_a_year_are_those_of_the_present_year(
    today: str, pattern: str, text: str, expected: str | None
) -> None:
    day = parser_at(pattern, now=f"{today}T12:00:00.000Z").read(text)
    assert (day and day[:10]) == expected


def test_a_day_that_is_not_there_this_year_is_not_guessed_either() -> None:
    assert parser_at("AUTO", now="2026-03-01T00:00:00.000Z").read("Feb 29 10:00") is None
    assert parser_at("AUTO", now="2028-03-01T00:00:00.000Z").read("Feb 29 10:00") is not None


def test_a_date_without_a_year_but_with_an_offset_gets_the_year_of_its_own_day() -> None:
    assert parser_at("dd.MM. HH:mm Z").read("24.12. 01:30 +0100") == "2026-12-24T00:30:00.000Z"


def test_a_year_of_weeks_is_not_taken_for_a_year() -> None:
    """The date filter looks for y and Y: the day that the week gives is moved to the present year."""
    assert parser_at("xxxx-'W'ww-e").read("2013-W05-3") == "2026-01-30T00:00:00.000Z"


def test_what_depends_on_the_present_says_so_and_can_be_made_to_forget() -> None:
    now = Timestamp("2026-12-31T23:59:59.000Z")
    clock = Clock(lambda: now)
    syslog = parser("MMM dd HH:mm:ss", clock=clock)
    assert (syslog.follows_clock, parser("yyyy-MM").follows_clock) == (True, False)
    assert syslog.read("Dec 31 23:00:01") == "2026-12-31T23:00:01.000Z"
    now = Timestamp("2027-02-01T00:00:00.000Z")
    assert clock.turned()
    assert not clock.turned()
    syslog.forget()
    assert syslog.read("Dec 31 23:00:02") == "2027-12-31T23:00:02.000Z"


ISO8601 = [
    ("2001-12-07T23:54:54.123Z", "2001-12-07T23:54:54.123Z"),
    ("2001-12-07T23:54:54,123Z", "2001-12-07T23:54:54.123Z"),
    ("2001-12-07T23:54:54.123456Z", "2001-12-07T23:54:54.123Z"),
    ("2001-12-07T23:54:54.1Z", "2001-12-07T23:54:54.100Z"),
    ("2001-12-07T23:54:54-0800", "2001-12-08T07:54:54.000Z"),
    ("2001-12-07T23:54:54+01", "2001-12-07T22:54:54.000Z"),
    ("2001-12-07T23:54:54", "2001-12-07T23:54:54.000Z"),
    ("2001-12-07T23:54Z", "2001-12-07T23:54:00.000Z"),
    ("2001-12-07T23.5Z", "2001-12-07T23:30:00.000Z"),
    ("2001-12-07T23:54,25Z", "2001-12-07T23:54:15.000Z"),
    ("2001-12-07TZ", "2001-12-07T00:00:00.000Z"),
    ("2001-12-07", "2001-12-07T00:00:00.000Z"),
    ("2001-12", "2001-12-01T00:00:00.000Z"),
    ("2001", "2001-01-01T00:00:00.000Z"),
    ("12345", "+12345-01-01T00:00:00.000Z"),
    ("-0001-01-01T00:00:00Z", "-0001-01-01T00:00:00.000Z"),
    ("+2001-01-01T00:00:00Z", "2001-01-01T00:00:00.000Z"),
    ("2001-341", "2001-12-07T00:00:00.000Z"),
    ("2001-W49-5T10", "2001-12-07T10:00:00.000Z"),
    ("2001-W49", "2001-12-03T00:00:00.000Z"),
    ("T10:20:30", "1970-01-01T10:20:30.000Z"),
    ("2001-12-07 23:54:54.123Z", "2001-12-07T23:54:54.123Z"),
    ("2001-12-07 23:54:54,123", "2001-12-07T23:54:54.123Z"),
    ("2001-12-07 23:54:54,123+0100", "2001-12-07T22:54:54.123Z"),
    ("2001-12-07 23:54:54Z", NO),
    ("2001-12-07 23:54:54", NO),
    ("2001-12-07T23:54:54Z ", NO),
    ("2001-12-07Z", NO),
    ("2001-12-07T24:00:00Z", NO),
    ("2001-12-07T23:54:60Z", NO),
    ("2001-02-29T00:00:00Z", NO),
    ("2001-366", NO),
    ("2001-W53", NO),
    ("x", NO),
    ("", NO),
]


@pytest.mark.parametrize(("text", "expected"), ISO8601)
def test_iso8601_reads(text: str, expected: str | None) -> None:
    assert parser_at("ISO8601").read(text) == expected


def test_iso8601_takes_the_zone_for_what_has_no_offset() -> None:
    read = parser_at("ISO8601", "America/Caracas").read
    assert read("2007-12-09T01:00:00") == "2007-12-09T05:00:00.000Z"
    assert read("2007-12-09T01:00:00Z") == "2007-12-09T01:00:00.000Z"


COUNTS: list[tuple[str, str | float, str | None]] = [
    ("UNIX", "0", "1970-01-01T00:00:00.000Z"),
    ("UNIX", "1478207457.456", "2016-11-03T21:10:57.456Z"),
    ("UNIX", "1478207457.4567891", "2016-11-03T21:10:57.456Z"),
    ("UNIX", "1.5", "1970-01-01T00:00:01.500Z"),
    ("UNIX", "-5", "1969-12-31T23:59:55.000Z"),
    ("UNIX", "2147483647", "2038-01-19T03:14:07.000Z"),
    ("UNIX", "2147483648", NO),
    ("UNIX", "1478207457.", NO),
    ("UNIX", ".5", NO),
    ("UNIX", " 12", NO),
    ("UNIX", "12 ", NO),
    ("UNIX", "0x10", NO),
    ("UNIX", "1e3", NO),
    ("UNIX", "", NO),
    ("UNIX", 1478207457, "2016-11-03T21:10:57.000Z"),
    ("UNIX", 1350414944.123456, "2012-10-16T19:15:44.123Z"),
    ("UNIX", 1.001, "1970-01-01T00:00:01.001Z"),
    ("UNIX", -1.5, "1969-12-31T23:59:58.500Z"),
    ("UNIX", 2147483648, NO),
    ("UNIX", 2147483648.5, NO),
    ("UNIX", float("nan"), NO),
    ("UNIX", float("-inf"), NO),
    ("UNIX_MS", "1000000000123", "2001-09-09T01:46:40.123Z"),
    ("UNIX_MS", "-1", "1969-12-31T23:59:59.999Z"),
    ("UNIX_MS", "1.5", NO),
    ("UNIX_MS", "abc", NO),
    ("UNIX_MS", "9223372036854775808", NO),
    ("UNIX_MS", 456, "1970-01-01T00:00:00.456Z"),
    ("UNIX_MS", 456.7, "1970-01-01T00:00:00.456Z"),
    ("UNIX_MS", float("inf"), NO),
    ("TAI64N", "4000000050d506482dbdf024", "2012-12-22T01:00:46.767Z"),
    ("TAI64N", "@4000000050D506482DBDF024", "2012-12-22T01:00:46.767Z"),
    ("TAI64N", "@4000000050d50648", NO),
    ("TAI64N", "@c000000050d506482dbdf024", NO),
    ("TAI64N", 1478207457, NO),
    ("ISO8601", 2001, NO),
    ("yyyy", 2001, NO),
]


@pytest.mark.parametrize(("pattern", "value", "expected"), COUNTS)
def test_counts_of_seconds_are_read_and_only_they_may_be_numbers(pattern: str, value: str | float, expected: str | None) -> None:
    format_ = parser_at(pattern)
    assert (format_.read(value) if isinstance(value, str) else format_.read_number(value)) == expected


GUESSES = [
    ("24 Nov 2013 01:29:01", "2013-11-24T00:29:01.000Z"),
    ("Sunday, November 24th 2013 1:29pm +0500", "2013-11-24T08:29:00.000Z"),
    ("Nov 24 01:29:01.250 PST", "2026-11-24T09:29:01.250Z"),
    ("2013-03-31 02:30", NO),
    ("nothing of the kind", NO),
    ("", NO),
    ("9" * 40, NO),
]


@pytest.mark.parametrize(("text", "expected"), GUESSES)
def test_auto_guesses(text: str, expected: str | None) -> None:
    assert parser_at("AUTO", "Europe/Paris").read(text) == expected


LOCALES = [
    ("fr", "dd MMMM yyyy", "14 juillet 1789", "1789-07-14T00:00:00.000Z"),
    ("fr-FR", "EEEE d MMM yyyy", "mardi 14 juil. 1789", "1789-07-14T00:00:00.000Z"),
    ("fr_FR.UTF-8", "d MMMM yyyy", "1 AOÛT 2013", "2013-08-01T00:00:00.000Z"),
    ("fr", "d MMM yyyy", "14 Jul 1789", NO),
    ("de", "dd MMMM yyyy", "24 März 2013", "2013-03-24T00:00:00.000Z"),
    ("de", "dd MMM yyyy", "24 Mär 2013", NO),
    ("de-DE", "EEEE dd MMMM yyyy", "Montag 24 Juni 2013", "2013-06-24T00:00:00.000Z"),
    ("pt_BR", "d 'de' MMMM 'de' yyyy", "24 de março de 2013", "2013-03-24T00:00:00.000Z"),
    ("nl", "d MMM yyyy", "24 mrt. 2013", "2013-03-24T00:00:00.000Z"),
    ("es", "h:mm a yyyy", "2:05 p.\xa0m. 2013", "2013-01-01T14:05:00.000Z"),
    ("en-US", "dd MMM yyyy", "24 Mar 2013", "2013-03-24T00:00:00.000Z"),
    ("tlh", "dd MMM yyyy", "24 Mar 2013", "2013-03-24T00:00:00.000Z"),
]


@pytest.mark.parametrize(("locale", "pattern", "text", "expected"), LOCALES)
def test_names_are_those_of_the_locale(locale: str, pattern: str, text: str, expected: str | None) -> None:
    assert parser_at(pattern, locale=locale).read(text) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("dd/MMM/yyyy", True),
        ("EEE dd", True),
        ("hh a", True),
        ("yyyy-MM-dd", False),
        ("d 'MMM'", False),
        ("ISO8601", False),
    ],
)
def test_the_locale_counts_where_names_are_read(pattern: str, expected: bool) -> None:
    assert uses_names(pattern) is expected


def test_a_format_that_is_none_is_refused() -> None:
    with pytest.raises(PatternError):
        parser("yyyy-MM-ddTHH:mm:ss")


COMPILED: dict[str, Parser] = {}

COMPLETE = [
    "yyyy-MM-dd HH:mm:ss.SSS", "YYYY/MMM/d HH:mm:ss,SSS Z", "EEE MMM d yyyy hh:mm:ss.SSS a ZZ", "yyyy-DDD'T'k:m:s.SSS",
    "ss yyyyMMdd SSS HHmm", "EEEE d MMMM yyyy K:mm:ss a SSSSSS z", "yyyy xxxx ww e HH:mm:ss.SSS",
]  # fmt: skip


@pytest.mark.parametrize("pattern", COMPLETE)
@given(millis=st.lists(st.integers(-2_000_000_000_000, 4_000_000_000_000), min_size=1, max_size=4))
def test_what_a_pattern_prints_it_reads(pattern: str, millis: list[int]) -> None:
    used = COMPILED.setdefault(pattern, parser_at(pattern))
    for milli in millis:
        stamp = Timestamp.of_millis(milli)
        if "ww" not in pattern or civil_from_days(milli // 86_400_000)[0] == iso_week(milli // 86_400_000)[0]:
            assert used.read(formatter(pattern)(stamp)) == stamp


@pytest.mark.parametrize("pattern", [*COMPLETE, "ISO8601", "UNIX", "UNIX_MS", "TAI64N", "AUTO", "yyyy HH ZZZ", "MMM d"])
@given(text=st.text(st.sampled_from("0123456789-+:., TZWaAMPovNSungE/@\n٣"), max_size=30))
def test_no_text_makes_a_format_raise(pattern: str, text: str) -> None:
    read = COMPILED.setdefault(pattern, parser_at(pattern)).read
    assert isinstance(read(text), Timestamp | None)


ACROSS_CHANGES = [
    ("Europe/Berlin", "2023-03-26"), ("Europe/Berlin", "2023-10-29"), ("America/New_York", "2023-03-12"),
    ("America/Sao_Paulo", "2018-11-04"), ("Australia/Lord_Howe", "2023-04-02"), ("Asia/Kathmandu", "1985-12-31"),
    ("Pacific/Apia", "2011-12-30"), ("Asia/Kolkata", "2023-05-01"), ("Africa/Monrovia", "1972-01-07"),
]  # fmt: skip


KNOWN_BY_DAY = [
    "yyyy-MM-dd HH:mm:ss",
    "dd/MMM/yyyy:HH:mm:ss.SSS",
    "ISO8601",
    "MM/dd/yyyy hh:mm:ss a",
    "yyyyMMddHHmmssSSS",
    "yyyy-MM-dd HH:mm",
    "yyyyMMddHH",
    "M/d/yyyy H:mm:ss",
    "MMM d, yyyy h:mm:ss a",
    "h:mm a M/d/yyyy",
]


@pytest.mark.parametrize("pattern", KNOWN_BY_DAY)
@pytest.mark.parametrize(("zone", "day"), ACROSS_CHANGES)
@given(seconds=st.lists(st.integers(-2 * 86_400, 3 * 86_400), min_size=2, max_size=12))
def test_days_and_minutes_that_are_known_do_not_change_what_is_read(
    zone: str, day: str, pattern: str, seconds: list[int]
) -> None:
    written = formatter("yyyy-MM-dd'T'HH:mm:ss" if pattern == "ISO8601" else pattern)
    midnight = Timestamp(f"{day}T00:00:00.000Z").millis()
    used = COMPILED.setdefault(f"{pattern} in {zone}", parser_at(pattern, zone))
    for second in seconds:
        text = written(Timestamp.of_millis(midnight + second * 1000))
        assert used.read(text) == parser_at(pattern, zone).read(text)


REPEATED = [
    # Two texts, the second read after the first: only the seconds differ, or what stands where they stood.
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:01:29:59 -0800"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:01:29:60 -0800"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:01:29:x1 -0800"),
    ("yyyy-MM-dd HH:mm:ss,SSS", "2013-11-24 01:29:01,234", "2013-11-24 01:29:02,999"),
    ("yyyy-MM-dd HH:mm:ss,SSS", "2013-11-24 01:29:01,234", "2013-11-24 01:29:02.999"),
    ("yyyy-MM-dd HH:mm:ss,SSS", "2013-11-24 01:29:01,234", "2013-11-24 01:29:2,2349"),
    ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2013-11-24 01:29:01.234567", "2013-11-24 01:29:31.999999"),
    ("d/M/yyyy H:m:s", "24/11/2013 1:29:1", "4/11/2013 11:29:21"),
    ("d/M/yyyy H:m:s", "24/11/2013 1:29:11", "24/1/2013 11:29:59"),
    ("ss HH yyyy", "01 10 2013", "59 10 2013"),
    ("ss yyyy ss", "01 2013 02", "03 2013 04"),
    ("yyyy-MM-dd HH:mm:ss SSS", "2013-11-24 01:29:01 234", "2013-11-24 01:29:02 235"),
    ("yyyy HH:mm:ss ZZ", "2013 01:29:01 +01:00:30", "2013 01:29:59 +01:00:30"),
    ("ISO8601", "2013-11-24T01:29:01.234Z", "2013-11-24T01:29:59.001Z"),
    ("ISO8601", "2013-11-24T01:29:01.234Z", "2013-11-24T01:29:59,001Z"),
    ("ISO8601", "2013-11-24T01:29:01.234567Z", "2013-11-24T01:29:01.2+01:00Z"),
    # Of the same day, or what looks like it.
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:23:05:17 -0800"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:24:05:17 -0800"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:13.05:17 -0800"),
    ("dd/MMM/yyyy:HH:mm:ss Z", "24/Nov/2013:01:29:01 -0800", "24/Nov/2013:13:60:17 -0800"),
    ("yyyy-MM-dd HH:mm:ss", "2013-03-10 01:29:01", "2013-03-10 02:30:00"),
    ("yyyy-MM-dd HH:mm:ss", "2013-03-10 01:29:01", "2013-03-10 23:30:00"),
    ("yyyy-MM-dd HH:mm:ss", "2013-11-03 00:29:01", "2013-11-03 12:30:00"),
    ("yyyyMMddHHmmss", "20131124012901", "20131124223344"),
    ("yyyyMMddHHmmssSSS", "20131124012901234", "20131124223344567"),
    ("yyyyMMddHHmmssSSS", "20131124012901234", "20131124223360567"),
    ("yyyyMMddHHmmssSSS", "20131124012901234", "2013112422334,567"),
    ("yyyyMMddHHmmssSS", "2013112401290123", "2013112422334567"),
    ("dd MM yyyy hh:mm:ss a", "24 11 2013 01:29:01 PM", "24 11 2013 12:29:01 PM"),
    ("dd MM yyyy hh:mm:ss a", "24 11 2013 01:29:01 PM", "24 11 2013 12:00:00 AM"),
    ("dd MM yyyy hh:mm:ss a", "24 11 2013 01:29:01 PM", "24 11 2013 00:29:01 PM"),
    ("dd MM yyyy hh:mm:ss a", "24 11 2013 01:29:01 PM", "24 11 2013 13:29:01 PM"),
    ("dd MM yyyy hh:mm:ss a", "24 11 2013 01:29:01 PM", "24 11 2013 11:59:59 pm"),
    ("dd MM yyyy hh:mm:ss a", "10 03 2013 01:29:01 AM", "10 03 2013 02:30:00 AM"),
    ("dd MM yyyy hh:mm:ss a", "10 03 2013 01:29:01 PM", "10 03 2013 12:30:00 PM"),
    ("a hh:mm:ss dd MM yyyy", "AM 01:29:01 24 11 2013", "PM 01:29:01 24 11 2013"),
    ("yyyy hh:mm:ss", "2013 01:29:01", "2013 12:29:01"),
    ("yyyy hh:mm:ss a HH", "2013 01:29:01 PM 13", "2013 11:29:01 PM 04"),
    ("yyyy HH:mm:ss a", "2013 01:29:01 PM", "2013 11:29:01 PM"),
    ("yyyy HH:mm:ss hh", "2013 01:29:01 05", "2013 11:29:01 05"),
    ("mm:HH:ss yyyy", "01:02:03 2013", "07:08:09 2013"),
    ("yyyy HH:mm:ss ZZ", "2013 01:29:01 +01:00:30", "2013 13:35:59 +01:00:30"),
    ("ISO8601", "2013-11-24T01:29:01.234Z", "2013-11-24t02:29:59.001Z"),
    ("ISO8601", "2013-11-24T01:29:01+05:45", "2013-11-24T22:11:33+05:45"),
    ("ISO8601", "2013-11-24 01:29:01.234", "2013-11-24 22:11:33.234"),
    ("ISO8601", "T01:29:01", "T22:11:33"),
    # Without seconds, or without minutes.
    ("yyyy-MM-dd HH:mm", "2013-11-24 01:29", "2013-11-24 22:11"),
    ("yyyy-MM-dd HH:mm", "2013-11-24 01:29", "2013-11-24 24:11"),
    ("yyyy-MM-dd HH:mm", "2013-11-24 01:29", "2013-11-24 23:60"),
    ("yyyy-MM-dd HH:mm", "2013-03-10 01:29", "2013-03-10 02:30"),
    ("yyyy-MM-dd HH:mm", "2013-11-03 00:29", "2013-11-03 12:30"),
    ("yyyy-MM-dd HHmm", "2013-11-24 0129", "2013-11-24 2211"),
    ("yyyy-MM-dd HHmm", "2013-11-24 0129", "2013-11-24 22:1"),
    ("yyyy-MM-dd HH", "2013-11-24 01", "2013-11-24 23"),
    ("yyyy-MM-dd HH", "2013-11-24 01", "2013-11-24 24"),
    ("yyyy-MM-dd HH", "2013-03-10 01", "2013-03-10 02"),
    ("yyyy-MM-dd HH:mm SSS", "2013-11-24 01:29 500", "2013-11-24 22:11 750"),
    ("yyyy-MM-dd HH SSS", "2013-11-24 01 500", "2013-11-24 22 750"),
    ("mm yyyy HH mm", "10 2013 01 20", "30 2013 02 40"),
    ("yyyy-MM-dd hh:mm a", "2013-11-24 01:29 PM", "2013-11-24 12:11 PM"),
    ("yyyy-MM-dd hh a", "2013-11-24 01 PM", "2013-11-24 12 PM"),
    ("yyyy-MM-dd hh a", "2013-11-24 01 PM", "2013-11-24 00 PM"),
    ("ISO8601", "2013-11-24T01:29Z", "2013-11-24T22:11Z"),
    ("ISO8601", "2013-11-24T01:29.5", "2013-11-24T22:11.7"),
    ("ISO8601", "2013-11-24T01:29:30", "2013-11-24T22:11.75"),
    ("ISO8601", "2013-11-24T01.5", "2013-11-24T22.7"),
    ("ISO8601", "2013-11-24T01:29+01:00", "2013-11-24T22:11+01:00"),
    ("ISO8601", "2013-11-24T01Z", "2013-11-24T22Z"),
    ("ISO8601", "2013-11-24T01+01", "2013-11-24T22:10"),
    # With one digit of an hour, which texts of one length have in several places.
    ("M/d/yyyy H:mm:ss", "1/12/2013 10:29:01", "12/12/2013 1:30:02"),
    ("M/d/yyyy H:mm:ss", "12/12/2013 1:29:01", "12/12/2013 9:30:02"),
    ("M/d/yyyy H:mm:ss", "12/12/2013 1:29:01", "12/12/2013 x:30:02"),
    ("M/d/yyyy H:mm:ss", "12/12/2013 1:29:01", "12/12/2013 ٣:30:02"),
    ("M/d/yyyy H:mm:ss", "3/10/2013 1:29:01", "3/10/2013 2:30:02"),
    ("M/d/yyyy h:mm:ss a", "12/12/2013 1:29:01 PM", "12/12/2013 0:30:02 PM"),
    ("M/d/yyyy h:mm:ss a", "12/12/2013 1:29:01 PM", "12/12/2013 9:30:02 PM"),
    ("M/d/yyyy h:mm:ss a", "12/12/2013 1:29:01 PM", "1/12/2013 12:30:02 PM"),
    ("yyyyMMddH:mm:ss", "201312121:29:01", "201312129:30:02"),
    ("yyyyMMddHHmm", "201312120129", "201312122211"),
]


@pytest.mark.parametrize(("pattern", "first", "second"), REPEATED)
def test_what_is_remembered_of_one_text_does_not_change_how_the_next_is_read(pattern: str, first: str, second: str) -> None:
    used = parser_at(pattern, "America/New_York")
    assert used.read(first) is not None
    assert used.read(second) == parser_at(pattern, "America/New_York").read(second)
    assert used.read(first) == parser_at(pattern, "America/New_York").read(first)


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd HH:mm:ss", "ISO8601"])
def test_a_minute_within_which_clocks_change_is_not_known_as_a_whole(pattern: str) -> None:
    between = " " if " " in pattern else "T"
    read = parser_at(pattern, "Africa/Monrovia").read
    assert read(f"1972-01-07{between}00:44:45") == "1972-01-07T00:44:45.000Z"
    assert read(f"1972-01-07{between}00:44:02") is None
