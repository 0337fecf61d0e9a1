"""Test files that are run: what goes in, what is compared, where events go."""
from typing import Any

import pytest

PIPELINE = r"""
input {
  stdin { id => lines type => web tags => ["in"] add_field => { "from" => "stdin" } }
  tcp { id => jsons port => 1 codec => json }
}
filter {
  if [message] =~ /^#/ { drop { } }
  grok { match => { "message" => "^%{WORD:kind} %{INT:number:int}(?: %{GREEDYDATA:[rest][text]})?$" } }
  if [kind] == "twice" { mutate { id => split split => { "message" => " " } } }
}
output {
  elasticsearch { id => archive hosts => ["es"] }
  if [number] > 5 { email { to => "me@example.org" } }
}
"""
HEAD = """
pipeline: pipeline.conf
settings: {now: 2025-09-04T12:00:00Z}
tests:
"""


def verdict(directory: Any, tests: str) -> str:
    """The verdict of one test."""
    (result,) = directory.run(HEAD + tests, PIPELINE)
    return f"{result.verdict}: " + "; ".join(f"{d.field} {d.message}".strip() for d in result.differences) if result.bad else "passed"


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        pytest.param("{input: one 1, expect: {kind: one, number: 1}}", "passed", id="some fields"),
        pytest.param("{input: one 1, expect: {kind: two}}", "failed: kind is not as expected", id="another value"),
        pytest.param("{input: one 1, expect: {number: '1'}}", "failed: number is not as expected", id="another type"),
        pytest.param("{input: one 1, expect: {number: 1.0}}", "passed", id="integers and floats are numbers"),
        pytest.param("{input: one 1, expect: {'[rest][text]': x}}", "failed: [rest][text] is missing", id="a missing field"),
        pytest.param("{input: one 1 x y, expect: {rest: {text: x y}}}", "passed", id="a map, some of it"),
        pytest.param("{input: one 1, expect: {absent: '[rest]'}}", "passed", id="an absent field"),
        pytest.param("{input: one 1 x, expect: {absent: ['[rest][text]']}}", "failed: [rest][text] must not be there", id="a field that should not be"),
        pytest.param("{input: one 1, expect: {tags: []}}", "passed", id="no tags, no field"),
        pytest.param("{input: one, expect: {tags: []}}", "failed: tags are not as expected", id="tags that should not be"),
        pytest.param("{input: one, expect: {tags: _grokparsefailure}}", "passed", id="one tag as a text"),
        pytest.param("{input: '# a', expect: []}", "passed", id="no events"),
        pytest.param("{input: one 1, expect: []}", "failed: expected no event, got 1; this event was not expected", id="an event too many"),
        pytest.param("{input: '# a', expect: {kind: one}}", "failed: expected 1 event, got none; expected event 1 did not come", id="none came"),
        pytest.param("{input: [one 1, '# a', one 2], expect: 2}", "passed", id="the number of events"),
        pytest.param("{input: one 1, expect: 2}", "failed: expected 2 events, got 1", id="another number of events"),
        pytest.param("{input: [one 1, two 2], each: {number: {at_most: 2}}}", "passed", id="what holds for each"),
        pytest.param("{input: [one 1, two 2], each: {kind: one}}", "failed: kind is not as expected", id="what does not"),
        pytest.param("{input: [one 1, two 2], expect: [{kind: one}, {kind: two}]}", "passed", id="events in order"),
        pytest.param("{input: one 1, outputs: archive}", "passed", id="one output"),
        pytest.param("{input: one 9, outputs: [archive, email]}", "passed", id="an output by its name"),
        pytest.param("{input: one 9, expect: {outputs: [archive]}}", "failed: outputs routed to other outputs", id="an output too many"),
        pytest.param("{input: one 1, expect: {outputs: []}}", "failed: outputs routed to other outputs", id="no output"),
        pytest.param("{input: one 1, outputs: archve}", "error: ", id="no such output"),
        pytest.param("{input: {message: one 7, a: {b: 1}}, expect: {number: 7, '[a][b]': 1}}", "passed", id="an event"),
        pytest.param("{input: {'[a][b]': 1}, expect: {a: {b: 1}}}", "passed", id="an event with references"),
        pytest.param("{input: {'@timestamp': 2025-01-01}, expect: {'@timestamp': 2025-01-01T00:00:00Z}}", "passed", id="an instant"),
        pytest.param("{input: one 1, fields: {'[a][b]': 1}, expect: {'[a][b]': 1}}", "passed", id="fields on arrival"),
        pytest.param('{input: \'{"message": "one 7"}\', codec: json, expect: {number: 7}}', "passed", id="a codec"),
        pytest.param("{input: ['one 1\\n', one 2], codec: line, expect: 2}", "passed", id="lines by a codec"),
        pytest.param(
            "{input: [one 1, '  more'], codec: 'multiline { pattern => \"^\\s\" what => previous }', expect: 1}", "passed", id="codec options",
        ),
        pytest.param("{input: one 1, codec: nothing, expect: 1}", "error: ", id="no such codec"),
        pytest.param("{input: one 1, from: lines, expect: {type: web, tags: [in], from: stdin}}", "passed", id="through an input"),
        pytest.param('{input: \'{"message": "one 7"}\', from: jsons, expect: {number: 7}}', "passed", id="through an input's codec"),
        pytest.param("{input: one 1, from: nowhere, expect: 1}", "error: ", id="no such input"),
        pytest.param("{input: \"a'b\\n\", expect: {message: \"a'b\"}}", "passed", id="an end of line is none of the message"),
        pytest.param("{input: x, skip: later, expect: 7}", "passed", id="a test that is left out"),
    ],
)  # fmt: skip
def test_a_test_has_this_verdict(directory: Any, tests: str, expected: str) -> None:
    assert verdict(directory, "  - {name: a, " + tests[1:]) == expected


