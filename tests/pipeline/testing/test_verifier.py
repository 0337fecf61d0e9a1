"""Test files of logstash-filter-verifier, in both forms and both modes."""
import json
from pathlib import Path
from typing import Any

import pytest

from penstock.pipeline.testing.cases import Extra
from penstock.pipeline.testing.runner import Runner
from penstock.pipeline.testing.suite import read_suite
from penstock.pipeline.testing.verifier import mocks_of

SYSLOG = r"""
input { beats { port => 5044 } }
filter {
  if [type] == "syslog" {
    grok {
      match => { "message" => "%{SYSLOGTIMESTAMP:ts} %{HOSTNAME:host} %{WORD:program}(?:\[%{INT:pid:int}\])?: %{GREEDYDATA:message}" }
      overwrite => ["message"]
    }
    date { match => ["ts", "MMM dd HH:mm:ss", "MMM  d HH:mm:ss"] remove_field => ["ts"] }
  }
}
output { elasticsearch { } }
"""
LINE = "Oct  6 20:55:29 myhost myprogram[31993]: This is a test message"
EVENT = {
    "@timestamp": "2015-10-06T20:55:29.000Z", "host": "myhost", "message": "This is a test message", "pid": 31993,
    "program": "myprogram", "type": "syslog",
}  # fmt: skip
NOW = {"settings": {"penstock.now": "2015-10-10T00:00:00Z", "pipeline.ecs_compatibility": "disabled"}}


def verdicts(directory: Any, tests: object, pipeline: str, **extra: Any) -> list[str]:
    results = directory.run(json.dumps(tests), pipeline, name="p.test.json", **(NOW | extra))
    for result in results:
        assert result.problems == ()
    return [f"{r.verdict} {r.name}" + "".join(f"; {d.field} {d.message}" for d in r.differences) for r in results]


def test_cases_of_a_standalone_file_have_verdicts_of_their_own(directory: Any) -> None:
    cases = [{"input": [LINE], "expected": [EVENT], "description": "with a pid"}, {"input": [LINE.replace("31993", "1")], "expected": [EVENT]}]
    found = verdicts(directory, {"fields": {"type": "syslog"}, "testcases": cases}, SYSLOG)
    assert found == ["passed with a pid", "failed testcase 2; pid is not as expected"]


def test_the_old_form(directory: Any) -> None:
    tests = {"fields": {"type": "syslog"}, "ignore": ["pid"], "input": [LINE, "x"], "expected": [{k: v for k, v in EVENT.items() if k != "pid"}]}
    assert verdicts(directory, tests, SYSLOG)[0].startswith("failed input and expected;  expected 1 event, got 2")
    tests["input"] = [LINE]
    assert verdicts(directory, tests, SYSLOG) == ["passed input and expected"]


def test_ecs_adds_the_original_which_files_need_not_have(directory: Any) -> None:
    tests = {"testcases": [{"input": ["x"], "expected": [{"message": "x"}]}]}
    settings = {"settings": {"pipeline.ecs_compatibility": "v8"}}
    assert verdicts(directory, tests, "filter { }", **settings) == ["passed testcase 1"]


def test_whole_events_are_compared(directory: Any) -> None:
    tests = {"testcases": [{"input": ["x"], "expected": [{}]}, {"input": ["x"], "expected": [{"message": "x", "a": 1}]}]}
    assert verdicts(directory, tests, "filter { }") == [
        "failed testcase 1; message is not expected", "failed testcase 2; a is missing",
    ]  # fmt: skip


def test_fields_and_ignored_fields_by_reference(directory: Any) -> None:
    tests = {
        "fields": {"[log][file][path]": "/x", "tags": ["a", "b"], "nested": {"one": {"two": "x"}}},
        "ignore": ["[log][file][line]", "[nested][one]", "@timestamp"],
        "testcases": [{"input": ["x"], "expected": [{"[log][file][path]": "/x", "message": "x", "tags": ["a", "b"]}]}],
    }
    assert verdicts(directory, tests, 'filter { mutate { add_field => { "[log][file][line]" => 5 } } }') == ["passed testcase 1"]


