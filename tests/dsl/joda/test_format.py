"""Formatters: what each letter of a pattern prints."""

from __future__ import annotations

import pytest

from penstock.dsl.joda import PatternError, formatter, java_formatter
from penstock.dsl.timestamp import Timestamp, parse_timestamp

SATURDAY = "2013-03-09T14:05:07.089123456Z"
NEW_YEAR = "2021-01-01T00:00:00.000Z"
BEFORE_CHRIST = "-0044-03-15T12:00:00.000Z"
FAR = "+12345-12-31T23:59:59.999Z"

JODA = [
    (SATURDAY, "yyyy.MM.dd", "2013.03.09"),
    (SATURDAY, "YYYY yyy yy y YY", "2013 2013 13 2013 13"),
    (SATURDAY, "G C CC", "AD 20 20"),
    (SATURDAY, "xxxx-'W'ww-e", "2013-W10-6"),
    (SATURDAY, "E EEE EEEE", "Sat Sat Saturday"),
    (SATURDAY, "M MM MMM MMMM", "3 03 Mar March"),
    (SATURDAY, "d dd D DDD", "9 09 68 068"),
    (SATURDAY, "H HH k h hh K a", "14 14 14 2 02 2 PM"),
    (SATURDAY, "m mm s ss", "5 05 7 07"),
    (SATURDAY, "S SS SSS SSSSSS", "0 08 089 089000"),
    (SATURDAY, "HH:mm:ss.SSS", "14:05:07.089"),
    (SATURDAY, "Z ZZ ZZZ z zzzz", "+0000 +00:00 UTC UTC Coordinated Universal Time"),
    (SATURDAY, "dd/MMM/yyyy:HH:mm:ss Z", "09/Mar/2013:14:05:07 +0000"),
    (SATURDAY, "%ss", "%07"),
    (SATURDAY, "yyyy''MM'%s'", "2013'03%s"),
    (NEW_YEAR, "hh a h K k", "12 AM 12 0 24"),
    (NEW_YEAR, "xxxx xx w ww e", "2020 20 53 53 5"),
    (BEFORE_CHRIST, "yyyy YYYY G C yy", "-0044 0045 BC 0 44"),
    (FAR, "yyyy YY D S", "12345 45 365 9"),
]

JAVA_TIME = [
    (SATURDAY, "yyyy-MM-dd'T'HH:mm:ss.SSS", "2013-03-09T14:05:07.089"),
    (SATURDAY, "uuuu uu yyyy y", "2013 13 2013 2013"),
    (SATURDAY, "G GGGG GGGGG", "AD Anno Domini A"),
    (SATURDAY, "M MM MMM MMMM MMMMM LLL", "3 03 Mar March M Mar"),
    (SATURDAY, "Q QQ QQQ QQQQ", "1 01 Q1 1st quarter"),
    (SATURDAY, "d D DDD g", "9 68 068 56360"),
    (SATURDAY, "E EEEE EEEEE e eee c cccc", "Sat Saturday S 7 Sat 7 Saturday"),
    (SATURDAY, "YYYY-'W'ww W F", "2013-W10 2 2"),
    (SATURDAY, "a B h hh K k H", "PM in the afternoon 2 02 2 14 14"),
    (SATURDAY, "S SSS SSSSSSSSS n", "0 089 089123456 89123456"),
    (SATURDAY, "A N", "50707089 50707089123456"),
    (SATURDAY, "VV z zzzz v O OOOO", "Z Z Z Z GMT GMT"),
    (SATURDAY, "X XXX x xx xxx Z ZZZZ ZZZZZ", "Z Z +00 +0000 +00:00 +0000 GMT Z"),
    (SATURDAY, "ppppM ppH [yyyy]", "   3 14 2013"),
    ("2012-12-30T00:00:00.000Z", "YYYY w W e B", "2013 1 6 1 midnight"),
    (BEFORE_CHRIST, "uuuu yyyy G B", "-0044 0045 BC noon"),
    (FAR, "uuuu uuuuu u", "+12345 12345 12345"),
]


def instant(text: str) -> Timestamp:
    stamp = parse_timestamp(text)
    assert stamp is not None
    return stamp


@pytest.mark.parametrize(("stamp", "pattern", "text"), JODA)
def test_joda_patterns_print(stamp: str, pattern: str, text: str) -> None:
    assert formatter(pattern)(instant(stamp)) == text


@pytest.mark.parametrize(("stamp", "pattern", "text"), JAVA_TIME)
def test_java_time_patterns_print(stamp: str, pattern: str, text: str) -> None:
    assert java_formatter(pattern)(instant(stamp)) == text


@pytest.mark.parametrize("pattern", ["yyyy.MM.dd", "HH", "HH:mm", "HH:mm:ss", "EEE ss", "ss.SSS", "d MMM SSS"])
def test_what_is_kept_of_one_instant_is_not_shown_for_another(pattern: str) -> None:
    """Instants that differ in one field only, printed in turn, as events come."""
    texts = [
        "2013-03-09T14:05:07.089Z", "2013-03-09T14:05:07.090Z", "2013-03-09T14:05:08.089Z", "2013-03-09T14:06:07.089Z",
        "2013-03-09T15:05:07.089Z", "2013-03-10T14:05:07.089Z", "2013-04-09T14:05:07.089Z", "2014-03-09T14:05:07.089Z",
        "+12013-03-09T14:05:07.089Z", "+12013-03-08T14:05:07.089Z", "-2013-03-09T14:05:07.089Z",
        "0013-03-09T14:05:07.089Z",
    ]  # fmt: skip
    shared = formatter(pattern)
    for text in texts * 2:
        formatter.cache_clear()
        assert shared(instant(text)) == formatter(pattern)(instant(text))


def test_more_days_than_are_kept_are_printed_right() -> None:
    render = formatter("yyyy-DDD")
    last = [render(Timestamp.of_millis(day * 86_400_000)) for day in range(3000)][-1]
    assert last == "1978-078"


def test_a_pattern_that_means_no_date_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(PatternError):
        formatter("yyyy-MM-ddT")
    with pytest.raises(PatternError):
        java_formatter("yyyy-MM-ddT")
