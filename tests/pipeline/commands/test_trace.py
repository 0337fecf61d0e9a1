"""``penstock trace``: the steps of events, as text and as JSON."""
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main

PIPELINE = """input { tcp { id => "jsons" port => 1 codec => json type => "j" } }
filter {
  if [message] == "gone" { drop { } }
  grok { id => "take_apart" match => { "message" => "^%{WORD:word} %{INT:[a][n]:int}$" } }
  if [a][n] > 5 {
    mutate { add_tag => ["big"] remove_field => ["[a][n]"] }
  } else if [word] == "two" {
    clone { clones => ["copy"] }
  } else {
    mutate { replace => { "word" => "three" } }
  }
}
output { stdout { } if "big" in [tags] { null { } } }
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory with the pipeline."""
    monkeypatch.chdir(tmp_path)
    Path("p.conf").write_text(PIPELINE)


def invoke(*arguments: str, stdin: str = "") -> Result:
    settings = ["-S", "penstock.now=2025-09-04T12:00:00Z", "--pipeline.ecs_compatibility", "disabled"]
    return CliRunner().invoke(main, ["trace", "-f", "p.conf", *settings, *arguments], input=stdin)


ARRIVES = """  arrives
      + message: "{}"
      + @version: "1"
      + @timestamp: "2025-09-04T12:00:00.000Z"
"""


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        ("x 7", """     3  if [message] == "gone"  no
     4  grok take_apart
      + word: "x"
      + [a][n]: 7
     5  if [a][n] > 5  yes
     6  mutate
      - [a][n]: 7
      + tags: ["big"]
    13  if "big" in [tags]  yes
  goes to stdout, null
"""),
        ("x 1", """     3  if [message] == "gone"  no
     4  grok take_apart
      + word: "x"
      + [a][n]: 1
     5  if [a][n] > 5  no
     7  else if [word] == "two"  no
     9  else  yes
    10  mutate
      - word: "x"
      + word: "three"
    13  if "big" in [tags]  no
  goes to stdout
"""),
        ("gone", """     3  if [message] == "gone"  yes
     3  drop  drops it
"""),
    ],
)  # fmt: skip
def test_the_steps_of_an_event(line: str, steps: str) -> None:
    done = invoke("--input", line)
    assert done.exit_code == 0
    assert done.stdout == "event 1\n" + ARRIVES.format(line) + steps + "\n"


def test_events_that_are_made_are_told_by_themselves() -> None:
    done = invoke(stdin="two 2\n")
    assert "     8  clone  makes event 2\n" in done.stdout
    assert "event 2\n     8  clone  makes it\n      + message: \"two 2\"\n" in done.stdout


def test_a_trace_as_json_has_each_step_with_its_changes() -> None:
    done = invoke("--input", "x 7", "--input", "gone", "--json")
    first, second = json.loads(done.stdout)
    assert [first["event"], first["outputs"], first["left"]["tags"]] == [1, ["stdout", "null"], ["big"]]
    assert [step.get("plugin") or (step["taken"], step["line"]) for step in first["steps"]] == [
        (None, 3), "grok", ("[a][n] > 5", 5), "mutate", ('"big" in [tags]', 13),
    ]  # fmt: skip
    grok = first["steps"][1]
    assert grok["changes"] == [{"field": "word", "after": "x"}, {"field": "[a][n]", "after": 7}]
    assert (grok["id"], grok["line"], grok["column"]) == ("take_apart", 4, 3)
    assert [second["left"], second["steps"][-1]["dropped"]] == [None, True]


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (["--event", '{"message": "x 1", "other": 5}'], "other", 5),
        (["--codec", "json", "--input", '{"message": "x 1"}'], "message", "x 1"),
        (["--from", "jsons", "--input", '{"message": "x 1"}'], "type", "j"),
    ],
)
def test_what_comes_in(arguments: list[str], field: str, value: Any) -> None:
    (event,) = json.loads(invoke("--json", *arguments).stdout)
    assert event["arrived"][field] == value


def test_steps_in_several_files_are_told_with_their_files() -> None:
    Path("q.conf").write_text("filter { mutate { } }")
    assert "  q.conf:1  mutate  changes nothing\n" in invoke("-f", "q.conf", "--input", "x 1").stdout


def test_filters_may_be_mocked() -> None:
    Path("mocks.yml").write_text("- id: take_apart\n")
    assert "take_apart" not in invoke("--mock", "mocks.yml", "--input", "x 1").stdout


@pytest.mark.parametrize(("arguments", "code"), [(["--event", "x"], 2), (["--event", "[]"], 2), (["--from", "none", "--input", "x"], 1)])
def test_what_cannot_be_traced(arguments: list[str], code: int) -> None:
    assert invoke(*arguments).exit_code == code


def test_files_behind_the_configuration_are_logs() -> None:
    Path("t.log").write_text("two 2\nx 7\n")
    (one, other) = (json.loads(invoke(*arguments, "--json").stdout) for arguments in (["t.log"], ["--file", "t.log"]))
    assert one == other
    assert [event["arrived"]["message"] for event in one if event["arrived"]] == ["two 2", "x 7"]
    missing = invoke("not-there.log")
    assert (missing.exit_code, "`not-there.log` cannot be read" in missing.output) == (2, True)


def test_without_f_files_are_the_configuration() -> None:
    done = CliRunner().invoke(main, ["trace", "p.conf", "-i", "two 2"])
    assert "grok take_apart" in done.output
