"""The pages that teach are sessions: their files are written, their commands run, and what they show is what comes out.

A block with a ``title`` is a file (``append`` adds to it); in a ``console`` block each line that starts with ``$`` is a command, and
what follows its output. Times differ from run to run; what a test takes is not compared.
"""
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from penstock.pipeline.testing.suite import read_suite

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ["tutorial.md", "streams.md", "from-logstash-filter-verifier.md", "writing-plugins.md", "running.md"]
BLOCK = re.compile(r"^```(?P<language>\w+)(?P<more>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = {"penstock": "-m penstock", "pytest": "-m pytest -p no:cacheprovider", "pip": "../bin/installed.py"}

# What `pip install -e .` does, without an index: the package of this directory, with its entry points, can be imported.
INSTALLED = """
import pathlib, tomllib
project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
info = pathlib.Path(f"{project['name'].replace('-', '_')}-{project['version']}.dist-info")
info.mkdir()
(info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {project['name']}\\nVersion: {project['version']}\\n")
lines = [[f"[{group}]", *(f"{name} = {place}" for name, place in names.items())] for group, names in project["entry-points"].items()]
(info / "entry_points.txt").write_text("\\n".join(line for group in lines for line in group))
"""


def steps(page: str) -> Iterator[tuple[str, str, str]]:
    """Files as ``(name, mode, text)`` and commands as ``(command, "$", output)``."""
    for block in BLOCK.finditer((DOCS / page).read_text(encoding="utf-8")):
        title = re.search(r'title="([^"]+)"', block["more"])
        if title:
            yield title[1], "a" if "append" in block["more"] else "w", block["body"]
        elif block["language"] == "console":
            for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block["body"], re.MULTILINE):
                yield command, "$", output


def comparable(output: str) -> str:
    """An output without what differs from run to run: times, and blanks at the ends of lines."""
    output = re.sub(r"\d+(\.\d+)? ?m?s\b", "…", output)
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, with the programs that the pages call."""
    programs, directory = tmp_path / "bin", tmp_path / "work"
    programs.mkdir()
    directory.mkdir()
    for name, arguments in PROGRAMS.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    (programs / "installed.py").write_text(INSTALLED)
    monkeypatch.setenv("PYTHONPATH", f"{directory}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return directory


def run(command: str, directory: Path) -> str:
    done = subprocess.run(["bash", "-c", command], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_a_session_that_works(page: str, shell: Path) -> None:
    shown = 0
    for what, mode, text in steps(page):
        if mode == "$":
            assert comparable(run(what, shell)) == comparable(text), what
            shown += 1
            continue
        file = shell / what
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text(encoding="utf-8") + "\n" if mode == "a" else ""
        file.write_text(before + text, encoding="utf-8")
    assert shown >= 3


@pytest.mark.parametrize("page", PAGES)
def test_no_block_is_passed_over(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    untouched = [m[0] for m in BLOCK.finditer(text) if "title=" not in m["more"] and m["language"] != "console"]
    assert untouched == []


def test_the_workflow_runs_commands_that_the_page_has_tried() -> None:
    files = {what: text for what, mode, text in steps("tutorial.md") if mode == "w"}
    tried = [what.replace(" -q", "") for what, mode, _ in steps("tutorial.md") if mode == "$"]
    workflow = yaml.safe_load(files[".github/workflows/pipelines.yml"])
    commands = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    assert [command for command in commands if command.startswith("penstock") and command not in tried] == []
    assert len(commands) == 5


def test_the_test_file_of_the_reference_is_right(tmp_path: Path) -> None:
    text = (DOCS / "testing.md").read_text(encoding="utf-8")
    whole, rows, mocks = (m["body"] for m in BLOCK.finditer(text) if m["language"] == "yaml")
    examples = [whole, "pipeline: x\ntests:\n" + rows, mocks + "pipeline: x\ntests: []\n"]
    for number, example in enumerate(examples):
        path = tmp_path / f"{number}.test.yml"
        path.write_text(example, encoding="utf-8")
        assert read_suite(path).warnings == ()


def test_the_python_of_the_reference_works() -> None:
    (code,) = (m["body"] for m in BLOCK.finditer((DOCS / "testing.md").read_text(encoding="utf-8")) if m["language"] == "python")
    names: dict[str, object] = {}
    exec(code, names)
    names["test_an_order"]()  # type: ignore[operator]
