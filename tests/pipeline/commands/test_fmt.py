"""``penstock fmt``."""
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main

UGLY, NICE = "filter{drop{}} # c\n", "filter { drop { } } # c\n"


def invoke(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["fmt", *arguments], input=stdin)


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with two configurations, one laid out and one not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "ugly.conf").write_text(UGLY)
    (tmp_path / "sub" / "nice.conf").write_text(NICE)
    return tmp_path


def test_files_are_written_in_place(directory: Path) -> None:
    done = invoke("sub")
    assert (done.exit_code, done.stderr) == (0, "sub/ugly.conf\n")
    assert (directory / "sub" / "ugly.conf").read_text() == NICE
    assert invoke("sub").stderr == ""


@pytest.mark.parametrize(("path", "code"), [("sub/ugly.conf", 1), ("sub/nice.conf", 0), ("sub", 1)])
def test_check_changes_nothing_and_tells(directory: Path, path: str, code: int) -> None:
    assert invoke("--check", path).exit_code == code
    assert (directory / "sub" / "ugly.conf").read_text() == UGLY


def test_diff_shows_what_would_change(directory: Path) -> None:
    done = invoke("--diff", "sub")
    assert done.exit_code == 1
    assert invoke("--diff", "sub/nice.conf").exit_code == 0
    assert done.stdout.splitlines()[-2:] == [f"-{UGLY}".strip(), f"+{NICE}".strip()]
    assert (directory / "sub" / "ugly.conf").read_text() == UGLY


def test_stdin_goes_to_stdout() -> None:
    assert invoke("-", stdin=UGLY).stdout == NICE
    assert invoke("--check", "-", stdin=UGLY).exit_code == 1


def test_what_does_not_parse_is_shown_and_left(directory: Path) -> None:
    (directory / "sub" / "bad.conf").write_text("filter {")
    done = invoke("sub")
    assert done.exit_code == 1
    assert "never closed" in done.stderr
    assert (directory / "sub" / "bad.conf").read_text() == "filter {"
    assert (directory / "sub" / "ugly.conf").read_text() == NICE


def test_paths_are_needed() -> None:
    assert invoke().exit_code == 2
    assert invoke("none.conf").exit_code == 1
