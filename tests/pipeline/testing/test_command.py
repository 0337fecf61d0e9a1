"""``penstock test`` as a command: what is found, chosen, reported, and with which exit code."""
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main
from penstock.pipeline.testing.discovery import chosen, find
from penstock.pipeline.testing.session import Plan, run

PIPELINE = 'filter { grok { match => { "message" => "^%{INT:n:int}$" } } } output { stdout { } }'
PASSES = "pipeline: ../pipeline.conf\ntests:\n  - {name: a number, input: '1', expect: {n: 1}}\n  - {name: later, input: x, skip: not yet, expect: 1}\n"
FAILS = "pipeline: ../pipeline.conf\ntests:\n  - {name: first, input: '1', expect: {n: 2}}\n  - {name: second, input: '1', expect: {n: 1}}\n"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["test", *arguments])


@pytest.fixture
def tests(directory: Any) -> Any:
    """A directory with a file that passes and one that fails."""
    directory.write("pipeline.conf", PIPELINE)
    directory.write("a/passes.test.yml", PASSES)
    directory.write("b/fails.test.json", json.dumps({"pipeline": "../pipeline.conf", "tests": [{"name": "j", "input": "1", "expect": {"n": 2}}]}))
    directory.write("b/fails.test.yaml", FAILS)
    directory.write("b/other.yml", "no: test")
    directory.write(".hidden/x.test.yml", "not: read")
    return directory


def test_all_tests_below_a_directory_are_run(tests: Any) -> None:
    done = invoke()
    assert done.exit_code == 1
    assert "✓ a/passes.test.yml  1 passed, 1 skipped" in done.output
    assert "✗ b/fails.test.yaml  1 passed, 1 failed" in done.output
    assert "FAIL first  b/fails.test.yaml:3" in done.output
    assert "2 passed, 2 failed, 1 skipped of 5 tests in 3 files" in done.output


def test_the_exit_code_says_whether_tests_failed_or_none_was_found(tests: Any) -> None:
    assert invoke("a").exit_code == 0
    assert invoke("b").exit_code == 1
    assert invoke("none").exit_code == 1
    empty = Path("empty")
    empty.mkdir()
    assert invoke("empty").exit_code == 2
    assert "NAME.test.yml" in invoke("empty").output
    assert invoke("-k", "nothing has this").exit_code == 2


def test_a_file_that_cannot_be_read_is_shown_and_the_others_are_run(tests: Any) -> None:
    tests.write("a/bad.test.yml", "pipelin: x\ntests: []")
    done = invoke("a")
    assert done.exit_code == 1
    assert "ERROR the test file  a/bad.test.yml" in done.stdout
    assert "did you mean `pipeline`?" in done.stdout
    assert "1 passed, 1 in error, 1 skipped of 3 tests in 2 files" in done.stdout
    assert json.loads(invoke("a", "--json").stdout)["tests"][0]["problems"][0]["code"] == "E402"


def test_a_pipeline_that_cannot_be_run_is_shown_once(tests: Any) -> None:
    tests.write("pipeline.conf", "filter { mutat { } }")
    output = invoke("b/fails.test.yaml").stdout
    assert output.count("did you mean `mutate`?") == 1
    assert "ERROR second  b/fails.test.yaml:4\n    as above: unknown filter `mutat`\n" in output


def test_choosing_by_name(tests: Any) -> None:
    assert "1 passed of 1 test" in invoke("-k", "second").output
    assert "1 passed, 1 failed of 2 tests" in invoke("-k", "first or number").output


@pytest.mark.parametrize(
    ("expression", "names"),
    [("ab", ["ab", "abc"]), ("AB and c", ["abc"]), ("not b", ["a"]), ("c or not b", ["a", "abc"]), ("a and not c", ["a", "ab"])],
)
def test_an_expression_chooses_tests_by_their_names(expression: str, names: list[str]) -> None:
    wanted = chosen(expression)
    assert [name for name in ("a", "ab", "abc") if wanted(name)] == names


def test_stopping_at_the_first_failure(tests: Any) -> None:
    assert "1 failed of 1 test in 1 file" in invoke("-x", "b/fails.test.yaml", "a").output


