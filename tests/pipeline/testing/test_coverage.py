"""Coverage: every filter, branch both ways, grok alternative and output, with the events that passed."""
import json
from typing import Any
from xml.etree import ElementTree

from penstock.pipeline.testing import coverage_reports
from penstock.pipeline.testing.coverage import Coverage
from penstock.pipeline.testing.session import Plan, run

PIPELINE = """input { stdin { } }
filter {
  grok { match => { "message" => ["^%{INT:number:int}$", "^%{WORD:word}$",
                                  "^never %{WORD:word}$"] } }
  if [number] {
    if [number] > 5 { mutate { add_tag => ["big"] } }
  } else if [word] == "x" {
    drop { }
  } else {
    mutate { add_tag => ["other"] }
  }
}
output {
  stdout { }
  if "big" in [tags] { null { } }
}
"""
TESTS = """
pipeline: pipeline.conf
tests:
  - {name: a, input: ["1", "2", a, "nothing here"], expect: 4}
"""


def covered(directory: Any, tests: str = TESTS) -> Coverage:
    directory.write("pipeline.conf", PIPELINE)
    (done,) = run(Plan((directory.write("p.test.yml", tests),), coverage=True))
    assert not done.bad
    return done.coverage


def test_every_place_has_its_number_of_events(directory: Any) -> None:
    found = [(p.span.line, p.span.text.split("\n")[0], p.what, count) for p, count in covered(directory).of()]
    assert found == [
        (3, "grok", "filter grok", 4),
        (3, '"^%{INT:number:int}$"', "pattern", 2),
        (3, '"^%{WORD:word}$"', "pattern", 1),
        (4, '"^never %{WORD:word}$"', "pattern", 0),
        (5, "[number]", "the condition holds", 2),
        (6, "[number] > 5", "the condition holds", 0),
        (6, "[number] > 5", "the condition does not hold", 2),
        (6, "mutate", "filter mutate", 0),
        (7, '[word] == "x"', "the condition holds", 0),
        (8, "drop", "filter drop", 0),
        (9, "else", "else", 2),
        (10, "mutate", "filter mutate", 2),
        (14, "stdout", "output stdout", 4),
        (15, '"big" in [tags]', "the condition holds", 0),
        (15, '"big" in [tags]', "the condition does not hold", 4),
        (15, "null", "output null", 0),
    ]


def test_the_annotated_configuration(directory: Any) -> None:
    assert coverage_reports.text(covered(directory)) == """pipeline.conf  56 %
         │ input { stdin { } }
         │ filter {
       4 │   grok { match => { "message" => ["^%{INT:number:int}$", "^%{WORD:word}$",
       ✗ │                                   "^never %{WORD:word}$"] } }   ← never matches
       2 │   if [number] {
       ✗ │     if [number] > 5 { mutate { add_tag => ["big"] } }   ← never holds; mutate: no event
       ✗ │   } else if [word] == "x" {   ← never holds
       ✗ │     drop { }   ← drop: no event
       2 │   } else {
       2 │     mutate { add_tag => ["other"] }
         │   }
         │ }
         │ output {
       4 │   stdout { }
       ✗ │   if "big" in [tags] { null { } }   ← never holds; null: no event
         │ }

coverage: 56 % (9 of 16 places)"""


def test_json_and_html(directory: Any) -> None:
    coverage = covered(directory)
    data = json.loads(coverage_reports.as_json(coverage))
    assert data["percent"] == 56.25
    assert data["files"]["pipeline.conf"]["points"][0] == {"line": 3, "column": 3, "what": "filter grok", "label": "grok", "events": 4}
    page = coverage_reports.as_html(coverage)
    assert "<h1>Coverage: 56 %</h1>" in page
    assert page.count('class="miss"') == 5
    ElementTree.fromstring(page.partition("<body>")[2].partition("</body>")[0].join(["<body>", "</body>"]))


def test_files_add_up(directory: Any) -> None:
    directory.write("pipeline.conf", PIPELINE)
    other = 'pipeline: pipeline.conf\ntests:\n  - {name: b, input: [x, "9", never w], expect: 2}\n'
    files = (directory.write("p.test.yml", TESTS), directory.write("q.test.yml", other))
    total = Coverage()
    for done in run(Plan(files, coverage=True)):
        total.merge(done.coverage)
    assert total.percent() == 100
    assert next(count for point, count in total.of() if point.what == "filter grok") == 7


def test_a_chain_whose_last_condition_always_holds(directory: Any) -> None:
    pipeline = "filter { if [a] { drop { } } else if [message] { mutate { } } }"
    directory.write("pipeline.conf", pipeline)
    (done,) = run(Plan((directory.write("p.test.yml", "pipeline: pipeline.conf\ntests: [{name: a, input: [x, {a: 1}], expect: 1}]"),), coverage=True))
    assert "← one of them always holds" in coverage_reports.text(done.coverage)


def test_mocked_filters_count_and_what_mocks_put_in_does_not(directory: Any) -> None:
    directory.write("pipeline.conf", 'filter { geoip { id => geo source => "a" } dns { resolve => ["a"] } }')
    tests = "pipeline: pipeline.conf\nmocks: {geo: {}, dns: 'mutate { }'}\ntests: [{name: a, input: x, expect: 1}]"
    (done,) = run(Plan((directory.write("p.test.yml", tests),), coverage=True))
    assert [(point.what, count) for point, count in done.coverage.of()] == [("filter geoip", 1)]