@pytest.mark.parametrize(
    ("expect", "expected"),
    [
        ("kind: one, number: 1, message: one 1", "passed"),
        ("kind: one, message: one 1", "failed: number is not expected"),
        ("kind: one, number: 1, message: one 1, more: 1", "failed: more is missing"),
        ("'@version': '1', '@timestamp': 2025-09-04T12:00:00Z, kind: one, number: 1, message: one 1", "passed"),
        ("event: {original: one 1}, kind: one, number: 1, message: one 1", "passed"),
    ],
)
def test_the_whole_event_without_what_all_events_have(directory: Any, expect: str, expected: str) -> None:
    assert verdict(directory, f"  - {{name: a, input: one 1, exact: true, expect: {{{expect}}}}}") == expected
    assert verdict(directory, f"  - {{name: a, input: one 1, expect: {{exact: {{{expect}}}}}}}") == expected


def test_what_is_ignored_in_the_whole_event(directory: Any) -> None:
    given = "input: one 1 x, exact: true, ignore: ['[rest][text]', number], expect: {kind: one, message: {contains: one}}"
    assert verdict(directory, f"  - {{name: a, {given}}}") == "passed"


@pytest.mark.parametrize(
    ("matcher", "fitting", "others"),
    [
        ('{matches: "^GET"}', ["GET /"], ["POST GET", 5]),
        ("{contains: ET}", ["GET"], ["PUT", 5]),
        ("{contains: 1}", [[1, 2]], [[2], "1"]),
        ("{contains: [a, b]}", [["b", "c", "a"]], [["a"]]),
        ("{above: 5}", [6, 5.5], [5, "6"]),
        ("{below: 5}", [4], [5]),
        ("{at_least: 5}", [5], [4.9]),
        ("{at_most: 5}", [5], [6]),
        ("{above: 1, below: 3}", [2], [1, 3]),
        ("{between: [1, 3]}", [1, 3], [0, 4]),
        ("{above: b}", ["c"], ["a", 5]),
        ("{one_of: [a, 1]}", ["a", 1, 1.0], ["b", "1", True]),
        ("{not: a}", ["b", 1], ["a"]),
        ("{is_a: integer}", [1], [1.0, "1", True]),
        ("{is_a: number}", [1, 1.5], ["1"]),
        ("{is_a: boolean}", [True], ["true", 1]),
        ("{is_a: map}", [{}], [[]]),
        ("{has_length: 2}", ["ab", [1, 2], {"a": 1, "b": 2}], ["a", 2]),
        ("{exists: true}", [1, ""], []),
        ("{equals: {matches: 1}}", [{"matches": 1}], [{"matches": 2}, 1]),
        ("{a: {above: 1}}", [{"a": 2, "b": 1}], [{"a": 1}, {"b": 2}]),
        ("[{above: 1}, 2]", [[2, 2]], [[2], [2, 2, 2], [1, 2]]),
        ("null", [None], [0, ""]),
        ("true", [True], [1, "true"]),
    ],
)
def test_a_matcher_fits_these_values_and_no_others(directory: Any, matcher: str, fitting: list[Any], others: list[Any]) -> None:
    import json

    inputs = [json.dumps({"f": value}) for value in (*fitting, *others)]
    tests = "".join(f"  - {{name: a, input: {given}, expect: {{f: {matcher}}}}}\n" for given in inputs)
    results = directory.run(HEAD + tests, PIPELINE)
    assert [result.verdict for result in results] == ["passed"] * len(fitting) + ["failed"] * len(others)


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [("{exists: false}", "passed"), ("{exists: true}", "failed"), ("{not: a}", "failed"), ("null", "failed")],
)
def test_matchers_of_a_field_that_is_not_there(directory: Any, matcher: str, expected: str) -> None:
    (result,) = directory.run(HEAD + f"  - {{name: a, input: x, expect: {{f: {matcher}}}}}", PIPELINE)
    assert result.verdict == expected


