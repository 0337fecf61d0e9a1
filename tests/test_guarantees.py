"""What docs/guarantees.md and the pages of connectors promise is shown by tests that exist."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
CONNECTORS = sorted((ROOT / "docs" / "connectors").glob("*.md"))
PAGES = [PAGE, *(path.read_text(encoding="utf-8") for path in CONNECTORS)]
NAMED = [named for page in PAGES for named in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)]
SECTIONS = {
    "inputs": PAGE.partition("## From an input to the filters")[2].partition("\n## ")[0],
    "outputs": PAGE.partition("## From the filters to an output")[2].partition("\n## ")[0],
}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


@pytest.mark.parametrize(
    ("file", "name"), sorted(set(NAMED)), ids=lambda part: str(part).rpartition("/")[2]
)
def test_the_test_is_there(file: str, name: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert not name or re.search(rf"^ *(def |class )?{name}\b( =|\()", text, re.MULTILINE)


def test_every_row_on_storage_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4]
    shown = [row for row in rows if not row.startswith(("| what happens", "| input", "| `"))]
    assert len(shown) > 15
    assert [row for row in shown if "::" not in row] == []


@pytest.mark.parametrize("kind", SECTIONS)
def test_every_plugin_has_a_row(kind: str) -> None:
    rows = [line for line in SECTIONS[kind].splitlines() if line.startswith("| `")]
    covered = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    names = {path.stem for path in (ROOT / "plugins" / kind).glob("[a-z]*.py")}
    assert names - covered == set()


@pytest.mark.parametrize("kind", SECTIONS)
def test_each_note_stands_once_and_is_referred_to(kind: str) -> None:
    """A number that stands twice leaves open which test shows what."""
    section = SECTIONS[kind]
    notes = re.findall(r"^(\d+)\. `", section, re.MULTILINE)
    used = {found.translate(RAISED) for found in re.findall(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", section)}
    assert sorted(notes, key=int) == sorted(used, key=int)
    assert notes == sorted(notes, key=int)
