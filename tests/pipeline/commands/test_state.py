"""``penstock state``: what filters keep is listed, shown, forgotten, exported and imported."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import penstock
from penstock.dsl.event import accept
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.commands.main import main
from penstock.pipeline.state.filter_states import FilterStates
from penstock.pipeline.storage.state_store import StateStore
from penstock.plugins.batch import Position

NOON = Timestamp("2025-09-04T12:00:00.000Z")
WINDOW = 'window { id => "errors" size => "1h" by => ["host", "n"] lateness => "0s" sum => { "s" => "v" } keep => false }'
DEDUPE = 'dedupe { id => "once" by => ["host"] within => "1h" }'


def run(*arguments: object, code: int = 0, given: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["state", *(str(argument) for argument in arguments)], input=given)
    assert result.exit_code == code, result.output
    return result


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def filters() -> list[Any]:
    return list(penstock.compile(f"filter {{ {WINDOW} {DEDUPE} }}", {"penstock.now": str(NOON)}).assembly.made.values())


def kept(directory: Path) -> FilterStates:
    made = filters()
    return FilterStates(made, StateStore(directory), lambda plugin: WINDOW if plugin is made[0] else DEDUPE, lambda held: made[0])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two filters that took in three events of two keys."""
    directory = tmp_path / "state" / "main"
    states = kept(directory)
    states.restored()
    for plugin in states.filters.values():
        plugin.run([accept({"@timestamp": NOON, "host": host, "n": n, "v": 5}, NOON) for host, n in (("a", 1), ("b", 1.5), ("a", 1))])  # type: ignore[attr-defined]
    states.commit({0: {"p": Position("i", 77)}, -1: {"queue": Position("q", 9)}}, states.snapshot())
    states.close()
    return directory


def test_filters_and_positions_are_listed(state: Path) -> None:
    said = run("list", state.parent.parent).stdout.splitlines()
    assert said[0] == f"state {state}"
    assert said[1].startswith("  window errors: 2 keys, ")
    assert said[1].endswith("watermark 2025-09-04T12:00:00.000Z")
    assert said[3:] == ["  the disk queue: taken in up to 9", "  input 0, p: taken in up to 77"]
    (data,) = lines(run("list", "--json", state))
    assert [(one["id"], one["keys"]) for one in data["filters"]] == [("errors", 2), ("once", 2)]


def test_keys_are_shown_with_what_is_held_of_them(state: Path) -> None:
    assert [one["key"] for one in lines(run("show", "--json", state, "errors"))] == [["a", 1], ["b", 1.5]]
    assert [one["key"] for one in lines(run("show", "--json", "--key", '["b", 1.5]', state, "errors"))] == [["b", 1.5]]
    assert run("show", "--key", "a", state, "once").stdout.startswith('"a": ')
    assert run("show", "-n", 1, state, "once").stdout.count("\n") == 1
    assert "did you mean `errors`?" in run("show", state, "error", code=2).stderr


def test_what_a_filter_holds_is_forgotten_all_of_it_or_of_one_key(state: Path) -> None:
    assert run("forget", "-y", "--key", "a", state, "once").stderr == "1 key forgotten\n"
    assert run("forget", "-y", state, "errors").stderr == "2 keys forgotten\n"
    (data,) = lines(run("list", "--json", state))
    assert ([(one["id"], one["keys"]) for one in data["filters"]], len(data["positions"])) == ([("once", 1)], 2)
    run("forget", "-y", "--all", state)
    assert lines(run("list", "--json", state))[0] == {"path": str(state), "filters": [], "positions": []}


def test_nothing_is_forgotten_without_a_yes(state: Path) -> None:
    run("forget", state, "errors", code=1, given="n\n")
    run("forget", "-y", state, code=2)
    assert len(lines(run("show", "--json", state, "errors"))) == 2


def test_an_export_goes_on_elsewhere(state: Path, tmp_path: Path) -> None:
    run("export", "-o", tmp_path / "file", state)
    assert run("export", state).stdout == (tmp_path / "file").read_text()
    other = tmp_path / "other" / "state" / "main"
    said = f"4 keys imported to {other}\n"
    assert run("import", other, tmp_path / "file").stderr == said
    assert run("import", other, "-", given=(tmp_path / "file").read_text()).stderr == said
    states = kept(other)
    assert states.restored() == {0: {"p": Position("i", 77)}, -1: {"queue": Position("q", 9)}}
    window, _ = states.filters.values()
    out = window.flush(True)  # type: ignore[attr-defined]
    assert [(e["host"], e["n"], e["s"]) for e in out] == [("a", 1, 10), ("b", 1.5, 5)]
    states.close()


@pytest.mark.parametrize("name", ["data", "new", "data/state/main", "moved/state/other"])
def test_an_import_takes_the_directory_of_data_or_that_of_a_pipeline(
    state: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "data" / "plugins").mkdir(parents=True)
    export = run("export", state).stdout
    chosen = tmp_path / name
    run("import", chosen, "-", given=export)
    place = chosen if "state" in name else chosen / "state" / "main"
    listed = run("list", chosen)
    assert listed.stdout.startswith(f"state {place}\n  window errors: 2 keys")
    assert not (chosen / "state.db").exists() or place == chosen


def test_the_name_of_an_imported_pipeline_stays_inside_the_directory_of_data(
    state: Path, tmp_path: Path
) -> None:
    export = run("export", state).stdout.replace('"pipeline":"main"', '"pipeline":"../../x"')
    run("import", tmp_path / "new", "-", given=export)
    assert (tmp_path / "new" / "state" / "main" / "state.db").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "this is not a valid export of state"),
        ("{}\n", "it has no head"),
        ('{"penstock_state":1}\n{"key":["x",1,2]}\n', "this is not a valid export of state"),
        ('{"penstock_state":99}\n', "written by a newer version (format 99, this one reads 1)"),
    ],
)
def test_what_cannot_be_imported_changes_nothing(state: Path, content: str, said: str) -> None:
    assert said in run("import", state, "-", given=content, code=1).stderr
    assert len(lines(run("show", "--json", state, "errors"))) == 2


def test_state_in_use_may_be_looked_at_and_not_changed(state: Path) -> None:
    states = kept(state)
    try:
        run("list", state)
        run("export", state)
        assert "is in use by this process" in run("forget", "-y", state, "errors", code=1).stderr
    finally:
        states.close()


def test_there_is_no_state_where_there_is_none(tmp_path: Path) -> None:
    assert "no state at" in run("list", tmp_path, code=2).stderr
