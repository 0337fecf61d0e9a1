"""Tests of pipelines in Python, and the pytest plugin."""
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.pipeline.testing.embedded import explained
from penstock.testing import event, pipeline

TEXT = """
input { tcp { id => "jsons" port => 1 codec => json type => "j" } }
filter { grok { match => { "message" => "^%{WORD:word} %{INT:[a][n]:int}$" } } if [word] == "gone" { drop { } } }
output { stdout { } if [a][n] > 5 { null { } } }
"""


def test_events_equal_what_is_expected_of_them() -> None:
    came = pipeline(TEXT, now="2025-09-04T12:00:00Z")("x 1", "gone 2", {"message": "y 7"})
    assert came == [
        event({"[a][n]": 1, "@timestamp": "2025-09-04T12:00:00Z"}, word="x", tags=[], outputs="stdout"),
        event(word={"matches": "^y"}, outputs=["stdout", "null"], absent=["[a][m]"]),
    ]
    assert came[0] != event(word="y")
    assert came[0] == event(message="x 1", word="x", a={"n": 1}, exact=True)
    assert came[0] != event(message="x 1", exact=True)
    assert came[0] == event(message="x 1", exact=True, ignore=["word", "[a]"])
    assert event(word="x") in came
    assert event(word="gone") not in came


def test_events_are_plain_data_with_references_and_outputs() -> None:
    (came,) = pipeline(TEXT)("x 7")
    assert came["word"] == "x"
    assert came["[a][n]"] == came["a"]["n"] == 7
    assert "[a][n]" in came
    assert "[a][m]" not in came
    assert came.outputs == ("stdout", "null")
    with pytest.raises(KeyError):
        came["[a][m]"]


def test_codecs_inputs_fields_and_files(tmp_path: Path) -> None:
    run = pipeline(TEXT)
    assert run('{"message": "x 1"}', codec="json") == [event(word="x", absent=["type"])]
    assert run('{"message": "x 1"}', through="jsons") == [event(word="x", type="j")]
    assert run("x 1", fields={"[b][c]": 1}) == [event({"[b][c]": 1})]
    (tmp_path / "lines").write_text("x 1\ny 2\n")
    assert run.file(tmp_path / "lines") == [event(word="x"), event(word="y")]


def test_equal_calls_give_the_same_pipeline_and_mocks_count() -> None:
    assert pipeline(TEXT) is pipeline(TEXT)
    assert pipeline(TEXT) is not pipeline(TEXT, now="2025-09-04T12:00:00Z")
    text = 'filter { dns { id => "d" resolve => ["a"] } mutate { add_field => { "e" => "${E}" } } }'
    assert pipeline(text, mocks={"d": None}, environment={"E": "x"})("m") == [event(e="x")]


def test_a_path_starts_at_the_directory_of_the_caller(tmp_path: Path) -> None:
    (tmp_path / "here.conf").write_text('filter { mutate { add_tag => ["here"] } }')
    scope: dict[str, Any] = {"__file__": str(tmp_path / "test_x.py")}
    exec("from penstock.testing import pipeline\ncame = pipeline('here.conf')('m')", scope)
    assert scope["came"] == [event(tags=["here"])]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: event({"[a": 1}), "brackets do not match"),
        (lambda: event(a={"matchs": "x"}), "did you mean `matches`?"),
        (lambda: event(outputz="x"), "did you mean `outputs`?"),
        (lambda: pipeline("none.conf"), "no configuration at"),
        (lambda: pipeline("filter { mutat { } }"), "did you mean `mutate`?"),
        (lambda: pipeline(TEXT)("x", through="beats"), "unknown input with the id `beats`"),
    ],
)
def test_what_is_wrong_is_said(make: Any, words: str) -> None:
    with pytest.raises(penstock.ConfigError, match=words.replace("?", r"\?")):
        make()


def test_what_differs_is_explained() -> None:
    came = pipeline(TEXT)("x 1", "y 2")
    assert explained(came, [event(word="x"), event({"[a][n]": "2"})]) == [
        "events are not as expected:",
        "event 2 (message 'y 2'):",
        "  [a][n] is not as expected",
        '    expected  "2"',
        "    got       2",
        "    → expected a string, found the type integer",
    ]
    assert (explained([event(word="x")], came) or [""])[0] == "1 events are expected, 2 came"
    assert (explained(came[0], event(word="z")) or [""])[0] == "the event is not as expected (message 'x 1'):"
    assert explained([1], [2]) is None


FILES = {
    "pipeline.conf": 'filter { grok { match => { "message" => "^%{INT:n:int}$" } } }',
    "p.test.yml": "pipeline: pipeline.conf\ntests:\n  - {name: a number, input: '1', expect: {n: 1}}\n"
    "  - {name: a failure, input: '1', expect: {n: 2}}\n  - {name: left out, input: '1', skip: for now, expect: 1}\n",
    "bad.test.yml": "pipelin: pipeline.conf\ntests: []\n",
    "old.test.json": '{"testcases": [{"input": ["1"], "expected": [{"message": "1", "n": 1}]}, {"input": ["2"], "expected": []}]}',
    "sub/test_it.py": "from penstock.testing import event\n\n\ndef test_fixture(penstock_pipeline):\n"
    "    came = penstock_pipeline('../pipeline.conf')('1')\n    assert came == [event(n=1)]\n    assert came == [event(n=3)]\n",
}  # fmt: skip


def test_pytest_collects_test_files_and_explains_events(directory: Any) -> None:
    for name, text in FILES.items():
        directory.write(name, text)
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", "--color=no", "--continue-on-collection-errors"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "did you mean `pipeline`?" in done.stdout
    assert "PASSED p.test.yml::a number" in done.stdout
    assert "FAILED p.test.yml::a failure" in done.stdout
    assert "SKIPPED" in done.stdout
    assert "FAIL a failure  p.test.yml:4\n  event 1  \"1\"\n    n is not as expected\n      expected  2\n      got       1" in done.stdout
    assert "PASSED old.test.json::testcase 1" in done.stdout
    assert "FAILED old.test.json::testcase 2" in done.stdout
    assert "E         event 1 (message '1'):\nE           n is not as expected\nE             expected  3" in done.stdout
    assert "3 failed, 2 passed, 1 skipped, 1 error" in done.stdout
    assert "FAILED p.test.yml::a failure - n is not as expected\n" in done.stdout


def test_a_pipeline_that_does_not_compile_shows_the_call_and_no_frame_of_ours(directory: Any) -> None:
    directory.write("test_it.py", "from penstock.testing import pipeline\n\n\ndef test_it(penstock_pipeline):\n    penstock_pipeline('filter { grk { } }')\n\n\ndef test_too():\n    pipeline('filter { grk { } }')\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "did you mean `grok`?" in done.stdout
    assert "test_it.py:5: ConfigError" in done.stdout
    assert "test_it.py:9: ConfigError" in done.stdout
    assert "embedded.py" not in done.stdout
    assert "pytest_plugin.py" not in done.stdout
