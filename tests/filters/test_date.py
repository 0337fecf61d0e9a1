"""The filter date: which fields it reads, what it makes of them, and what it says of formats that are none."""

from collections.abc import Callable
from typing import Any

import pytest

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.timestamp import Timestamp

Filtered = Callable[..., list[dict[str, Any]]]

SOME_TIME = "2020-02-02T02:02:02.000Z"


def date(options: str, *values: Any, **event: Any) -> list[Any]:
    """The timestamps that events get whose field `t` has these values; the tags of those that get none."""
    stage = penstock.compile(f"filter {{ date {{ {options} }} }}")
    out = stage([{"@timestamp": SOME_TIME, "t": value, **event} for value in values])
    return [event.get("tags") or event["@timestamp"] for event in out]


FAILED = ["_dateparsefailure"]


def test_the_first_format_that_fits_makes_the_timestamp() -> None:
    options = 'match => ["t", "ISO8601", "UNIX", "dd/MMM/yyyy:HH:mm:ss Z"]'
    assert date(options, "2001-01-01T00:00:00Z", "1.5", 1.5, "24/Nov/2013:01:29:01 -0800", "never") == [
        "2001-01-01T00:00:00.000Z",
        "1970-01-01T00:00:01.500Z",
        "1970-01-01T00:00:01.500Z",
        "2013-11-24T09:29:01.000Z",
        FAILED,
    ]


@pytest.mark.parametrize("value", [2013, 2013.5, True, ["2013"], {"a": "2013"}, "", "2013 "])
def test_a_pattern_reads_only_text_that_it_fits(value: Any) -> None:
    assert date('match => ["t", "yyyy"]', value) == [FAILED]


@pytest.mark.parametrize("value", [True, [1], {"a": 1}, "1e3", 2147483648])
def test_unix_reads_only_numbers_within_its_range(value: Any) -> None:
    assert date('match => ["t", "UNIX"]', value) == [FAILED]


def test_a_field_that_is_missing_or_null_is_passed_over(filtered: Filtered) -> None:
    config = 'date { match => ["t", "ISO8601"] add_tag => ["dated"] }'
    assert filtered(config, {"t": None}, {"a": 1}) == [{"t": None}, {"a": 1}]


def test_success_is_decorated_and_failure_is_tagged(filtered: Filtered) -> None:
    config = """date {
      match => ["[a][t]", "ISO8601"]  tag_on_failure => ["bad", "%{t}"]
      add_tag => ["dated"]  add_field => { "year" => "%{+yyyy}" }  remove_field => ["a"]
    }"""
    assert filtered(config, {"a": {"t": "2001-01-01T00:00:00Z"}}, {"a": {"t": "x"}, "tags": ["bad"]}) == [
        {"year": "2001", "tags": ["dated"]},
        {"a": {"t": "x"}, "tags": ["bad", "%{t}"]},
    ]


def test_another_target_gets_an_instant(filtered: Filtered) -> None:
    config = 'date { match => ["t", "yyyy"] target => "[event][start]" timezone => "UTC" }'
    (event,) = filtered(config, {"t": "2013", "@timestamp": SOME_TIME})
    assert event == {"t": "2013", "@timestamp": SOME_TIME, "event": {"start": "2013-01-01T00:00:00.000Z"}}


def test_a_target_that_cannot_be_set_spoils_no_other_event() -> None:
    stage = penstock.compile('filter { date { match => ["t", "yyyy"] target => "[a][b]" timezone => "UTC" } }')
    broken, whole = stage([{"t": "2013", "a": "text"}, {"t": "2013"}])
    assert (broken["a"], broken["tags"]) == ("text", ["_date_exception"])
    assert whole["a"] == {"b": "2013-01-01T00:00:00.000Z"}


def test_a_zone_is_used_where_the_text_says_none() -> None:
    options = 'match => ["t", "UNIX", "yyyy-MM-dd HH:mm", "ISO8601"] timezone => "America/Los_Angeles"'
    assert date(options, "2013-07-15 12:00", "2013-07-15T12:00:00+02:00", "0", "2013-03-10 02:30") == [
        "2013-07-15T19:00:00.000Z",
        "2013-07-15T10:00:00.000Z",
        "1970-01-01T00:00:00.000Z",
        FAILED,
    ]


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Paris", "2013-07-15T10:00:00.000Z"),
        ("-03:00", "2013-07-15T15:00:00.000Z"),
        ("UTC", "2013-07-15T12:00:00.000Z"),
        ("Nope/Zone", FAILED),
        ("../../etc/passwd", FAILED),
        (None, FAILED),
    ],
)
def test_each_event_may_name_its_zone(zone: str | None, expected: Any) -> None:
    """A zone that is none fails the formats that need one, and leaves the others alone."""
    options = 'match => ["t", "yyyy-MM-dd HH:mm", "UNIX"] timezone => "%{[host][zone]}"'
    host = {"zone": zone} if zone else {}
    assert date(options, "2013-07-15 12:00", "12", host=host) == [expected, "1970-01-01T00:00:12.000Z"]


