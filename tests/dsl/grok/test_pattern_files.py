"""Patterns by name: the shipped families, a user's own before them, pygrok's behind them."""
from __future__ import annotations

from pathlib import Path

import pytest

import penstock
from penstock.dsl.grok import shipped
from penstock.dsl.grok.pattern_files import FILES, Family

DIRECTORY = Path(penstock.__file__).parent / "filters" / "patterns"
FAMILIES: tuple[Family, ...] = ("legacy", "ecs-v1")


def test_every_file_that_is_there_is_shipped() -> None:
    """The files are listed in the code; one that is forgotten would silently have no patterns."""
    for directory, names in FILES.items():
        assert sorted(names) == sorted(path.name for path in (DIRECTORY / directory).iterdir())


@pytest.mark.parametrize("directory", FILES)
def test_every_file_says_first_who_writes_such_lines(directory: str) -> None:
    """And no name is defined twice in a file, where the second would win unseen."""
    for path in (DIRECTORY / directory).iterdir():
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# "), path
        names = [line.split()[0] for line in lines if line and not line.startswith("#")]
        assert len(names) == len(set(names)), path


def test_a_pattern_knows_where_it_is_written() -> None:
    """File and line, for the reference and for errors."""
    pattern = shipped("ecs-v1").find("HTTPD_COMBINEDLOG")
    assert pattern is not None
    path = Path(pattern.file)
    assert path.parts[-2:] == ("ecs-v1", "httpd")
    assert path.read_text(encoding="utf-8").splitlines()[pattern.line - 1] == f"{pattern.name} {pattern.text}"


def test_the_families_differ_in_fields_and_in_names() -> None:
    """Zeek's logs are in the younger family only; the older one has flat names."""
    assert shipped("legacy").find("ZEEK_HTTP") is None
    assert shipped("ecs-v1").find("ZEEK_HTTP") is not None
    older, younger = shipped("legacy").find("SYSLOGPROG"), shipped("ecs-v1").find("SYSLOGPROG")
    assert older is not None
    assert younger is not None
    assert "%{PROG:program}" in older.text
    assert "%{PROG:[process][name]}" in younger.text


def test_what_only_pygrok_has_is_found_there() -> None:
    """It is a dependency, and its files are read where it is installed; they come behind everything else."""
    import pygrok

    theirs = Path(pygrok.__file__).parent / "patterns"
    names = {line.split()[0] for path in theirs.iterdir() for line in path.read_text().splitlines() if line.strip() and line[0] != "#"}
    for family in FAMILIES:
        library = shipped(family)
        assert names <= library.names()
        for name in names:
            assert library.find(name) is not None


def test_own_patterns_come_before_the_shipped_ones(tmp_path: Path) -> None:
    """Files of a directory first, definitions before them; the shipped library itself stays as it is."""
    (tmp_path / "own").write_text("# a comment\n\n  WORD [a-z]+\nMINE\t%{WORD}  x \nonlyname\n", encoding="utf-8")
    library = shipped("legacy").extended([str(tmp_path)], "*", {"MINE": "m"})
    assert library.find("WORD") == ("WORD", "[a-z]+", str(tmp_path / "own"), 3)
    assert library.find("MINE") == ("MINE", "m", "", 0)
    assert library.find("onlyname") is None
    assert library.find("INT") == shipped("legacy").find("INT")
    assert shipped("legacy").find("MINE") is None


def test_the_text_of_a_pattern_ends_with_its_line(tmp_path: Path) -> None:
    """Spaces at the end belong to it, the line's end does not, whichever it is."""
    (tmp_path / "own").write_bytes(b"A x \r\nB  y\tz\nC a")
    library = shipped("legacy").extended([str(tmp_path)])
    assert [getattr(library.find(name), "text", None) for name in "ABC"] == ["x ", "y\tz", "a"]


def test_a_directory_may_be_a_glob_and_its_files_be_chosen(tmp_path: Path) -> None:
    """As patterns_dir and patterns_files_glob of Logstash."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.txt").write_text("A 1")
    (tmp_path / "one" / "b.bak").write_text("B 1")
    chosen = shipped("legacy").extended([str(tmp_path / "one")], "*.txt")
    assert chosen.find("A") is not None
    assert chosen.find("B") is None
    (tmp_path / "one" / ".hidden.txt").write_text("C 1")
    assert shipped("legacy").extended([str(tmp_path / "one")]).find("C") is None
    both = shipped("legacy").extended([str(tmp_path / "one")], "{a.txt,*.bak}")
    assert both.find("A") is not None
    assert both.find("B") is not None
    assert shipped("legacy").extended([str(tmp_path / "*" / "*.bak")]).find("B") is not None
    assert shipped("legacy").extended([str(tmp_path / "one" / "b.bak")]).find("B") is not None


def test_a_directory_that_is_not_there_is_remembered(tmp_path: Path) -> None:
    """Logstash passes over it; who checks a configuration wants to know."""
    gone = str(tmp_path / "gone")
    assert shipped("legacy").extended([gone, str(tmp_path)]).missing == (gone,)


def test_names_are_suggested_for_one_that_is_misspelt() -> None:
    """The nearest first."""
    library = shipped("ecs-v1")
    assert library.suggest("COMBINEDAPACHLOG")[0] == "COMBINEDAPACHELOG"
    assert library.suggest("ipv4") [0] == "IPV4"
    assert library.suggest("XXXXXXXXXXXX") == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_patterns_are_listed_by_name(family: Family) -> None:
    """What is shipped, sorted; the reference shows them."""
    names = [pattern.name for pattern in shipped(family)]
    assert names == sorted(set(names))
    assert {"WORD", "IPORHOST", "SYSLOGLINE", "CATALINALOG", "NAGIOSLOGLINE", "CISCOFW106023"} <= set(names)
