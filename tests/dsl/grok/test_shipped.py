"""The shipped patterns, all of them: they compile, lean and plain agree on them, and no line makes one run for ever."""
from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Literal, get_args

import pytest

from penstock.dsl.grok import Guard, compile_expression, shipped
from penstock.dsl.grok.expression import expand
from penstock.dsl.grok.optimize import named_only
from penstock.dsl.regex_tree import Atomic, Capture, Choice, Node, Repeat, Sequence
from penstock.dsl.regex_writer import Writer

Family = Literal["legacy", "ecs-v1"]
Say = Callable[[Node, random.Random], str]
Spoil = Callable[[str, random.Random], str]

NAMES = [(family, pattern.name) for family in get_args(Family) for pattern in shipped(family)]
INITIALS = sorted({(family, name[:2]) for family, name in NAMES})
LIMIT = 2.0


def patterns_of(family: Family, initial: str) -> list[str]:
    return [name for at, name in NAMES if at == family and name.startswith(initial)]


@cache
def tree(family: Family, text: str) -> Node:
    return named_only(expand(text, shipped(family)))


@pytest.mark.parametrize(("family", "initial"), INITIALS)
def test_every_pattern_compiles_and_captures(family: Family, initial: str) -> None:
    """With all that it is made of captured too."""
    for name in patterns_of(family, initial):
        everything = compile_expression(f"%{{{name}}}", shipped(family), named_captures_only=False)
        assert everything.captures[0].name == name


@pytest.mark.parametrize(("family", "initial"), INITIALS)
def test_lean_and_plain_agree_on_lines_and_near_misses(family: Family, initial: str, say: Say, spoil: Spoil) -> None:
    """Lines are made from the pattern; for some with something behind it, which may take back what the pattern took."""
    chance = random.Random(initial)
    for name in patterns_of(family, initial):
        text = chance.choice(("%{{{}}}", '%{{{}}} ?"?%{{WORD:w}}')).format(name)
        node = tree(family, text)
        plain = re.compile(Writer(unnamed=False).write(node), re.MULTILINE)
        expression = compile_expression(text, shipped(family))
        for _ in range(4):
            line = say(node, chance)
            for tried in (line, spoil(line, chance)):
                with Guard(LIMIT):
                    expected, found = plain.search(tried), expression.find(tried)
                assert (found and found.regs) == (expected and expected.regs), (text, tried)


def pumped(node: Node, say: Say, chance: random.Random) -> Iterator[str]:
    """For each part that repeats: what stands before it, the part many times, and a character that does not fit."""
    for before, part in repeated(node, ()):
        start = "".join([say(item, chance) for item in before])
        once = "".join([say(part, chance) for _ in range(chance.randint(1, 2))])
        yield (start + once * 30)[-1500:] + chance.choice('\x00!\n"')


def repeated(node: Node, before: tuple[Node, ...]) -> Iterator[tuple[tuple[Node, ...], Node]]:
    if isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from repeated(item, (*before, *node.items[:index]))
    elif isinstance(node, Choice):
        for branch in node.branches:
            yield from repeated(branch, before)
    elif isinstance(node, Repeat):
        if node.high is None or node.high > 8:
            yield before, node.node
        yield from repeated(node.node, before)
    elif isinstance(node, Capture | Atomic):
        yield from repeated(node.node, before)


@pytest.mark.parametrize(("family", "initial"), INITIALS)
def test_no_line_makes_a_pattern_run_for_ever(family: Family, initial: str, say: Say) -> None:
    """One that tried every way to split a text would not end within the limit, a thousand times what is needed."""
    chance = random.Random(initial)
    for name in patterns_of(family, initial):
        text = f"^%{{{name}}}\x00$"
        expression = compile_expression(text, shipped(family))
        lines = list(pumped(tree(family, text), say, chance))
        with Guard(LIMIT):
            for line in chance.sample(lines, min(len(lines), 25)):
                expression.find(line)
