"""Time zones: which ids mean one, what is said of the others, and what local times mean in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.joda.zones import (
    UnknownZoneError,
    get_zone,
    named_zone,
    parse_offset,
    platform_zone,
)

HOUR = 3_600_000
JANUARY_2013 = 1_358_208_000_000
JULY_2013 = 1_373_889_600_000


@pytest.mark.parametrize(
    ("zone_id", "hours"),
    [
        ("UTC", 0), ("GMT", 0), ("Z", 0), ("Europe/Paris", 2), ("America/Los_Angeles", -7), ("EST", -5),
        ("PST8PDT", -7), ("Etc/GMT+5", -5), ("+05:30", 5.5), ("-0800", -8), ("+09", 9), ("UTC+05:00", 5),
        ("GMT-03:30", -3.5),
    ],
)  # fmt: skip
def test_ids_are_names_of_the_tz_database_and_offsets(zone_id: str, hours: float) -> None:
    assert get_zone(zone_id).offset_at(JULY_2013) == hours * HOUR


@pytest.mark.parametrize(
    ("zone_id", "help"),
    [
        ("Nope/Zone", ""), ("", "Europe/Paris"), ("+5", ""), ("UTC+5", ""), ("+24:00", ""),
        ("../etc/passwd", ""), ("localtime", ""), ("posix/Europe/Paris", "Europe/Paris"), ("Europe", ""),
        ("Europe/Pariss", "`Europe/Paris`"), ("europe/paris", "`Europe/Paris`"),
        ("America/New York", "America/New_York"),
        ("PST", "America/Los_Angeles"), ("CEST", "Europe/Paris"),
    ],
)  # fmt: skip
def test_other_ids_are_refused_with_what_may_have_been_meant(zone_id: str, help: str) -> None:
    with pytest.raises(UnknownZoneError) as refused:
        get_zone(zone_id)
    assert help in refused.value.help


@pytest.mark.parametrize("zone_id", ["Europe/Paris", "America/Los_Angeles", "Australia/Lord_Howe", "+05:30", "UTC"])
@given(utc=st.integers(-(10**15), 10**16))
def test_local_time_leads_back_to_an_instant_that_has_it(zone_id: str, utc: int) -> None:
    zone = get_zone(zone_id)
    local = utc + zone.offset_at(utc)
    back = zone.to_utc(local)
    assert back is not None
    assert back <= utc
    assert back + zone.offset_at(back) == local
    assert zone.nearest_utc(local) == back


def test_a_local_time_that_clocks_jump_over_is_nothing_or_taken_as_if_they_had_not() -> None:
    zone, missing = get_zone("America/Los_Angeles"), 1_362_882_600_000  # 2013-03-10 02:30
    assert zone.to_utc(missing) is None
    assert zone.nearest_utc(missing) == missing + 8 * HOUR


def test_an_offset_is_no_name() -> None:
    assert named_zone("+01:00") is None


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("Z", 0), ("+01", HOUR), ("-0730", -7.5 * HOUR), ("+05:30:15", 5.5 * HOUR + 15_000), ("-00:00:00.5", -500),
        ("+1", None), ("+01:", None), ("+0160", None), ("01:00", None), ("+25", None), ("", None),
    ],
)  # fmt: skip
def test_offsets_are_read_down_to_milliseconds(text: str, millis: float | None) -> None:
    assert parse_offset(text) == millis


@pytest.mark.parametrize(
    ("given", "winter", "summer"),
    [
        ("Asia/Tokyo", 9, 9),
        (":Asia/Tokyo", 9, 9),
        (":{tmp}/zoneinfo/Europe/Berlin", 1, 2),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 1, 2),
        ("EST5EDT4,M3.2.0,M11.1.0", -5, -4),
        ("<+0545>-5:45", 5.75, 5.75),
        ("UTC0", 0, 0),
    ],
)
def test_the_variable_tz_says_the_zone_of_the_platform(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    given: str,
    winter: float,
    summer: float,
) -> None:
    monkeypatch.setenv("TZ", given.replace("{tmp}", str(tmp_path)))
    zone = platform_zone()
    assert [zone.offset_at(at) / HOUR for at in (JANUARY_2013, JULY_2013)] == [winter, summer]
    assert not caplog.messages


@pytest.mark.parametrize("form", ["Nowhere/Bogus{}", "CET-1CEST,M3.9.{}", "{tmp}", "{tmp}/{}", "a\n{}"])
def test_a_variable_tz_that_is_not_a_zone_is_utc_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path, form: str
) -> None:
    given = form.replace("{tmp}", str(tmp_path)).replace("{}", tmp_path.name)
    monkeypatch.setenv("TZ", given)
    assert platform_zone().offset_at(JULY_2013) == 0
    (said,) = caplog.messages
    assert said == f"TZ is `{given}`, which is not a valid time zone: UTC is used instead"


def test_the_platform_has_a_zone_without_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TZ", raising=False)
    assert abs(platform_zone().offset_at(0)) <= 14 * HOUR