def test_timestamps_are_compared_as_instants(directory: Any) -> None:
    stamp = "'@timestamp'"
    tests = "".join(
        f"  - {{name: a, input: {{'@timestamp': 2025-09-04T20:51:05.000Z}}, expect: {{{stamp}: {want}}}}}\n"
        for want in (
            "2025-09-04T22:51:05+02:00", "{above: 2025-09-04}", "{between: [2025-09-04T20:51:05Z, 2025-09-05]}", "{is_a: timestamp}",
            "2025-09-04T20:51:06Z",
        )
    )  # fmt: skip
    assert [result.verdict for result in directory.run(HEAD + tests, PIPELINE)] == ["passed"] * 4 + ["failed"]


def test_a_file_is_read_line_by_line_or_by_a_codec(directory: Any) -> None:
    directory.write("lines.log", "one 1\n# left out\ntwo 2")
    directory.write("events.log", '{"message": "one 1"}\n{"message": "two 2"}\n')
    tests = """
      - {name: lines, file: lines.log, expect: [{kind: one}, {kind: two}]}
      - {name: json, file: events.log, codec: json, expect: [{kind: one}, {kind: two}]}
      - {name: none, file: none.log, expect: []}
    """
    results = directory.run(HEAD.lstrip() + tests.replace("\n      ", "\n  "), PIPELINE)
    assert [result.verdict for result in results] == ["passed", "passed", "error"]
    assert "none.log" in results[2].problems[0].message


def test_rows_are_cases_of_their_own(directory: Any) -> None:
    tests = """
tests:
  - name: kinds
    columns: [input, kind, outputs]
    rows:
      - [one 1, one, archive]
      - [two 7, two, [archive, email]]
      - {name: by titles, input: three 3, kind: three, tags: []}
      - [four 4, five, archive]
  - name: one field of an event
    input: {message: one 1, other: x}
    columns: ["input [message]", number]
    rows: [[a 5, 5], [a 6, 6]]
"""
    results = directory.run("pipeline: pipeline.conf\n" + tests, PIPELINE)
    assert [(result.name, result.verdict) for result in results] == [
        ("kinds: one 1", "passed"),
        ("kinds: two 7", "passed"),
        ("kinds: by titles", "passed"),
        ("kinds: four 4", "failed"),
        ("one field of an event: a 5", "passed"),
        ("one field of an event: a 6", "passed"),
    ]
    assert results[3].span is not None
    assert results[3].span.line == 10


def test_cases_do_not_see_each_other(directory: Any) -> None:
    pipeline = 'filter { throttle { before_count => -1 after_count => 1 period => 60 key => "k" add_tag => ["over"] } }'
    tests = """
        pipeline: pipeline.conf
        tests:
          - {name: two, input: [a, b], expect: [{tags: []}, {tags: over}]}
          - {name: again, input: [a, b], expect: [{tags: []}, {tags: over}]}
    """
    assert [result.verdict for result in directory.run(tests, pipeline)] == ["passed", "passed"]


