"""The conformance cases, recorded from a real Logstash, if they lie beside the checkout: one test a file, whole events compared.

Cases that differ on purpose stand in ``docs/differences.md``, with the reason; that list is held true in both directions. Cases of
plugins that Penstock does not have are skipped.
"""
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CASES = ROOT.parent / "shared" / "conformance"
FILES = [*sorted(CASES.glob("*.jsonl")), *sorted((CASES.parent / "conformance-streaming").glob("*.jsonl"))]
SECONDS = 30
RECORDED = "2026-08-15T12:00:00Z"
"""About when the cases were recorded: a date without a year is one of the months around it."""
MISSING = re.compile(r"error\[E201\]: unknown (?:filter|codec) `")

pytestmark = pytest.mark.skipif(not FILES, reason="no conformance cases beside the checkout")


def exceptions() -> dict[str, str]:
    """The cases that differ on purpose, with the reason."""
    text = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    _, _, table = text.partition("## Conformance cases")
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", table, re.MULTILINE))


@pytest.fixture(scope="module")
def runner() -> Iterator[ModuleType]:
    """The conformance runner, with its adapter, as modules."""
    sys.path.insert(0, str(CASES))
    try:
        spec = importlib.util.spec_from_file_location("conformance_run", CASES / "run.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(CASES))


def is_missing(differences: list[Any]) -> bool:
    """Whether all that is wrong with a case is that a plugin is not there."""
    return all(kind == "exception" and MISSING.search(str(got)) for kind, _, _, got in differences)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_cases_of_a_file(path: Path, runner: ModuleType) -> None:
    engine = importlib.import_module("adapter").run
    known, surprises, missing, passed = exceptions(), {}, 0, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        case["settings"] = {"penstock.now": RECORDED, **case.get("settings", {})}
        differences = runner.limited(case, engine, True, SECONDS)
        if not differences and case["id"] in known:
            surprises[case["id"]] = "passes: take it off the list of differences"
        elif differences and is_missing(differences):
            missing += 1
        elif differences and case["id"] not in known:
            surprises[case["id"]] = differences
        passed += not differences
    assert surprises == {}
    if not passed:
        pytest.skip(f"{missing} cases of plugins that are not there")


def test_the_list_of_differences_names_cases_that_there_are() -> None:
    known = {json.loads(line)["id"] for path in FILES for line in path.read_text(encoding="utf-8").splitlines()}
    assert set(exceptions()) <= known
    assert all(exceptions().values())
