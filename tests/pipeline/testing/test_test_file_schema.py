"""What is wrong with test files, as test files: ``cases/*.yml.txt``.

A case starts with ``=== title``. A line that must be blamed ends in ``### CODE ‹text under the caret› words of the message or
help``, which is cut off before the text is read. A case without markers must be clean.
"""
import json
import re
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError, Diagnostic
from penstock.pipeline.testing.suite import read_suite
from penstock.pipeline.testing.test_file_schema import schema

MARKER = re.compile(r"[ ]*###[ ](?P<code>[EW]\d{3})[ ]‹(?P<caret>[^›]*)›[ ]?(?P<words>(?:(?!###).)*)$")
ROOT = Path(__file__).parents[3]


def chunks() -> list[Any]:
    found = []
    for path in sorted(Path(__file__).with_name("cases").glob("*.txt")):
        for chunk in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            title, _, body = chunk.partition("\n")
            found.append(pytest.param(body, id=title))
    return found


def findings(path: Path) -> list[Diagnostic]:
    try:
        return list(read_suite(path).warnings)
    except ConfigError as error:
        return list(error.diagnostics)


@pytest.mark.parametrize("body", chunks())
def test_a_test_file_gives_the_findings_that_are_marked(body: str, tmp_path: Path) -> None:
    lines, wanted = [], []
    for number, line in enumerate(body.rstrip("\n").split("\n"), 1):
        while match := MARKER.search(line):
            wanted.append((number, match["code"], match["caret"], match["words"].strip()))
            line = line[: match.start()]
        lines.append(line)
    path = tmp_path / "case.test.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = findings(path)
    given = [(d.span.line, d.code, d.span.text.split("\n")[0]) for d in found if d.span]
    assert sorted(given) == sorted(one[:3] for one in wanted)
    for line, code, caret, words in wanted:
        said = [d for d in found if d.span and (d.span.line, d.code, d.span.text.split("\n")[0]) == (line, code, caret)]
        assert any(words in f"{d.message}; {d.help}" for d in said), [f"{d.message}; {d.help}" for d in said]


def test_the_published_schema_is_the_form() -> None:
    published = json.loads((ROOT / "docs" / "schema" / "test-file.schema.json").read_text(encoding="utf-8"))
    assert published == schema(), "penstock test --schema > docs/schema/test-file.schema.json"
