"""On pygrok's own patterns the same is matched and captured as pygrok matches and captures."""
from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pygrok
import pytest

from penstock.dsl.grok import Library, compile_expression, shipped
from penstock.dsl.grok.expression import expand
from penstock.dsl.grok.optimize import named_only
from penstock.dsl.regex_tree import Node

DIRECTORY = Path(pygrok.__file__).parent / "patterns"

#: What pygrok does not read as Logstash does: a hexadecimal digit, a dash in a field's name, the space at the end of a pattern,
#: a quantifier of a quantifier.
READ_OTHERWISE = {"RUUID", "RT_FLOW1", "RT_FLOW2", "RT_FLOW3", "REDISLOG", "SHOREWALL"}


@pytest.fixture(scope="module")
def library() -> Library:
    """Pygrok's files before ours, where they have the same names."""
    return shipped("legacy").extended([str(DIRECTORY)])


def names_in(file: Path) -> list[str]:
    found = re.findall(r"^([A-Z]\w+) ", file.read_text(encoding="utf-8"), re.MULTILINE)
    return [name for name in found if name not in READ_OTHERWISE]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file", sorted(DIRECTORY.iterdir()), ids=lambda path: path.name)
def test_pygroks_patterns_capture_what_they_capture_there(
    file: Path,
    library: Library,
    say: Callable[[Node, random.Random], str],
    spoil: Callable[[str, random.Random], str],
) -> None:
    """On lines of ASCII without line ends, where Python's and Ruby's expressions mean the same."""
    chance = random.Random(file.name)
    for name in names_in(file):
        text = f"%{{{name}}}"
        theirs = pygrok.Grok(text).regex_obj
        ours = compile_expression(text, library)
        node = named_only(expand(text, library))
        line = say(node, chance)
        for tried in (line, spoil(line, chance)):
            tried = re.sub(r"[^\t -~]", "x", tried)
            try:
                expected = theirs.search(tried, timeout=0.1)
            except TimeoutError:
                continue
            found = ours.find(tried)
            assert (found and found.span()) == (expected and expected.span()), (name, tried)
            if found and expected:
                values = {(capture.name, value) for capture, value in zip(ours.captures, ours.read(found), strict=True)}
                assert {item for item in expected.groupdict().items() if item[1] is not None} <= values
