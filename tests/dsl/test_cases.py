"""The diagnostics of the language, as text in the language: ``cases/*.txt``.

A case starts with ``=== title``. A line that must be blamed ends in ``### CODE ‹text under the caret› words of the message or
help``; the marker is cut off before the text is read. A case without markers must be clean.
"""
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

MARKER = re.compile(r"[ ]*###[ ](?P<code>[EW]\d{3})[ ]‹(?P<caret>[^›]*)›[ ]?(?P<words>(?:(?!###).)*)$")


@dataclass
class Case:
    """A configuration and the findings that it must give: line, code, text under the caret, words."""

    text: str
    wanted: list[tuple[int, str, str, str]]


def cases() -> list[Any]:
    """All cases of the directory."""
    found = []
    for path in sorted(Path(__file__).with_name("cases").glob("*.txt")):
        for chunk in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, body = chunk.partition("\n")
            found.append(pytest.param(case(body), id=f"{path.stem}: {title}"))
    return found


def case(body: str) -> Case:
    """A chunk with its markers cut off."""
    lines, wanted = [], []
    for number, line in enumerate(body.rstrip("\n").split("\n"), 1):
        while match := MARKER.search(line):
            wanted.append((number, match["code"], match["caret"], match["words"].strip()))
            line = line[: match.start()]
        lines.append(line)
    return Case("\n".join(lines) + "\n", wanted)


@pytest.mark.parametrize("case", cases())
def test_a_configuration_gives_the_findings_that_are_marked(case: Case, language: Any) -> None:
    found = language.findings(case.text, HOME="/home/someone")
    given = [(d.span.line, d.code, d.span.text.split("\n")[0]) for d in found]
    assert sorted(given) == sorted(wanted[:3] for wanted in case.wanted)
    for line, code, caret, words in case.wanted:
        said = [d for d in found if (d.span.line, d.code, d.span.text.split("\n")[0]) == (line, code, caret)]
        assert any(words in f"{d.message}; {d.help}" for d in said), [f"{d.message}; {d.help}" for d in said]
