"""Mutation: small changes to a pipeline, and those that no test notices."""
from typing import Any

from penstock.dsl.source import Source
from penstock.pipeline.testing.mutation import mutants, report
from penstock.pipeline.testing.session import Plan

PIPELINE = """filter {
  grok { match => { "message" => "^%{INT:[a][n]:int} %{WORD:w}$" } }
  if [a][n] > 5 and [w] == "x" {
    mutate { add_tag => ["big"] rename => { "w" => "word" } }
  } else if !("y" in [w]) { drop { } }
}
output { stdout { } }
"""


def test_the_changes_that_are_made() -> None:
    found = [(m.what, m.span.line, m.source.line(m.span.line).strip()) for m in mutants(Source("p", PIPELINE))]
    assert found == [
        ("the filter `grok` left out", 2, ""),
        ("`message` renamed", 2, 'grok { match => { "message_x" => "^%{INT:[a][n]:int} %{WORD:w}$" } }'),
        ("`[a][n]` renamed", 2, 'grok { match => { "message" => "^%{INT:[a][n_x]:int} %{WORD:w}$" } }'),
        ("`w` renamed", 2, 'grok { match => { "message" => "^%{INT:[a][n]:int} %{WORD:w_x}$" } }'),
        ("the condition turned", 3, 'if !([a][n] > 5 and [w] == "x") {'),
        ("`and` made `or`", 3, 'if [a][n] > 5 or [w] == "x" {'),
        ("`>` made `>=`", 3, 'if [a][n] >= 5 and [w] == "x" {'),
        ("the filter `mutate` left out", 4, ""),
        ("`big` renamed", 4, 'mutate { add_tag => ["big_x"] rename => { "w" => "word" } }'),
        ("`w` renamed", 4, 'mutate { add_tag => ["big"] rename => { "w_x" => "word" } }'),
        ("the condition turned", 5, '} else if !(!("y" in [w])) { drop { } }'),
        ("the filter `drop` left out", 5, '} else if !("y" in [w]) {          }'),
        ("the output `stdout` left out", 7, "output {            }"),
    ]


def holes(directory: Any, tests: str) -> list[tuple[str, int, bool]]:
    directory.write("pipeline.conf", PIPELINE)
    path = directory.write("p.test.yml", f"pipeline: pipeline.conf\ntests:\n{tests}")
    return [(mutant.what, mutant.span.line, ran) for mutant, ran in report(Plan((path,))).found]


def test_holes_are_what_no_test_notices(directory: Any) -> None:
    tests = """
  - {name: a, input: 7 x, expect: {"[a][n]": 7, word: x, tags: big}, outputs: stdout}
  - {name: b, input: 4 z, expect: []}
"""
    assert holes(directory, tests) == [("`and` made `or`", 3, True), ("`>` made `>=`", 3, True)]


def test_what_no_test_gets_to_is_said_so(directory: Any) -> None:
    found = holes(directory, "  - {name: a, input: 7 x, expect: 1}")
    assert ("the filter `drop` left out", 5, False) in found
    assert ("the output `stdout` left out", 7, True) in found


def test_full_tests_leave_no_hole(directory: Any) -> None:
    tests = """
  - {name: big, input: 7 x, expect: {"[a][n]": 7, word: x, tags: big, absent: w}, outputs: stdout}
  - {name: the border, input: 5 x, expect: []}
  - {name: another word, input: 7 y, expect: {w: y, tags: []}, outputs: stdout}
  - {name: neither, input: 4 z, expect: []}
"""
    assert holes(directory, tests) == []


def test_a_file_of_the_verifier_is_one_run(directory: Any) -> None:
    directory.write("pipeline.conf", 'filter { mutate { add_tag => ["x"] } if [a] { drop { } } }')
    path = directory.write("a.json", '{"testcases": [{"input": ["m"], "expected": [{"message": "m", "tags": ["x"]}]}]}')
    found = report(Plan((path,)))
    assert [mutant.what for mutant, _ in found.found] == ["the filter `drop` left out"]
    assert "3 of 4 changes were noticed; 1 holes" in found.text
