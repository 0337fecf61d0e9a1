"""What docs/guarantees.md and the pages of connectors promise is shown by tests that exist."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
PAGES = [PAGE, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs" / "connectors").glob("*.md")))]
NAMED = [named for page in PAGES for named in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)]


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)), ids=lambda part: str(part).rpartition("/")[2])
def test_the_test_is_there(file: str, name: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert re.search(rf"^ *(def |class )?{name}\b( =|\()", text, re.MULTILINE)


def test_every_row_on_storage_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4]
    shown = [row for row in rows if not row.startswith(("| what happens", "| input", "| `"))]
    assert len(shown) > 15
    assert [row for row in shown if "::" not in row] == []