@pytest.mark.parametrize("expected", [123, "123"])
def test_numbers_in_fields_become_texts_as_add_field_makes_them(directory: Any, expected: object) -> None:
    tests = {"fields": {"n": 123}, "testcases": [{"input": ["x"], "expected": [{"message": "x", "n": expected}]}]}
    assert verdicts(directory, tests, 'filter { if [n] != "123" { drop { } } }') == ["passed testcase 1"]


def test_json_lines_have_references_opened(directory: Any) -> None:
    tests = {
        "codec": "json_lines",
        "testcases": [{"input": ['{"message": "m", "[log][file][path]": "/x"}'], "expected": [{"message": "m", "log": {"file": {"path": "/x"}}}]}],
    }
    assert verdicts(directory, tests, "filter { }") == ["passed testcase 1"]


def test_a_line_without_references_is_read_as_it_stands(directory: Any) -> None:
    tests = {
        "codec": "json_lines",
        "testcases": [{"input": ['{"a": 1e400, "b": 1.50}'], "expected": [{"big": "Infinity"}]}],
        "ignore": ["a", "b"],
    }
    pipeline = 'filter { mutate { add_field => { "big" => "%{a}" } } }'
    assert verdicts(directory, tests, pipeline) == ["passed testcase 1"]


def test_a_file_is_one_run(directory: Any) -> None:
    pipeline = 'filter { throttle { after_count => 1 period => 3600 key => "k" add_tag => ["over"] } }'
    tests = {"testcases": [{"input": ["a"], "expected": [{"message": "a"}]}, {"input": ["b"], "expected": [{"message": "b", "tags": ["over"]}]}]}
    assert verdicts(directory, tests, pipeline) == ["passed testcase 1", "passed testcase 2"]


def test_events_that_a_codec_holds_back_are_dealt_in_order(directory: Any) -> None:
    tests = {
        "codec": 'multiline { pattern => "^\\s" what => "previous" }',
        "ignore": ["tags"],
        "testcases": [
            {"input": ["a", " 1"], "expected": [{"message": "a\n 1"}]},
            {"input": ["b", " 2"], "expected": [{"message": "b\n 2"}]},
        ],
    }
    assert verdicts(directory, tests, "filter { }") == ["passed testcase 1", "passed testcase 2"]


DAEMON = """
input {
  stdin { id => "in" codec => json type => "web" tags => ["t"] }
  beats { id => "plain" port => 1 }
}
filter { if [message] == "drop" { drop { } } mutate { add_field => { "[@metadata][index]" => "logs" "[@metadata][__tmp_x]" => "y" } } }
output {
  file { id => "all" path => "/x" }
  if [message] == "two" { stdout { id => "second" } }
}
"""


def test_daemon_mode_goes_through_an_input_and_counts_outputs(directory: Any) -> None:
    tests = {
        "input_plugin": "in",
        "fields": {"global": "g", "over": "g"},
        "testcases": [
            {"input": ['{"message": "one"}'], "fields": {"over": "t", "n": 5},
             "expected": [{"message": "one", "type": "web", "tags": ["t"], "global": "g", "over": "t", "n": 5}]},
            {"input": ['{"message": "two"}', '{"message": "drop"}'],
             "expected": [{"message": "two", "type": "web", "tags": ["t"], "global": "g", "over": "g"}] * 2},
        ],
    }  # fmt: skip
    assert verdicts(directory, tests, DAEMON) == ["passed testcase 1", "passed testcase 2"]


@pytest.mark.parametrize("name", ["__lfv_out_passed", "_lfv_out_passed"])
def test_exported_outputs_and_metadata(directory: Any, name: str) -> None:
    metadata = {"@metadata": {"index": "logs"}}
    tests = {
        "input_plugin": "plain", "export_outputs": True, "export_metadata": True,
        "testcases": [{"input": ["two"], "expected": [{"message": "two", name: "all", **metadata}, {"message": "two", name: "second", **metadata}]}],
    }  # fmt: skip
    assert verdicts(directory, tests, DAEMON) == ["passed testcase 1"]


def test_exported_metadata_must_be_expected(directory: Any) -> None:
    tests = {"input_plugin": "plain", "export_metadata": True, "testcases": [{"input": ["x"], "expected": [{"message": "x"}]}]}
    assert verdicts(directory, tests, DAEMON) == ["failed testcase 1; @metadata must not be there"]