def test_settings_variables_and_mocks_of_a_test_go_over_those_of_the_file(directory: Any) -> None:
    pipeline = 'filter { mutate { id => mm add_field => { "region" => "${REGION}" } } }'
    tests = """
        pipeline: pipeline.conf
        settings: {now: 2025-01-01T00:00:00Z}
        environment: {REGION: eu}
        tests:
          - {name: file, input: a, expect: {region: eu, "@timestamp": 2025-01-01T00:00:00.000Z, "[event][original]": a}}
          - {name: own, input: a, environment: {REGION: us}, settings: {now: 2025-01-02T00:00:00Z},
             expect: {region: us, "@timestamp": 2025-01-02T00:00:00.000Z}}
          - {name: no ecs, input: a, settings: {ecs_compatibility: disabled}, expect: {absent: event}}
          - {name: mock, input: a, mocks: {mm: null}, expect: {absent: region}}
    """
    assert [(r.verdict, r.differences) for r in directory.run(tests, pipeline)] == [("passed", [])] * 4


def test_the_pipeline_may_be_text_a_directory_or_several(directory: Any) -> None:
    directory.write("conf/1.conf", 'filter { mutate { add_tag => ["one"] } }')
    directory.write("conf/2.conf", 'filter { mutate { add_tag => ["two"] } }')
    wanted = "tests: [{name: a, input: x, expect: {tags: [one, two]}}]"
    for pipeline in ("conf", "conf/*.conf", "[conf/1.conf, conf/2.conf]", "'filter { mutate { add_tag => [\"one\", \"two\"] } }'"):
        (result,) = directory.run(f"pipeline: {pipeline}\n{wanted}")
        assert result.verdict == "passed", pipeline


@pytest.mark.parametrize(
    ("pipeline", "words"),
    [("none.conf", "no configuration at"), ("'filter { mutat { } }'", "did you mean `mutate`?")],
)
def test_a_pipeline_that_cannot_be_run_is_an_error(directory: Any, pipeline: str, words: str) -> None:
    (result,) = directory.run(f"pipeline: {pipeline}\ntests: [{{name: a, input: x, expect: 1}}]")
    assert result.verdict == "error"
    assert words in f"{result.problems[0].message}; {result.problems[0].help}"


def test_inputs_and_outputs_need_not_exist_nor_have_their_files(directory: Any) -> None:
    pipeline = """
        input { jdbc { jdbc_driver_library => "/nowhere.jar" codec => strange { a => 1 } } }
        filter { mutate { add_tag => ["x"] } }
        output { file { path => "/nowhere/at/all" } kafka { topic_id => "t" } my_output { a => { "b" => 1 } } }
    """
    tests = "pipeline: pipeline.conf\ntests: [{name: a, input: x, expect: {tags: x}, outputs: [file, kafka, my_output]}]"
    (result,) = directory.run(tests, pipeline)
    assert (result.verdict, result.problems, result.differences) == ("passed", (), [])


def test_a_filter_that_raises_is_named_with_the_failure(directory: Any) -> None:
    pipeline = 'filter { mutate { replace => { "[message][a]" => "x" } } }'
    (result,) = directory.run("pipeline: pipeline.conf\ntests: [{name: a, input: x, expect: {tags: []}}]", pipeline)
    assert result.verdict == "failed"


KEEPING = {
    "aggregate": """grok { match => { "message" => "%{WORD:id}" } }
        aggregate { task_id => "%{id}" code => 'map["n"] ||= 0; map["n"] += 1; event.set("n", map["n"])' }
        if [n] == 2 { mutate { add_field => { kept => yes } } }""",
    "elapsed": """mutate { add_tag => ["%{message}"] add_field => { id => 1 } }
        elapsed { start_tag => start end_tag => end unique_id_field => id }
        if "elapsed" in [tags] { mutate { add_field => { kept => yes } } }""",
    "throttle": """mutate { add_field => { id => 1 } }
        throttle { key => "%{id}" after_count => 1 add_field => { kept => yes } }""",
}


@pytest.mark.parametrize("name", KEEPING)
def test_no_case_sees_what_a_filter_kept_of_the_case_before(name: str, directory: Any) -> None:
    second = "end" if name == "elapsed" else "start"
    apart = f"- {{name: one, input: start, each: {{absent: kept}}}}\n- {{name: two, input: {second}, each: {{absent: kept}}}}\n"
    together = f"- {{name: three, input: [start, {second}], expect: [{{}}, {{kept: 'yes'}}]}}\n"
    results = directory.run("pipeline: pipeline.conf\ntests:\n" + apart + together, f"filter {{ {KEEPING[name]} }}")
    assert [result.verdict for result in results] == ["passed"] * 3, [(result.problems, result.differences) for result in results]