def test_many_zones_are_told_apart() -> None:
    stage = penstock.compile('filter { date { match => ["t", "HH:mm yyyy"] timezone => "%{z}" } }')
    offsets = [f"+{minutes // 60:02d}:{minutes % 60:02d}" for minutes in range(600)]
    for _ in range(2):
        out = stage([{"t": "12:00 2013", "z": offset} for offset in offsets])
        assert [event["@timestamp"] for event in out] == [
            Timestamp.of_millis(1_357_041_600_000 - minutes * 60_000) for minutes in range(600)
        ]


def test_the_zone_of_the_machine_is_used_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert date('match => ["t", "ISO8601"]', "2013-07-15T12:00:00") == ["2013-07-15T03:00:00.000Z"]


def test_names_are_those_of_the_locale_alone() -> None:
    options = 'match => ["t", "d MMMM yyyy"] locale => "fr_FR" timezone => "UTC"'
    assert date(options, "14 juillet 1789", "14 July 1789") == ["1789-07-14T00:00:00.000Z", FAILED]


def test_without_a_locale_names_are_those_of_the_machine_or_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    options = 'match => ["t", "d MMMM yyyy"] timezone => "UTC"'
    assert date(options, "1 März 2013", "1 March 2013", "1 mars 2013") == [
        "2013-03-01T00:00:00.000Z",
        "2013-03-01T00:00:00.000Z",
        FAILED,
    ]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-07-01T00:00:00.000Z", ["2026-12-31T23:59:59.000Z", "2026-01-01T00:00:01.000Z"]),
        ("2026-12-31T00:00:00.000Z", ["2026-12-31T23:59:59.000Z", "2027-01-01T00:00:01.000Z"]),
        ("2027-01-01T00:00:00.000Z", ["2026-12-31T23:59:59.000Z", "2027-01-01T00:00:01.000Z"]),
    ],
)
def test_a_date_without_a_year_is_near_the_present(filtered: Filtered, now: str, expected: list[str]) -> None:
    config = 'date { match => ["t", "MMM d HH:mm:ss"] timezone => "UTC" target => "at" remove_field => ["t"] }'
    events = [{"t": "Dec 31 23:59:59"}, {"t": "Jan 1 00:00:01"}]
    assert filtered(config, *events, penstock__now=Timestamp(now)) == [{"at": stamp} for stamp in expected]


def test_a_pipeline_that_runs_into_the_new_year_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Timestamp, "now", lambda: Timestamp("2026-12-31T23:59:58.000Z"))
    stage = penstock.compile('filter { date { match => ["t", "MMM d HH:mm:ss"] timezone => "UTC" } }')
    assert stage([{"t": "Dec 31 23:59:58"}])[0]["@timestamp"] == "2026-12-31T23:59:58.000Z"
    monkeypatch.setattr(Timestamp, "now", lambda: Timestamp("2027-12-01T00:00:00.000Z"))
    assert stage([{"t": "Dec 31 23:59:58"}])[0]["@timestamp"] == "2027-12-31T23:59:58.000Z"


def test_auto_guesses() -> None:
    options = 'match => ["t", "AUTO"] timezone => "Europe/Paris"'
    assert date(options, "Nov 24th, 2013 1:29pm", "2013-11-24 01:29 -0800", "nothing") == [
        "2013-11-24T12:29:00.000Z",
        "2013-11-24T09:29:00.000Z",
        FAILED,
    ]


