"""Schedules: what a line means, and when it comes next."""
import re

import pytest

from penstock.dsl.joda.zones import UTC, get_zone
from penstock.dsl.timestamp import Timestamp, parse_timestamp
from penstock.plugins.schedule import Every, ScheduleError, parse_schedule


def after(line: str, moment: str, times: int = 1) -> list[str]:
    """The next instants after a moment, to the second, in UTC."""
    schedule = parse_schedule(line, UTC)
    stamp = parse_timestamp(moment)
    assert stamp is not None
    at: int | None = stamp.millis()
    found = []
    for _ in range(times):
        assert at is not None
        at = schedule.after(at)
        assert at is not None
        found.append(str(Timestamp.of_millis(at))[:19])
    return found


@pytest.mark.parametrize(
    ("line", "moment", "next_ones"),
    [
        ("* * * * *", "2025-01-01T10:00:00Z", ["2025-01-01T10:01:00", "2025-01-01T10:02:00"]),
        ("*/30 * * * *", "2025-01-01T10:00:01Z", ["2025-01-01T10:30:00", "2025-01-01T11:00:00"]),
        ("0 6 * * *", "2025-12-31T06:00:00Z", ["2026-01-01T06:00:00"]),
        ("59 23 31 12 *", "2025-12-31T23:59:00Z", ["2026-12-31T23:59:00"]),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", ["2104-02-29T00:00:00"]),
        ("0 0 31 * *", "2025-01-31T00:00:00Z", ["2025-03-31T00:00:00"]),
        ("0 12 * * 1", "2025-01-01T00:00:00Z", ["2025-01-06T12:00:00"]),
        ("0 12 * * 7", "2025-01-01T00:00:00Z", ["2025-01-05T12:00:00"]),
        ("0 0 1 * fri", "2025-01-02T00:00:00Z", ["2025-01-03T00:00:00", "2025-01-10T00:00:00"]),
        ("0 0 13 * fri", "2025-01-10T00:00:00Z", ["2025-01-13T00:00:00", "2025-01-17T00:00:00"]),
        ("* 5 * 1-3 *", "2025-03-31T05:59:00Z", ["2026-01-01T05:00:00"]),
        ("0 22-1 * * *", "2025-01-01T22:30:00Z", ["2025-01-01T23:00:00", "2025-01-02T00:00:00", "2025-01-02T01:00:00"]),
        ("5,10-12,50/5 3 * * *", "2025-01-01T03:10:00Z", ["2025-01-01T03:11:00", "2025-01-01T03:12:00", "2025-01-01T03:50:00"]),
        ("*/20 * * * * *", "2025-01-01T10:00:59Z", ["2025-01-01T10:01:00", "2025-01-01T10:01:20"]),
        ("0 0 1 JAN-mar/2 *", "2025-01-01T00:00:00Z", ["2025-03-01T00:00:00"]),
        ("@hourly", "2025-01-01T10:00:00Z", ["2025-01-01T11:00:00"]),
        ("@daily Asia/Tokyo", "2025-01-01T10:00:00Z", ["2025-01-01T15:00:00"]),
        ("0 6 * * * America/Chicago", "2025-07-01T12:00:00Z", ["2025-07-02T11:00:00"]),
        ("0 0 6 * * * Europe/Paris", "2025-01-01T10:00:00Z", ["2025-01-02T05:00:00"]),
        ("every 90s", "2025-01-01T10:00:00Z", ["2025-01-01T10:01:30", "2025-01-01T10:03:00"]),
        ("every 1h30m", "2025-01-01T10:00:00Z", ["2025-01-01T11:30:00"]),
        ("every 2 days", "2025-01-01T10:00:00Z", ["2025-01-03T10:00:00"]),
        ("every 1 week", "2025-01-01T10:00:00Z", ["2025-01-08T10:00:00"]),
    ],
)
def test_when_a_line_comes_next(line: str, moment: str, next_ones: list[str]) -> None:
    assert after(line, moment, len(next_ones)) == next_ones


def test_short_spans() -> None:
    assert parse_schedule("every 250ms", UTC) == Every(0.25)


def test_a_time_that_clocks_skip_is_skipped() -> None:
    assert after("30 2 * * * Europe/Paris", "2025-03-29T02:00:00Z", 1) == ["2025-03-31T00:30:00"]


def test_a_time_that_comes_twice_counts_once_unless_every_hour_is_meant() -> None:
    assert after("30 2 * * * Europe/Paris", "2025-10-26T00:00:00Z", 2) == ["2025-10-26T00:30:00", "2025-10-27T01:30:00"]
    assert after("30 * * * * Europe/Paris", "2025-10-26T00:00:00Z", 3) == [f"2025-10-26T0{hour}:30:00" for hour in range(3)]


def test_the_zone_is_the_one_given_unless_the_line_names_one() -> None:
    assert parse_schedule("0 6 * * *", get_zone("+02:00")).after(0) == 4 * 3_600_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "`` is not a valid schedule"),
        ("* * * *", "is not a valid schedule"),
        ("* * * * * * *", "is not a valid schedule"),
        ("60 * * * *", "`60` is not between 0 and 59"),
        ("* * 0 * *", "`0` is not between 1 and 31"),
        ("* * * foo *", "`foo` is not between 1 and 12"),
        ("a-b-c * * * *", "`a-b-c` is not valid in a cron line"),
        ("*/0 * * * *", "`*/0` is not a valid step"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 * * * Europe/Pariss", "`Europe/Pariss` is not a valid time zone"),
        ("every", "`every ` is not a valid schedule"),
        ("every 5", "`every 5` is not a valid schedule"),
        ("every 0s", "is not a valid schedule"),
        ("every 5 fortnights", "is not a valid schedule"),
    ],
)
def test_what_is_no_schedule_is_refused(line: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(said)):
        parse_schedule(line, UTC)
