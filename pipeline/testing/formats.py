"""Results for programs: JUnit's XML and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ...dsl.diagnostics import Diagnostic
from ...dsl.source import Span
from .compare import Difference
from .report import drawn
from .results import Result

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[Result]) -> str:
    """Results as JUnit XML, the form that CI servers read: a suite for each file."""
    root = ElementTree.Element("testsuites", {"name": "penstock", **_sums(results)})
    for path, group in groupby(results, key=lambda result: result.path):
        of_file = list(group)
        suite = ElementTree.SubElement(root, "testsuite", {"name": str(path), **_sums(of_file)})
        for result in of_file:
            suite.append(_case(result))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _sums(results: Sequence[Result]) -> dict[str, str]:
    verdicts = [result.verdict for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(verdicts.count("failed")),
        "errors": str(verdicts.count("error")),
        "skipped": str(verdicts.count("skipped")),
        "time": f"{sum(result.seconds for result in results):.3f}",
    }


def _case(result: Result) -> ElementTree.Element:
    place = {"line": str(result.span.line)} if result.span is not None else {}
    stem = re.sub(r"\.test$", "", result.path.stem)
    named = {
        "name": _clean(result.name),
        "classname": stem,
        "file": str(result.path),
        "time": f"{result.seconds:.6f}",
    }
    case = ElementTree.Element("testcase", {**named, **place})
    if result.bad:
        kind = "failure" if result.verdict == "failed" else "error"
        inner = ElementTree.SubElement(case, kind, message=_clean(_first(result)))
        inner.text = _clean(drawn(result))
    if result.verdict == "skipped":
        ElementTree.SubElement(case, "skipped", message=_clean(result.reason))
    return case


def _first(result: Result) -> str:
    if result.problems:
        return result.problems[0].message
    first = result.differences[0]
    return (
        f"{first.field} {first.message}: expected {first.wanted}, got {first.got}"
        if first.field
        else first.message
    )


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)


def as_json(results: Sequence[Result], more: dict[str, Any] | None = None) -> str:
    """Results as one JSON document."""
    tests = [_result(result) for result in results]
    counts = {
        verdict: sum(r.verdict == verdict for r in results)
        for verdict in ("passed", "failed", "error", "skipped")
    }
    return json.dumps(
        {"summary": counts, "tests": tests, **(more or {})}, indent=1, ensure_ascii=False
    )


def _result(result: Result) -> dict[str, Any]:
    made: dict[str, Any] = {
        "file": str(result.path),
        "line": result.span.line if result.span else None,
        "name": result.name,
        "verdict": result.verdict,
        "seconds": round(result.seconds, 6),
    }
    if result.reason:
        made["reason"] = result.reason
    if result.problems:
        made["problems"] = [_problem(problem) for problem in result.problems]
    if result.differences:
        blames = [*result.blames, *[None] * (len(result.differences) - len(result.blames))]
        made["differences"] = [
            {
                **_difference(difference),
                "blame": {"message": blame.message, **_place(blame.span)} if blame else None,
            }
            for difference, blame in zip(result.differences, blames, strict=True)
        ]
        pairs = zip(result.events, result.routes, strict=True)
        made["events"] = [{"event": event, "outputs": list(route)} for event, route in pairs]
    return made


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "event": difference.event,
        "field": difference.field,
        "message": difference.message,
        "expected": difference.wanted,
        "got": difference.got,
        "note": difference.note,
        **_place(difference.span),
    }


def _problem(problem: Diagnostic) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "remedy": problem.help,
        **_place(problem.span),
    }


def _place(span: Span | None) -> dict[str, Any]:
    return {"file": span.source.name, "line": span.line, "column": span.column} if span else {}


def write(path: str, text: str) -> None:
    """Write a report, and the directories on its way."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")