def test_a_case_without_input_is_an_event_of_fields(directory: Any) -> None:
    tests = {"input_plugin": "plain", "testcases": [{"fields": {"a": {"b": True}}, "expected": [{"a": {"b": True}}]}]}
    assert verdicts(directory, tests, DAEMON) == ["passed testcase 1"]


def test_an_input_that_is_not_there(directory: Any) -> None:
    tests = {"input_plugin": "other", "testcases": [{"input": ["x"], "expected": []}]}
    (result,) = directory.run(json.dumps(tests), DAEMON, name="p.test.json")
    assert result.problems[0].message == "unknown input with the id `other`"


def test_mocks_take_the_place_of_plugins_by_id(directory: Any) -> None:
    path: Path = directory.write(
        "mocks.yml",
        """
        - id: removeme
        - id: mockme
          mock: |
            mutate { replace => { "[message]" => "mocked" } }
        - id: output
          mock: |
            stdout {}
        - id: in another pipeline
        """,
    )
    pipeline = """
        filter {
          mutate { id => "removeme" add_tag => ["x"] }
          elasticsearch { id => "mockme" hosts => ["es"] }
        }
        output { pipeline { id => "output" send_to => "other" } }
    """
    tests = {"testcases": [{"input": ["input"], "expected": [{"message": "mocked"}]}]}
    assert verdicts(directory, tests, pipeline, mocks=mocks_of(path)) == ["passed testcase 1"]


def test_the_pipeline_is_given_or_stands_beside(directory: Any) -> None:
    directory.write("conf/a.conf", 'filter { mutate { add_tag => ["a"] } }')
    tests = json.dumps({"testcases": [{"input": ["x"], "expected": [{"message": "x", "tags": ["a"]}]}]})
    (only_one,) = directory.run(tests, name="conf/one.json")
    assert only_one.verdict == "passed"
    directory.write("conf/b.conf", 'filter { mutate { add_tag => ["b"] } }')
    (of_its_name,) = directory.run(tests, name="conf/a.json")
    assert of_its_name.verdict == "passed"
    suite = read_suite(directory.write("tests/a.json", tests), Extra(("conf/a.conf",)))
    assert [result.verdict for result in Runner().run(suite)] == ["passed"]


def test_keys_that_mean_nothing_are_passed_over_but_a_misspelt_one_is_warned_of(directory: Any) -> None:
    directory.write("a.conf", "filter { }")
    tests = {"$schema": "x", "comment": "y", "testcase": [], "testcases": [{"input": ["x"], "expected": [{"message": "x"}], "descripton": "z"}]}
    suite = read_suite(directory.write("a.json", json.dumps(tests)))
    assert [warning.help for warning in suite.warnings] == ["did you mean `testcases`?", "did you mean `description`?"]


CLONE = """input { stdin { } }
filter { clone { clones => ["copy"] ecs_compatibility => disabled } if [type] == "copy" { mutate { add_tag => ["c"] } } }
output { stdout { } }"""
ORIGINAL, COPY = {"message": "x"}, {"message": "x", "type": "copy", "tags": ["c"]}


@pytest.mark.parametrize(
    ("expected", "verdict"),
    [
        ([ORIGINAL, COPY], "passed"),
        ([COPY, ORIGINAL], "passed"),
        ([COPY, COPY], "failed"),
        ([COPY | {"tags": ["d"]}, ORIGINAL], "failed testcase 1; tags are not as expected"),
        ([COPY], "failed"),
    ],
)
def test_a_clone_may_come_before_its_original(directory: Any, expected: list[Any], verdict: str) -> None:
    tests = {"ignore": ["@timestamp"], "testcases": [{"input": ["x"], "expected": expected}]}
    (found,) = verdicts(directory, tests, CLONE)
    assert found.startswith(verdict)


def test_events_of_other_cases_are_not_taken(directory: Any) -> None:
    cases = [{"input": ["x"], "expected": [{"message": "y"}]}, {"input": ["y"], "expected": [{"message": "x"}]}]
    found = verdicts(directory, {"ignore": ["@timestamp"], "testcases": cases}, "input { stdin { } } filter { } output { stdout { } }")
    assert [each.partition(" ")[0] for each in found] == ["failed", "failed"]
