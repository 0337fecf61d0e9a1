"""Snapshots: written on request, compared ever after."""
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main

PIPELINE = 'filter { mutate { add_field => { "a" => "1" } } } output { stdout { } }'
TESTS = "pipeline: pipeline.conf\nignore: noise\ntests: [{name: one, input: {message: x, noise: 1}, expect: snapshot}]"


def invoke(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["test", *arguments], input=answer)


def test_the_life_of_a_snapshot(directory: Any) -> None:
    directory.write("pipeline.conf", PIPELINE)
    directory.write("p.test.yml", TESTS)
    missing = invoke()
    assert missing.exit_code == 1
    assert "no snapshot yet: `penstock test --update` writes it" in missing.output

    refused = invoke("--update", answer="n\n")
    assert refused.exit_code == 1
    assert "+ message: \"x\"" in refused.output
    assert not Path("p.test.snap.json").exists()

    written = invoke("--update", answer="y\n")
    assert (written.exit_code, Path("p.test.snap.json").exists()) == (0, True)
    kept = json.loads(Path("p.test.snap.json").read_text())
    assert kept == {"one": [{"event": {"@version": "1", "a": "1", "message": "x"}, "outputs": ["stdout"]}]}
    assert invoke().exit_code == 0

    directory.write("pipeline.conf", PIPELINE.replace('"1"', '"2"').replace("stdout", "null"))
    changed = invoke()
    assert changed.exit_code == 1
    assert "a is not as in the snapshot" in changed.output
    assert "outputs routed to other outputs" in changed.output

    shown = invoke("--update", "--yes")
    assert shown.exit_code == 0
    assert '    - a: "1"\n    + a: "2"\n    - outputs: ["stdout"]\n    + outputs: ["null"]' in shown.output
    assert invoke("--update").output.count("wrote") == 0


def test_more_or_fewer_events(directory: Any) -> None:
    directory.write("pipeline.conf", PIPELINE)
    directory.write("p.test.yml", TESTS)
    invoke("--update", "--yes")
    directory.write("p.test.yml", TESTS.replace("input: {message: x, noise: 1}", "input: [x, y]"))
    assert "the snapshot has 1 events, there are 2" in invoke().output


def test_a_snapshot_that_is_not_taken_fails(directory: Any) -> None:
    directory.write("pipeline.conf", PIPELINE)
    directory.write("p.test.yml", TESTS)
    for answer, says in (("n\n", "1 snapshot not taken\n"), ("\n", "1 snapshot not taken\n"), ("", "no terminal to ask on: --yes accepts snapshots without asking\n")):
        done = invoke("--update", answer=answer)
        assert (done.exit_code, says in done.output) == (1, True), done.output
        assert "1 passed of 1 test" in done.output.splitlines()[-1]
    assert "not mutated: snapshots are missing" in invoke("--update", "--mutate", answer="n\n").output