def test_what_failed_comes_first(tests: Any) -> None:
    invoke()
    output = invoke("--failed-first", "-v").output
    assert output.index("first") < output.index("a number")
    tests.write("b/fails.test.yaml", FAILS.replace("n: 2", "n: 1").replace("expect: {n: 1}", "expect: {n: 1}"))
    invoke("b/fails.test.yaml")
    again = invoke("--failed-first", "-v").output
    assert again.index("b/fails.test.json") < again.index("a/passes.test.yml") < again.index("b/fails.test.yaml")


def test_verbose_and_quiet(tests: Any) -> None:
    assert "passed   a/passes.test.yml: a number\nskipped  a/passes.test.yml: later (not yet)" in invoke("-v", "a").output
    assert invoke("-q", "a").output.count("\n") == 1


def test_results_as_json_say_what_differs_and_who_is_to_blame(tests: Any) -> None:
    done = invoke("--json", "--cov")
    data = json.loads(done.stdout)
    assert data["summary"] == {"passed": 2, "failed": 2, "error": 0, "skipped": 1}
    failed = next(test for test in data["tests"] if test["name"] == "first")
    assert failed["file"] == "b/fails.test.yaml"
    (difference,) = failed["differences"]
    assert (difference["field"], difference["expected"], difference["got"]) == ("n", "2", "1")
    assert difference["blame"] == {"message": "`grok` set it", "file": "b/../pipeline.conf", "line": 1, "column": 10}
    assert failed["events"][0]["event"]["n"] == 1
    assert failed["events"][0]["outputs"] == ["stdout"]
    assert data["coverage"]["percent"] == 100


def test_results_as_junit_have_a_suite_for_each_file(tests: Any) -> None:
    invoke("--junit", "out/junit.xml")
    root = ElementTree.parse("out/junit.xml").getroot()
    assert root.attrib | {"time": ""} == {"name": "penstock", "tests": "5", "failures": "2", "errors": "0", "skipped": "1", "time": ""}
    assert [suite.get("name") for suite in root] == ["a/passes.test.yml", "b/fails.test.json", "b/fails.test.yaml"]
    case = root[2][0]
    assert (case.get("classname"), case.get("name"), case.get("line")) == ("fails", "first", "3")
    assert case[0].get("message") == "n is not as expected: expected 2, got 1"
    assert "got       1" in (case[0].text or "")


def test_coverage_on_the_command_line(tests: Any) -> None:
    done = invoke("a", "--cov", "--cov-html", "cov/index.html", "--cov-json", "cov.json", "--cov-fail-under", "100")
    assert done.exit_code == 0
    assert "coverage: 100 % (3 of 3 places)" in done.output
    assert Path("cov/index.html").read_text().startswith("<!doctype html>")
    assert json.loads(Path("cov.json").read_text())["percent"] == 100
    tests.write("pipeline.conf", PIPELINE.replace("filter {", "filter { if [x] { drop { } }"))
    short = invoke("a", "--cov-fail-under", "90")
    assert (short.exit_code, "less than 90 %" in short.stderr) == (1, True)


def test_mutation_on_the_command_line(tests: Any) -> None:
    done = invoke("a", "--mutate")
    assert done.exit_code == 1
    assert "no test fails with the output `stdout` left out" in done.output
    assert "3 of 4 changes were noticed; 1 holes" in done.output
    assert "changes were noticed" not in invoke("b", "--mutate").output, "tests that fail cannot tell"


def test_the_configuration_settings_and_mocks_of_the_command_line(tests: Any) -> None:
    tests.write("other.conf", 'filter { mutate { add_field => { "n" => 1 } convert => { "n" => "integer" } } mutate { id => mock1 replace => { "n" => "x" } } }')
    tests.write("mocks.yml", "- id: mock1\n- id: nowhere\n")
    assert invoke("-f", "other.conf", "a").exit_code == 1
    tests.write("c/lfv.json", json.dumps({"testcases": [{"input": ["m"], "expected": [{"message": "m", "n": "1"}]}]}))
    assert "1 passed" in invoke("-f", "other.conf", "--mock", "mocks.yml", "c").output
    assert invoke("c").exit_code == 2
    assert "unknown setting" in invoke("-S", "penstock.noww=1", "a").stderr


def test_files_are_found_once_and_in_order(tests: Any) -> None:
    found = find(["b", "a", "b/fails.test.yaml"], foreign=False)
    assert [str(path) for path in found] == ["b/fails.test.json", "b/fails.test.yaml", "a/passes.test.yml"]


