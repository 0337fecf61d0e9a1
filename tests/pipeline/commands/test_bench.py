"""``penstock bench``: a sample goes through, and what it costs is shown."""
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main

PIPELINE = """input { stdin { } }
filter {
  if [message] =~ /^a+$/ { mutate { add_tag => ["a"] } } else { grok { match => { "message" => "%{WORD:w}" } } }
}
output { stdout { } }
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.conf").write_text(PIPELINE)


def invoke(*arguments: str, stdin: str = "aaa\nb\nc\n") -> Result:
    return CliRunner().invoke(main, ["bench", "-f", "p.conf", "--seconds", "0", *arguments], input=stdin)


def test_statements_throughput_and_the_dearest_lines_are_shown() -> None:
    result = invoke()
    assert result.exit_code == 0, result.output
    rows = {(row[3], row[4] if len(row) > 4 else ""): row[2] for row in (re.split(r"  +", line.strip()) for line in result.output.splitlines()[1:7])}
    assert rows["conditions", "p.conf:3:3"] == "3"
    assert rows["mutate", "p.conf:3:28"] == "1"
    assert rows["grok", "p.conf:3:65"] == "2"
    assert rows["decode", ""] == "3" if ("decode", "") in rows else rows["decode"] == "3"
    assert re.search(r"[\d,]+ events a second on one core", result.output)
    dearest = result.output[result.output.index("the dearest lines:") :].splitlines()[2:]
    assert sorted(line.split()[1:] for line in dearest) == [["1", "aaa"], ["2", "b"], ["3", "c"]]


def test_ten_lines_are_shown_and_long_ones_are_cut() -> None:
    result = invoke(stdin="".join(f"{'x' * 300} {n}\n" for n in range(30)))
    dearest = result.output[result.output.index("the dearest lines:") :].splitlines()[2:]
    assert len(dearest) == 10
    assert all(line.endswith("x…") for line in dearest)


def test_lines_may_be_read_by_another_codec() -> None:
    result = invoke("--codec", "json", stdin='{"message": "aaa"}\n')
    assert result.exit_code == 0, result.output
    assert "mutate" in result.output


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "says"),
    [((), "", 2, "the sample has no lines"), (("--from", "nobody"), "a\n", 1, "unknown input with the id `nobody`"), (("-S", "a=b"), "a\n", 2, "a")],
)
def test_what_is_wrong_is_told(arguments: tuple[str, ...], stdin: str, code: int, says: str) -> None:
    result = invoke(*arguments, stdin=stdin)
    assert result.exit_code == code
    assert says in result.output
