"""Every grok expression of the conformance cases, on every line of its case and on near misses of it: the lean form captures what the
plain one does."""
from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.grok import Guard, MatchTimeout
from penstock.dsl.grok.expression import expand
from penstock.dsl.grok.optimize import named_only
from penstock.dsl.regex_writer import Writer
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.filters.grok import Grok
from penstock.pipeline.compile.instantiate import assemble

CASES = Path(__file__).parents[3].parent / "shared" / "conformance"
FILES = [CASES / f"{name}.jsonl" for name in ("grok", "grok_patterns_ecs", "grok_patterns_legacy", "pipelines")]


def texts(value: Any) -> Iterator[str]:
    """All texts in an event."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


def groks(case: dict[str, Any]) -> list[Grok]:
    """The grok filters of a case; none where its configuration is wrong, or its files lie elsewhere."""
    source = Source(case["id"], case["config"].replace("{fixtures}", str(CASES / "fixtures")))
    try:
        assembly = assemble([source], settled({"pipeline.ecs_compatibility": case.get("ecs", "disabled")}))
    except ConfigError:
        return []
    return [plugin for plugin in assembly.made.values() if isinstance(plugin, Grok)]


def pairs(grok: Grok) -> Iterator[tuple[re.Pattern[str], Any]]:
    """Each expression of a filter, plain and lean."""
    library = grok._library()
    for _, attempts in grok._fields:
        for expression in (attempt.expression for attempt in attempts):
            tree = named_only(expand(expression.text, library, grok.named_captures_only))
            yield re.compile(Writer(unnamed=False).write(tree), re.MULTILINE), expression


@pytest.mark.skipif(not CASES.exists(), reason="no conformance cases beside the checkout")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_lean_and_plain_capture_the_same(path: Path, spoil: Any) -> None:
    chance, compared = random.Random(path.stem), 0
    for case in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        lines = set(texts(case.get("in", [])))
        for grok in groks(case):
            for plain, lean in pairs(grok):
                for line in [*lines, *(spoil(line, chance) for line in sorted(lines) for _ in range(3))]:
                    try:
                        with Guard(0.05):
                            expected = plain.search(line)
                    except MatchTimeout:  # the plain form may have no end: that is why there is a lean one
                        continue
                    with Guard(5):
                        found = lean.find(line)
                    assert (found and found.regs) == (expected and expected.regs), (case["id"], line)
                    compared += 1
    assert compared
