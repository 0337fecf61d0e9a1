"""What became of cases, and how many of each verdict there were."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...dsl.diagnostics import Diagnostic
from ...dsl.source import Span
from .blame import Blame
from .compare import Difference

Verdict = Literal["passed", "failed", "error", "skipped"]


@dataclass(slots=True)
class Result:
    """What became of a case. ``events`` are plain data, with the outputs that each went to in
    ``routes``.
    """

    name: str
    path: Path
    span: Span | None
    verdict: Verdict
    differences: list[Difference] = field(default_factory=list)
    blames: list[Blame | None] = field(default_factory=list)
    problems: tuple[Diagnostic, ...] = ()
    events: list[dict[str, Any]] = field(default_factory=list)
    routes: list[tuple[str, ...]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0
    reason: str = ""

    @property
    def id(self) -> str:
        """What the case is known by: its file and its name."""
        return f"{self.path}::{self.name}"

    @property
    def bad(self) -> bool:
        """Whether it did not pass."""
        return self.verdict in ("failed", "error")


class Listening(logging.Handler):
    """Collects what the program logs while a case runs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self) -> Listening:
        logging.getLogger("penstock").addHandler(self)
        return self

    def __exit__(self, *problem: object) -> None:
        logging.getLogger("penstock").removeHandler(self)


@dataclass(slots=True)
class Tally:
    """Counts of verdicts."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, results: Iterable[Result]) -> None:
        """Count results."""
        for result in results:
            self.counts[result.verdict] = self.counts.get(result.verdict, 0) + 1

    @property
    def bad(self) -> int:
        """How many did not pass."""
        return self.counts.get("failed", 0) + self.counts.get("error", 0)
