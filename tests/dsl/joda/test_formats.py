"""Several formats: the first that fits reads a text, and what was read once is known."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.joda.clock import Clock
from penstock.dsl.joda.formats import Formats
from penstock.dsl.joda.parse import Parser, parser
from penstock.dsl.joda.zones import get_zone
from penstock.dsl.timestamp import Timestamp


def test_the_first_format_that_fits_is_taken() -> None:
    formats = Formats([parser("UNIX"), parser("UNIX_MS"), parser("yyyy-MM-dd")])
    assert formats.read("1000000000") == "2001-09-09T01:46:40.000Z"
    assert formats.read("1000000000123") == "2001-09-09T01:46:40.123Z"
    assert formats.read("2013-11-24") == "2013-11-24T00:00:00.000Z"
    assert formats.read("24.11.2013") == ""
    assert formats.read_number(1000000000123) == "2001-09-09T01:46:40.123Z"
    assert Formats([parser("yyyy")]).read_number(2013) is None


def test_what_was_read_or_not_is_known_until_it_is_forgotten() -> None:
    formats = Formats([parser("yyyy")])
    assert (formats.read("2013"), formats.read("x")) == ("2013-01-01T00:00:00.000Z", "")
    assert formats.known == {"2013": "2013-01-01T00:00:00.000Z", "x": ""}
    formats.forget()
    assert formats.known == {}


def test_what_is_known_is_bounded() -> None:
    formats = Formats([Parser(lambda text: Timestamp.of_millis(int(text)))])
    for number in range(20_000):
        assert formats.read(str(number)) == Timestamp.of_millis(number)
    assert 0 < len(formats.known) < 10_000


SEVERAL = [
    ("UTC", ["MMM dd HH:mm:ss", "MMM  d HH:mm:ss"]),
    ("Europe/Berlin", ["MMM  d HH:mm:ss", "MMM dd HH:mm:ss", "ISO8601"]),
    ("America/New_York", ["yyyy-MM-dd HH:mm:ss", "ISO8601", "yyyy-MM-dd HH:mm:ss,SSS"]),
    ("UTC", ["MMM dd hh:mm:ss", "MMM dd HH:mm:ss", "dd MMM HH:mm:ss"]),
    ("UTC", ["MMM dd '04:16:'ss", "MMM dd HH:mm:ss"]),
    ("Asia/Kolkata", ["MMM dd mm:ss:HH", "MMM dd yy:MM:dd", "MMM dd HH:mm:ss"]),
    ("UTC", ["UNIX", "yyyyMMddHHmmss", "UNIX_MS"]),
    ("UTC", ["yyyyMMddHHmmss", "yyyyMMddHHmmssSSS", "UNIX_MS"]),
    ("Europe/Berlin", ["MMM dd HH:mm:ss", "MMM dd hh:mm:ss a", "MMM dd KK:mm:ss a"]),
    ("America/New_York", ["ISO8601", "UNIX"]),
    ("Europe/London", ["yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "ISO8601"]),
    ("Europe/Berlin", ["yyyy-MM-dd'T'HH:'04':ss.SSS'Z'", "ISO8601"]),
]
DATES = st.sampled_from(
    ["Oct 25", "Oct 26", "Oct  6", "Feb 29", "Mar 08", "2026-03-08", "2025-10-26", "2025-02-29", "26 Oct", "20251026"]
)
TIMES = st.sampled_from(["05", "04", "16", "11", "55", "12", "13", "00", "23", "24", "60", "59"])
WRITTEN = st.sampled_from([
    "{} {}:{}:{}", "{} {}:{}:{} PM", "{} {}:{}:{} AM", "{}T{}:{}:{}", "{} {}:{}:{},123", "{}{}{}{}123", "{}T{}:{}:{}.5Z", "{}{}{}{}", "{} {}.{}.{}",
    "{}T{}:{}:{}.123Z", "{}T{}:{}:{}.987654Z", "{}T{}:{}:{}.123z",
])  # fmt: skip
TEXTS = st.lists(
    st.builds(lambda form, *parts: form.format(*parts), WRITTEN, DATES, TIMES, TIMES, TIMES), min_size=1, max_size=12
)


@settings(max_examples=600)
@given(st.sampled_from(SEVERAL), TEXTS)
def test_a_text_means_the_same_whatever_was_read_before(case: tuple[str, list[str]], texts: list[str]) -> None:
    zone, patterns = case
    clock = Clock(lambda: Timestamp.of(datetime(2026, 11, 30, tzinfo=UTC)))
    formats = Formats(parser(pattern, get_zone(zone), clock=clock) for pattern in patterns)
    for text in texts:
        fresh = (parser(pattern, get_zone(zone), clock=clock).read(text) for pattern in patterns)
        assert formats.read(text) == next(filter(None, fresh), ""), text


@settings(max_examples=600)
@given(st.sampled_from(SEVERAL), TEXTS, WRITTEN, st.lists(st.tuples(DATES, TIMES, TIMES, TIMES), min_size=1, max_size=6))
def test_texts_read_together_mean_the_same(
    case: tuple[str, list[str]], before: list[str], form: str, parts: list[tuple[str, ...]]
) -> None:
    zone, patterns = case
    clock = Clock(lambda: Timestamp.of(datetime(2026, 11, 30, tzinfo=UTC)))
    formats = Formats(parser(pattern, get_zone(zone), clock=clock) for pattern in patterns)
    texts = [form.format(*each) for each in parts]
    for text in [*before, *texts[::2]]:
        formats.read(text)
    found = formats.read_all(texts)
    for text, stamp in zip(texts, found or [], strict=found is not None):
        fresh = (parser(pattern, get_zone(zone), clock=clock).read(text) for pattern in patterns)
        assert stamp == next(filter(None, fresh), ""), text


SHORT = [
    ("Europe/Berlin", ["M/d/yyyy H:mm:ss", "d/M/yyyy H:mm", "M/d/yyyy H"]),
    ("Europe/Berlin", ["M/d/yyyy k:mm:ss", "M/d/yyyy H:mm:ss", "M/d/yyyy h a"]),
    ("UTC", ["M/d/yyyy h:mm", "M/d/yyyy H:mm", "M/d/yyyy H:mm:ss"]),
    ("UTC", ["M/d/yyyy K:mm:ss a", "M/d/yyyy h:mm:ss a", "M/d/yyyy h:mm a"]),
    ("America/New_York", ["M/d/yyyy '1':mm:ss", "M/d/yyyy H:mm:ss", "M/d/yyyy mm:HH:ss"]),
    ("Europe/Berlin", ["yyyy-M-d HH:mm", "ISO8601", "yyyy-M-d hh:mm a"]),
    ("UTC", ["yyyyMdH", "yyyy-M-d HH"]),
]
FEW_DATES = st.sampled_from(["1/11/2025", "11/1/2025", "1/1/2025", "10/26/2025", "3/30/2025", "2025-3-30", "2025-10-26"])
FEW_TIMES = st.sampled_from([
    "{}:05:59", "{}:59:01", "{}:60:00", "{}:05", "{}:59", "{}", "{}:5", "{}:05:59 PM", "{}:59:01 AM", "{}:05 PM", "{} AM", "{} PM", "{}.5", "{}:05.5",
])  # fmt: skip
HOURS = st.sampled_from(["0", "1", "2", "5", "9", "00", "01", "05", "09", "11", "12", "13", "23", "24"])
SHORT_TEXTS = st.lists(
    st.builds(lambda day, time, hour, blank: day + blank + time.format(hour), FEW_DATES, FEW_TIMES, HOURS, st.sampled_from("  T")),
    min_size=2,
    max_size=16,
)


@settings(max_examples=600)
@given(st.sampled_from(SHORT), SHORT_TEXTS)
def test_a_time_with_few_digits_means_the_same_whatever_was_read_before(case: tuple[str, list[str]], texts: list[str]) -> None:
    zone, patterns = case
    formats = Formats(parser(pattern, get_zone(zone)) for pattern in patterns)
    for text in texts:
        fresh = (parser(pattern, get_zone(zone)).read(text) for pattern in patterns)
        assert formats.read(text) == next(filter(None, fresh), ""), text
    found = formats.read_all(texts[:1] * 2)
    assert found is None or found == [formats.read(texts[0])] * 2


@pytest.mark.parametrize(
    ("patterns", "first", "others", "meant"),
    [
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 12:59:58"], ["2026-10-26T12:59:58.000Z"]),
        (["ISO8601"], "2025-10-26T13:00:00.123Z", ["2025-10-26T23:59:59.999Z"], ["2025-10-26T23:59:59.999Z"]),
        (["yyyy-MM-dd HH:mm:ss.SSS"], "2025-10-26 13:00:00.123", ["2025-10-26 01:02:03.400"], ["2025-10-26T01:02:03.400Z"]),
        (["yyyy-MM-dd HH:mm:ss.SSS'Z'"], "2025-10-26 13:00:00.123Z", ["2025-10-26 01:02:03.400Z"], ["2025-10-26T01:02:03.400Z"]),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 12:60:00"], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 12:5x:00"], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 12:٥٥:00"], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 24:00:00"], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 27 12:00:00"], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 12:00:0", "Oct 26 12:00:000"], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", [["Oct 26 12:00:00"]], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", [Timestamp("Oct 26 12:00:00")], None),
        (["MMM dd HH:mm:ss"], "Oct 26 13:00:00", ["Oct 26 12:00:00", None], None),
        (["ISO8601"], "2025-10-26T13:00:00.123Z", ["2025-10-26T13:00:00.123z"], None),
        (["dd/MMM/yyyy:HH:mm:ss Z"], "26/Oct/2025:13:00:00 -0330", ["26/Oct/2025:14:01:02 -0330"], None),
        (["dd/MMM/yyyy:HH:mm:ss Z"], "26/Oct/2025:13:00:00 -0300", ["26/Oct/2025:23:01:02 -0300"], ["2025-10-27T02:01:02.000Z"]),
        (["dd/MMM/yyyy:HH:mm:ss Z"], "26/Oct/2025:13:00:00 -0300", ["26/Oct/2025:13:01:02 -0200"], None),
        (["ISO8601"], "2025-10-26T13:00:00.123456Z", ["2025-10-26T13:00:00.123456Z"], None),
        (["yyyy-MM-dd HH:mm"], "2025-10-26 13:00", ["2025-10-26 23:59"], ["2025-10-26T23:59:00.000Z"]),
        (["yyyy-MM-dd HH:mm"], "2025-10-26 13:00", ["2025-10-26 23:60"], None),
        (["yyyy-MM-dd hh:mm a"], "2025-10-26 01:00 AM", ["2025-10-26 02:00 AM"], None),
    ],
)
def test_texts_are_read_together_where_their_days_are_known(
    patterns: list[str], first: str, others: list[str], meant: list[str] | None
) -> None:
    clock = Clock(lambda: Timestamp.of(datetime(2026, 11, 30, tzinfo=UTC)))
    formats = Formats(parser(pattern, clock=clock) for pattern in patterns)
    formats.read(first)
    found = formats.read_all(others)
    assert found == meant
    assert {type(stamp) for stamp in found or ()} == ({Timestamp} if meant else set())
    formats.forget()
    assert formats.read_all(others) is None


@pytest.mark.parametrize(
    ("patterns", "known", "text", "meant"),
    [
        (
            ["dd/MM/yyyy HH:mm:ss,SSS", "MM/dd/yyyy HH:mm:ss.SSS"],
            ["01/02/2025 10:00:00,123", "03/04/2025 10:00:00.123"],
            "03/04/2025 11:00:00,123",
            "2025-04-03T11:00:00.123Z",
        ),
        (
            ["dd/MM/yyyy HH:mm:ss", "MM/dd/yyyy HH:mmssS"],
            ["01/02/2025 10:00:00", "03/04/2025 10:00001"],
            "03/04/2025 10:05:06",
            "2025-04-03T10:05:06.000Z",
        ),
        (
            ["dd/MM/yyyy HH:mm", "MM/dd/yyyy HH.mm"],
            ["01/02/2025 10:00", "03/04/2025 10.00"],
            "03/04/2025 11:00",
            "2025-04-03T11:00:00.000Z",
        ),
    ],
)
def test_days_that_another_format_has_read_are_told_apart(
    patterns: list[str], known: list[str], text: str, meant: str
) -> None:
    formats = Formats(map(parser, patterns))
    assert all(map(formats.read, known))
    assert (formats.read_all([text, text]) or [meant]) [0] == meant
    assert formats.read(text) == meant


@pytest.mark.parametrize(
    ("patterns", "first", "second", "meant"),
    [
        (["MMM dd hh:mm:ss", "MMM dd HH:mm:ss"], "Oct 26 13:00:00", "Oct 26 12:00:00", "2026-10-26T00:00:00.000Z"),
        (["MMM dd '04:16:'ss", "MMM dd HH:mm:ss"], "Oct 26 13:00:00", "Oct 26 04:16:09", "2026-10-26T00:00:09.000Z"),
        (["MMM dd mm:ss:HH", "MMM dd HH:mm:ss"], "Oct 26 13:00:30", "Oct 26 13:00:07", "2026-10-26T07:13:00.000Z"),
        (["MMM dd HH:mm:ss", "MMM  d HH:mm:ss"], "Oct  6 13:00:30", "Oct  6 13:07:00", "2026-10-06T13:07:00.000Z"),
    ],
)
def test_the_day_of_a_later_format_takes_no_text_from_those_before(
    patterns: list[str], first: str, second: str, meant: str
) -> None:
    clock = Clock(lambda: Timestamp.of(datetime(2026, 11, 30, tzinfo=UTC)))
    formats = Formats(parser(pattern, clock=clock) for pattern in patterns)
    formats.read(first)
    assert formats.read(second) == meant
