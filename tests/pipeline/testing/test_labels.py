"""The names by which traces, tests, mocks and coverage tell plugins apart."""
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from penstock.dsl.parser import parse
from penstock.dsl.source import Source
from penstock.pipeline.commands.main import main
from penstock.pipeline.testing.cases import Given, Setup
from penstock.pipeline.testing.harness import Harness

TWICE = "output {\n  file { path => aa }\n}\n"


def outputs_of(*files: tuple[str, str]) -> list[str]:
    """The labels of the outputs of a pipeline."""
    return list(Harness(Setup((), "", {}, {}, {}), [Source(name, text) for name, text in files]).outputs)


@pytest.mark.parametrize(
    ("files", "labels"),
    [
        pytest.param([("a.conf", "output { file { path => aa } stdout { } }")], ["file", "stdout"], id="names, where they are the only ones"),
        pytest.param([("a.conf", "output {\n file { path => aa }\n file { path => bb } }")], ["file:2", "file:3"], id="lines of one file"),
        pytest.param([("a.conf", "output { file { path => aa } file { path => bb } }")], ["file:1:10", "file:1:30"], id="columns of one line"),
        pytest.param([("10-a.conf", TWICE), ("20-b.conf", TWICE)], ["file:10-a.conf:2", "file:20-b.conf:2"], id="files of a directory"),
        pytest.param([("a/x.conf", TWICE), ("b/x.conf", TWICE)], ["file:a/x.conf:2", "file:b/x.conf:2"], id="files of one name"),
        pytest.param(
            [("a.conf", "output { file { path => aa } file { path => bb } }"), ("b.conf", TWICE)],
            ["file:a.conf:1:10", "file:a.conf:1:30", "file:b.conf:2:3"],
            id="columns and files",
        ),
        pytest.param([("a.conf", "output { file { id => stdout path => aa } stdout { } }")], ["stdout", "stdout:1"], id="a name that is another one's id"),
        pytest.param([("a.conf", TWICE), ("a.conf", TWICE)], ["file:a.conf:2:3#1", "file:a.conf:2:3#2"], id="the same file twice"),
    ],
)
def test_each_output_has_a_label_of_its_own(files: list[tuple[str, str]], labels: list[str]) -> None:
    assert outputs_of(*files) == labels


def test_an_edit_of_one_file_renames_nothing_in_another() -> None:
    before = outputs_of(("10.conf", TWICE), ("20.conf", TWICE))
    after = outputs_of(("10.conf", "# all\n\n" + TWICE), ("20.conf", TWICE))
    assert before[1] == after[1] == "file:20.conf:2"


@pytest.fixture
def conf_d(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory of small files, two of which have an output on the same line."""
    monkeypatch.chdir(tmp_path)
    Path("00-in.conf").write_text("input { stdin { } }")
    Path("10-all.conf").write_text('# all\noutput {\n  file { path => "all.json" }\n}\n')
    Path("20-audit.conf").write_text('output { if "audit" in [tags] {\n\n  file { path => "audit.json" }\n} }\n')


def invoke(*arguments: str, stdin: str = "") -> Any:
    return CliRunner().invoke(main, arguments, input=stdin)


@pytest.mark.usefixtures("conf_d")
def test_a_trace_names_the_output_that_an_event_goes_to() -> None:
    assert "goes to file:10-all.conf:3\n" in invoke("trace", "-f", "*.conf", stdin="hello\n").output


@pytest.mark.usefixtures("conf_d")
@pytest.mark.parametrize(("outputs", "verdict"), [("[]", 1), ("['file:10-all.conf:3']", 0), ("['file:20-audit.conf:3']", 1)])
def test_a_test_knows_which_of_two_outputs_took_an_event(outputs: str, verdict: int) -> None:
    Path("a.test.yml").write_text(f"pipeline: '*.conf'\ntests: [{{name: t, input: hello, outputs: {outputs}}}]\n")
    assert invoke("test", "a.test.yml").exit_code == verdict


@pytest.mark.usefixtures("conf_d")
def test_coverage_names_the_output_that_no_event_came_to() -> None:
    Path("a.test.yml").write_text("pipeline: '*.conf'\ntests: [{name: t, input: hello, expect: 1}]\n")
    invoke("test", "a.test.yml", "--cov-json", "cov.json")
    points = [(p["label"], p["events"]) for file in json.loads(Path("cov.json").read_text())["files"].values() for p in file["points"] if "label" in p]
    assert ("file:10-all.conf:3", 1) in points
    assert ("file:20-audit.conf:3", 0) in points


def test_a_mock_stands_for_one_of_two_filters_on_a_line() -> None:
    source = Source("a.conf", "filter { mutate { add_tag => one } mutate { add_tag => two } }")
    assert len(parse(source).sections[0].body) == 2
    harness = Harness(Setup((), "", {}, {}, {"mutate:1:10": "mutate { add_tag => mocked }"}), [source])
    (event,) = harness.run(Given(("x",))).events
    assert event["tags"] == ["mocked", "two"]
