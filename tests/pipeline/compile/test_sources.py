"""Which files a path stands for."""
from pathlib import Path

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.pipeline.compile.sources import load_sources

TEXT = "filter { drop { } }"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("cd").mkdir()


def names(path: str, *files: str) -> list[str]:
    """The files that a path stands for, where these are in the directory ``cd``."""
    for file in files:
        Path("cd", file).parent.mkdir(exist_ok=True)
        Path("cd", file).write_text(TEXT)
    return [source.name for source in load_sources(path)]


@pytest.mark.parametrize("name", ["a.conf", "a.cfg", "a", "a.logstash", "a.conf.tmpl", "10-test.conf", "test.conf", "readmeter.conf"])
def test_a_directory_stands_for_its_configurations(name: str) -> None:
    assert names("cd", "30-all.conf", name) == sorted(["cd/30-all.conf", f"cd/{name}"])


@pytest.mark.parametrize(
    "name",
    ["x.test.yml", "x.test.yaml", "x.test.json", "x.snap.json", "x.test.snap.json", "a.conf~", ".a.conf.swp", ".hidden.conf", "README", "README.md", "LICENSE.txt", "pipelines.yml", "events.json", "access.log", "old.log.gz", "sub/deep.conf"],
)
def test_a_directory_does_not_stand_for_what_lies_beside_them(name: str) -> None:
    assert names("cd", "30-all.conf", name) == ["cd/30-all.conf"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("cd/*", ["a.conf", "b.cfg", "c.conf"]),
        ("cd/*.conf", ["a.conf", "c.conf"]),
        ("cd/{a,b}.*", ["a.conf", "b.cfg"]),
        ("cd/{a.conf,{b,c}.c*}", ["a.conf", "b.cfg", "c.conf"]),
        ("cd/[ab].*", ["a.conf", "b.cfg"]),
        ("**/c.conf", ["c.conf"]),
        ("file://cd/?.cfg", ["b.cfg"]),
    ],
)
def test_a_glob_stands_for_files_in_the_order_of_their_names(pattern: str, found: list[str]) -> None:
    assert names(pattern, "c.conf", "b.cfg", "a.conf", "a.test.yml", "a.conf~", ".h.conf") == [f"cd/{name}" for name in found]


def test_a_file_that_is_named_is_read_whatever_its_name() -> None:
    assert names("cd/x.test.yml", "x.test.yml") == ["cd/x.test.yml"]


def test_a_path_whose_name_looks_like_a_glob_is_that_file() -> None:
    assert names("cd/[a].conf", "[a].conf", "a.conf") == ["cd/[a].conf"]


@pytest.mark.parametrize(
    ("path", "says"),
    [("nowhere.conf", "no configuration at `nowhere.conf`"), ("no/*.conf", "quote a glob"), ("cd", "it contains notes.md, which is skipped by its name or suffix")],
)
def test_where_nothing_is_found_it_is_said(path: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        names(path, "notes.md")
    assert says in str(refused.value)