def test_files_shared_out_among_processes_give_the_same(tests: Any) -> None:
    files = tuple(tests.write(f"many/{n}.test.yml", PASSES if n % 2 else FAILS) for n in range(6))
    alone, shared = ([(d.path, [r.verdict for r in d.results], d.coverage.counts) for d in run(Plan(files, jobs=jobs, coverage=True))] for jobs in (1, 2))
    assert alone == shared


def test_a_thousand_rows_are_a_thousand_cases(tests: Any) -> None:
    rows = "".join(f"      - ['{n}', {n}]\n" for n in range(1000))
    tests.write("a/many.test.yml", f"pipeline: ../pipeline.conf\ntests:\n  - name: numbers\n    columns: [input, n]\n    rows:\n{rows}")
    assert "1000 passed" in invoke("a/many.test.yml").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-k", "nosuch"], "no test has `nosuch` in its name (5 tests)"),
        (["-k", "number and"], "`number and`: words are missing beside `and`, `or` or `not`"),
        (["-k", "or"], "words are missing"),
        (["-k", "not"], "words are missing"),
        (["-k", "a and or b"], "words are missing"),
    ],
)
def test_an_expression_that_means_no_test_is_a_wrong_call(arguments: list[str], says: str, tests: Any) -> None:
    done = invoke(*arguments)
    assert (done.exit_code, says in done.output) == (2, True), done.output


def test_a_file_without_tests_is_a_wrong_call(directory: Any) -> None:
    directory.write("x.test.yml", "pipeline: filter { }\ntests: []\n")
    done = invoke()
    assert (done.exit_code, "the test files have no tests" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("expression", "name", "meant"),
    [
        ("one", "number ONE", True),
        ("number one", "number one", True),
        ("not one", "two", True),
        ("not not one", "two", False),
        ("one and not two", "one", True),
        ("one and not two", "one two", False),
        ("one or two and three", "one", True),
        ("one or two and three", "two", False),
        ("order", "order", True),
        ("android", "android", True),
    ],
)
def test_words_choose_tests(expression: str, name: str, meant: bool) -> None:
    assert chosen(expression)(name) is meant


def test_a_configuration_is_not_taken_for_a_test_file(tests: Any) -> None:
    done = invoke("pipeline.conf")
    assert (done.exit_code, "`pipeline.conf` is not a test file" in done.output) == (1, True)


def test_failures_are_listed_at_the_end_with_their_reasons(tests: Any) -> None:
    tests.write("pipeline.conf", "filter { }")
    *_, first, second, third, fourth, _ = invoke().stdout.splitlines()
    assert first == "FAIL a/passes.test.yml:3  a number  n is missing"
    assert [line.partition("  ")[0] for line in (second, third, fourth)] == ["FAIL b/fails.test.json:1", "FAIL b/fails.test.yaml:3", "FAIL b/fails.test.yaml:4"]


def test_many_failures_of_one_cause_are_told_in_full_a_few_times(directory: Any) -> None:
    directory.write("pipeline.conf", "filter { mutate { add_tag => no } if [message] == 'x' { mutate { replace => { message => gone } } } }")
    cases = "".join(f"  - {{name: t{n}, input: x, expect: {{message: x}}}}\n" for n in range(60))
    directory.write("x.test.yml", "pipeline: pipeline.conf\ntests:\n" + cases)
    output = invoke("x.test.yml").stdout
    assert output.count("pipeline.conf:1:") == 5
    assert output.count("replace =>") == 1
    assert output.count("as above: message is not as expected") == 55
    assert len(output.splitlines()) < 280
    assert output.count("FAIL x.test.yml:") == 60


def test_nothing_is_mutated_while_a_test_fails(tests: Any) -> None:
    done = invoke("--mutate")
    assert (done.exit_code, "not mutated: 2 tests fail" in done.output) == (1, True)


def test_watching_has_no_letter_of_its_own(tests: Any) -> None:
    assert invoke("-w").exit_code == 2


def test_an_output_that_has_no_id_is_said_to_need_one(tests: Any) -> None:
    tests.write("pipeline.conf", "output {\n  file { path => aa }\n  file { path => bb }\n}")
    tests.write("o.test.yml", "pipeline: pipeline.conf\ntests: [{name: t, input: x, outputs: ['file:7']}]")
    assert "an output that has an id keeps its name when lines move" in invoke("o.test.yml").output