REFUSED = [
    ("", "a field and at least one format"),
    ('match => ["t"]', "a field and at least one format"),
    ('match => ["t", "yyyy-MM-ddTHH:mm"]', "put text in quotes: 'T'"),
    ('match => ["t", "UNIX", "iso-8601"]', "write `ISO8601`"),
    ('match => ["t", ""]', "the pattern is empty"),
    ('match => ["t[a]", "UNIX"]', r"`t\[a\]` is not a valid field reference"),
    ('match => ["t", "UNIX", "yyyy"] timezone => "Nope/Zone"', "`Nope/Zone` is not a valid time zone"),
    ('match => ["t", "ISO8601"] timezone => "europe/paris"', "write `Europe/Paris`"),
    ('match => ["t", "yyyy"] timezone => "[z][id]"', r"write %\{\[z\]\[id\]\}"),
    ('match => ["t", "UNIX"] timezone => "%{a[b]}"', "is not a valid field reference"),
    ('match => ["t", "UNIX"] timezone => "%{+bad}"', "is not a letter"),
    ('match => ["t", "UNIX"] target => "a[b]"', "is not a valid field reference"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_cannot_be_compiled_is_refused(options: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        penstock.compile(f"filter {{ date {{ {options} }} }}")


def test_all_bad_formats_are_named_each_at_its_place() -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile('filter { date { match => ["t", "yyyy", "bad", "MM", "worse"] } }')
    places = [finding.span.column for finding in refused.value.diagnostics if finding.span]
    assert places == [40, 53]


@pytest.mark.parametrize(
    ("options", "warning"),
    [
        ('match => ["t", "yyyy-mm-dd"]', "`m` is the minute"),
        ('match => ["t", "%Y-%m-%d"]', "`%` has no special meaning"),
        ('match => ["t", "dd MMM yyyy"] locale => "klingon"', "unknown locale `klingon`"),
        ('match => ["t", "dd MMM yyyy"] locale => "en_US.UTF-8"', ""),
    ],
)
def test_what_is_hardly_meant_is_warned_of(options: str, warning: str) -> None:
    warnings = penstock.compile(f"filter {{ date {{ {options} }} }}").warnings
    assert [warning in finding.message for finding in warnings if finding.code == "W310"] == [True] * bool(warning)


@pytest.mark.parametrize("formats", ['"UNIX"', '"UNIX_MS", "TAI64N"'])
def test_a_bad_time_zone_that_no_format_needs_is_a_warning(formats: str) -> None:
    stage = penstock.compile(f'filter {{ date {{ match => ["t", {formats}] timezone => "[@metadata][zone]" }} }}')
    assert [warning.code for warning in stage.warnings] == ["W305"]
    (out,) = stage([{"t": "1605139197" if "MS" not in formats else "1605139197000"}])
    assert out["@timestamp"] == "2020-11-11T23:59:57.000Z"


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("[t][at]", {"at": "2013"}, "2013-01-01T00:00:00.000Z"),
        ("[t][at]", {"at": None}, SOME_TIME),
        ("[t][at]", {}, SOME_TIME),
        ("[t][at]", "2013", SOME_TIME),
        ("[t][at]", ["2013"], SOME_TIME),
        ("[t][0]", ["2013"], "2013-01-01T00:00:00.000Z"),
        ("[t][0]", {"0": "2013"}, "2013-01-01T00:00:00.000Z"),
        ("[t][-1]", ["x", "2013"], "2013-01-01T00:00:00.000Z"),
        ("[t][at][0]", {"at": ["2013"]}, "2013-01-01T00:00:00.000Z"),
    ],
)
def test_a_date_is_read_where_it_stands(field: str, value: Any, read: str) -> None:
    assert date(f'match => ["{field}", "yyyy"] timezone => "UTC"', value) == [read]


def test_several_fields_are_taken_out_of_what_was_read_and_of_nothing_else() -> None:
    options = 'match => ["t", "yyyy"] remove_field => ["t", "tags", "gone"]'
    stage = penstock.compile(f"filter {{ date {{ {options} }} }}")
    read, unread = stage([{"t": "2013", "tags": ["x"]}, {"t": "never"}])
    assert (read.keys(), unread["t"]) == ({"@timestamp", "@version"}, "never")


@pytest.mark.parametrize("field", ["t", "[a][t]"])
@pytest.mark.parametrize(
    "last", ["Oct 26 24:00:00", "Oct  7 01:02:03", "", None, 5, ["Oct 26 01:02:03"]]
)
@pytest.mark.parametrize(
    "more",
    [
        "",
        'remove_field => ["t"]',
        'add_field => { "at" => "%{@timestamp}" }',
        'target => "[a][at]"',
        'target => "tags"',
    ],
)
def test_a_batch_of_different_times_is_read_as_each_would_be_by_itself(
    field: str, last: Any, more: str
) -> None:
    formats = '"MMM dd HH:mm:ss", "MMM  d HH:mm:ss"'
    options = f'match => ["{field}", {formats}] timezone => "Europe/Berlin" {more}'
    values = [f"Oct 26 {n % 24:02}:{n % 60:02}:{n % 59:02}" for n in range(40)]
    stage, each = (penstock.compile(f"filter {{ date {{ {options} }} }}") for _ in range(2))
    for batch in (values, [*values, last], values[::-1]):
        events = [{"@timestamp": SOME_TIME, "t": value, "a": {"t": value}} for value in batch]
        assert stage(events) == [out for event in events for out in each([event])]
