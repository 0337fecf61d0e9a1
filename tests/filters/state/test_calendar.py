"""Windows follow each other without gap or overlap, by the clock of every kind of zone."""
from datetime import UTC, datetime

import pytest

from penstock.dsl.joda.zones import get_zone
from penstock.filters.state.calendar import DAY, HOUR, WEEK, CalendarWindows, FixedWindows

FROM, TO = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1000 for year in (2011, 2027))
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "America/Havana",
    "Asia/Beirut",
]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", [DAY, WEEK, "M"])
def test_panes_of_a_zone_have_no_gap_and_no_overlap(zone: str, unit: int | str) -> None:
    windows, time = CalendarWindows(get_zone(zone), unit), FROM
    while time < TO:
        start, end = windows.pane(time)
        assert start <= time < end
        assert windows.pane(start) == windows.pane(end - 1) == (start, end)
        time = end


@pytest.mark.parametrize("zone", ZONES)
def test_hours_of_a_zone_have_no_gap_and_no_overlap_around_changes_of_the_clock(zone: str) -> None:
    found, windows = get_zone(zone), CalendarWindows(get_zone(zone), HOUR)
    for day in range(FROM, TO, DAY):
        if found.offset_at(day) == found.offset_at(day + DAY):
            continue
        time = day - 2 * HOUR
        while time < day + DAY + 2 * HOUR:
            start, end = windows.pane(time)
            assert start <= time < end
            assert windows.pane(start) == windows.pane(end - 1) == (start, end)
            time = end


@pytest.mark.parametrize(
    ("zone", "unit", "time", "start", "end"),
    [
        ("Europe/Berlin", DAY, "2025-03-30T12:00:00Z", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"),
        ("Europe/Berlin", DAY, "2025-10-26T12:00:00Z", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"),
        ("Europe/Berlin", HOUR, "2025-10-26T00:30:00Z", "2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z"),
        ("Europe/Berlin", HOUR, "2025-10-26T01:30:00Z", "2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z"),
        ("Europe/Berlin", HOUR, "2025-03-30T01:10:00Z", "2025-03-30T01:00:00Z", "2025-03-30T02:00:00Z"),
        ("Europe/Berlin", "M", "2025-10-26T12:00:00Z", "2025-09-30T22:00:00Z", "2025-10-31T23:00:00Z"),
        ("Europe/Berlin", WEEK, "2025-10-26T12:00:00Z", "2025-10-19T22:00:00Z", "2025-10-26T23:00:00Z"),
        ("Pacific/Apia", DAY, "2011-12-30T12:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        ("America/Sao_Paulo", DAY, "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
    ],
)
def test_a_pane_by_the_wall_clock(zone: str, unit: int | str, time: str, start: str, end: str) -> None:
    assert CalendarWindows(get_zone(zone), unit).pane(at(time)) == (at(start), at(end))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_sliding_windows_of_a_zone_hold_each_time_so_often_as_they_are_long(zone: str) -> None:
    windows = CalendarWindows(get_zone(zone), HOUR, 4)
    for time in range(at("2025-03-29T00:00:00+00:00"), at("2025-04-07T00:00:00+00:00"), 25 * 60_000):
        start, _ = windows.pane(time)
        spans = windows.of_pane(start)
        assert all(begin <= time < end for begin, end in spans)
        assert 3 <= len(spans) <= 5
        assert [windows.after(span) for span in spans[:-1]] == spans[1:]


def test_weeks_begin_on_monday_and_other_windows_at_multiples_since_1970() -> None:
    assert FixedWindows(WEEK).pane(at("2025-09-04T08:00:00Z")) == (at("2025-09-01T00:00:00Z"), at("2025-09-08T00:00:00Z"))
    assert FixedWindows(7000).pane(7001) == (7000, 14000)
    assert FixedWindows(7000, offset=500).pane(7001) == (500, 7500)
    assert FixedWindows(10, 4).of_pane(8) == [(0, 10), (4, 14), (8, 18)]
    assert FixedWindows(10).pane(-1) == (-10, 0)
