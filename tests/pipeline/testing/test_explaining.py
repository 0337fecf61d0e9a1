"""What a failure says: near misses, and the step after which it went wrong."""
from typing import Any

import pytest

from penstock.pipeline.testing.report import drawn

PIPELINE = """filter {
  grok { match => { "message" => "^%{IP:[client][ip]} %{INT:status} %{WORD:[http][method]}" } }
  if [status] == "500" {
    mutate { add_field => { "[event][outcome]" => "failure" } }
  }
  mutate { lowercase => ["[http][method]"] }
  if [status] == "204" { drop { } }
  if [status] == "206" { clone { clones => ["copy"] } }
  date { match => ["time", "ISO8601"] }
}
output {
  if [status] == "500" { email { to => "me@example.org" } }
  stdout { }
}
"""
LINE = '{"message": "1.2.3.4 200 GET"}'


@pytest.mark.parametrize(
    ("given", "expect", "note", "blame"),
    [
        (LINE, "status: 200", "the value is a string, not a number: %{NUMBER:…:int}", "2:3 `grok` set it"),
        (LINE, "'[http][method]': GET", "they differ in upper and lower case", "6:3 it was right before `mutate`"),
        (LINE, "'[source][ip]': 1.2.3.4", "[client][ip] has this value", None),
        (LINE, "'[client][ips]': 5.6.7.8", "there is [client][ip]", None),
        (LINE, "'[event][outcome]': failure", "", "3:6 `mutate` of line 4 names it, but this condition did not hold"),
        ('{"message": "nothing"}', "status: '200'", "", "2:3 `grok` failed: it tagged the event _grokparsefailure"),
        ('{"message": "1.2.3.4 500 GET"}', "outputs: stdout", "", "12:26 `email` took it"),
        (LINE, "outputs: [stdout, email]", "", "12:6 this condition did not hold, so `email` got nothing"),
        ('{"message": "1.2.3.4 500 GET"}', "absent: ['[event][outcome]']", "", "4:5 `mutate` set it"),
        ('{"time": "2025-09-04T20:51:05+02:00"}', "'@timestamp': 2025-09-04T20:51:05Z", "2 h earlier: a time zone?", "9:3 `date` set it"),
        ('{"time": "2024-09-04T20:51:05Z"}', "'@timestamp': 2025-09-04T20:51:05Z", "365 days earlier: a year that was guessed?", "9:3 `date` set it"),
        ('{"a": "b "}', "a: b", "they differ in leading or trailing blanks", None),
        ('{"a": "b  c"}', "a: b c", "blanks differ", None),
        ('{"a": 5}', "a: '5'", "expected a string, found the type integer", None),
        ('{"a": ["x", "b"]}', "a: b", "the value is in it, with others", None),
        ('{"a": ["x", "b"]}', "a: [b, c]", "missing: c; not expected: x", None),
        ('{"a": "the quick brown fox jumps over"}', "a: the quick green fox jumps over", "from character 11 on", None),
    ],
)  # fmt: skip
def test_a_difference_is_led_back(directory: Any, given: str, expect: str, note: str, blame: str | None) -> None:
    (result,) = directory.run(f"pipeline: pipeline.conf\ntests: [{{name: a, input: {given}, expect: {{{expect}}}}}]", PIPELINE)
    (difference,), (found,) = result.differences, result.blames
    assert note in difference.note
    assert bool(note) == bool(difference.note)
    assert (f"{found.span.line}:{found.span.column} {found.message}" if found else None) == blame


@pytest.mark.parametrize(
    ("given", "expect", "blame"),
    [
        ('{"message": "1.2.3.4 204 GET"}', "1", "7:26 an event was dropped by `drop`"),
        ('{"message": "1.2.3.4 206 GET"}', "1", "8:26 `clone` made more events"),
    ],
)
def test_lost_and_made_events_are_led_back(directory: Any, given: str, expect: str, blame: str) -> None:
    (result,) = directory.run(f"pipeline: pipeline.conf\ntests: [{{name: a, input: {given}, expect: {expect}}}]", PIPELINE)
    (found,) = result.blames
    assert f"{found.span.line}:{found.span.column} {found.message}" == blame


def test_a_failure_as_it_is_shown(directory: Any) -> None:
    tests = "pipeline: pipeline.conf\ntests:\n  - name: the status\n    input: 1.2.3.4 200 GET\n    expect: {status: 200}\n"
    (result,) = directory.run(tests, PIPELINE)
    assert drawn(result) == """FAIL the status  p.test.yml:3
  event 1  "1.2.3.4 200 GET"
    status is not as expected
      expected  200
      got       "200"
      → the value is a string, not a number: %{NUMBER:…:int} or mutate { convert => { … => integer } } makes it one
      `grok` set it
       --> pipeline.conf:2:3
      2 |   grok { match => { "message" => "^%{IP:[client][ip]} %{INT:status} %{WORD:[http][method]}" } }
        |   ^^^^
"""
    assert "\x1b[" in drawn(result, color=True)


def test_a_filter_that_raised_says_why(directory: Any) -> None:
    pipeline = 'filter { uuid { target => "[message][a]" } }'
    (result,) = directory.run("pipeline: pipeline.conf\ntests: [{name: a, input: x, expect: {'[message][a]': x}}]", pipeline)
    (found,) = result.blames
    assert "`uuid` failed: FieldError: `[message][a]` cannot be set" in found.message
    assert any("uuid" in line for line in result.log)
