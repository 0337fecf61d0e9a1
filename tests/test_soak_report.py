"""The rows of the soak tier: one for each test, of its last run, whether it passed or not; and the page that is made of them."""
from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from servers import packages, soak

TOLD = [("subject", "A queue"), ("servers", ["q 1.0"]), ("kills", 3), ("events", 4000), ("repeated", 2), ("lost", 0)]


def report(
    test: str = "tests/test_a.py::test_two_hundred_kills[a|b]", outcome: Literal["passed", "failed", "skipped"] = "passed",
    when: Literal["setup", "call", "teardown"] = "call", told: list[tuple[str, Any]] = TOLD,
) -> pytest.TestReport:
    return pytest.TestReport(test, ("a", 1, "b"), {}, outcome, None, when, user_properties=told, duration=90.4)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    path = tmp_path / "soak.json"
    monkeypatch.setenv("PENSTOCK_SOAK_REPORT", str(path))
    return lambda: json.loads(path.read_text()) if path.exists() else []


def test_a_row_takes_the_place_of_the_one_before(rows: Any) -> None:
    soak.note(report())
    soak.note(report("tests/test_a.py::test_other"))
    soak.note(report(outcome="failed", told=TOLD[:2]))
    assert [(row["test"].rpartition("::")[2], row["passed"], row.get("kills")) for row in rows()] == [
        ("test_other", True, 3), ("test_two_hundred_kills[a|b]", False, None),
    ]
    assert rows()[0]["seconds"] == 90


@pytest.mark.parametrize(
    ("what", "count"),
    [
        (report(when="setup"), 0),
        (report(when="setup", outcome="failed"), 1),
        (report(outcome="skipped"), 0),
        (report(told=[]), 0),
        (report(), 1),
    ],
    ids=["set up", "a server that does not start", "skipped", "of another tier", "run"],
)
def test_a_row_is_written_for(what: pytest.TestReport, count: int, rows: Any) -> None:
    soak.note(what)
    assert len(rows()) == count


def test_nothing_is_written_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_SOAK_REPORT", raising=False)
    monkeypatch.chdir(tmp_path)
    soak.note(report())
    assert list(tmp_path.iterdir()) == []


def test_what_is_lost_fails_the_test_and_is_told() -> None:
    told: dict[str, object] = {}
    with pytest.raises(AssertionError):
        soak.teller(told.__setitem__)(soak.Figures(1, 10, 0, lost=1))
    assert told == {"kills": 1, "events": 10, "repeated": 0, "lost": 1}


def test_each_server_has_a_version() -> None:
    assert packages.version("kafka") == "kafka 4.1.2"
    assert packages.version("moto") == "moto 5.2.5"
    assert packages.version("kinesis") == "kinesalite 3.3.3, dynalite 4.0.0"
    assert "go-lumber" in packages.version("beats")


@pytest.fixture
def page() -> ModuleType:
    path = Path(__file__).parents[1] / "docs" / "soak_page.py"
    spec = importlib.util.spec_from_file_location("soak_page", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_each_row(rows: Any, page: ModuleType, tmp_path: Path) -> None:
    soak.note(report())
    soak.note(report("tests/test_a.py::test_other", outcome="failed", told=TOLD[:2]))
    page.ROWS = tmp_path / "soak.json"
    text = page.page()
    assert "In all: 3 kills, 4,000 events, 0 lost; failed tests: 1." in text
    assert "Servers: q 1.0." in text
    assert "| kills: a\\|b | 3 | 4,000 | 0 | 2 | 1.5 |" in text
    assert "| other | – | – | – | – |" in text
    assert "**failed**" in text
