"""Runs the tables of the grammar over a text: tokens and reductions in step, in one loop.

Lark makes the tables (``lark_grammar``), and they are kept beside the grammar: to make them, and
even to import Lark, takes longer than to read most configurations. So Lark is asked only where a
text is refused, for what it says of the reason.

The lexer is contextual: what a token is depends on what may stand there. One expression with all
terminals in their order reads nearly every token rightly; where it finds one that may not stand
there, the expression with only those that may is asked.
"""

from __future__ import annotations

import json
import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

import msgspec

from .diagnostics import PenstockError
from .source import Source, Span

END = "$END"
TABLES = "grammar.json"

Action = Callable[[list[Any]], Any]


class RefusedError(PenstockError):
    """The text is not of the language; ``at`` is the place of the token that may not stand
    there.
    """

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Token(msgspec.Struct, frozen=True):
    """A piece of text as one terminal of the grammar."""

    type: str
    text: str
    span: Span


class Lexer(msgspec.Struct):
    """The terminals that may stand at a place, in the order in which they are tried; ``keywords``
    are texts that make a terminal of a more general one.
    """

    terminals: list[str]
    keywords: dict[str, dict[str, str]]


class Rule(msgspec.Struct):
    """``origin`` is reduced from ``size`` values; ``action`` names what is made of them, None where
    nothing is. ``kept`` has the numbers of the values that go on, and ``spread`` of those that are
    lists whose items do. ``is_passed``: a lone value stands for itself.
    """

    origin: str
    size: int
    action: str | None
    kept: list[int]
    spread: list[int]
    is_passed: bool


class Tables(msgspec.Struct):
    """What drives the parser. ``states`` has for each state what to do at a symbol: go to a state,
    or, below zero, reduce by rule ``-1 - n``. ``lexer_of`` has the number of each state's lexer;
    the last lexer knows all terminals.
    """

    start: int
    end: int
    states: list[dict[str, int]]
    rules: list[Rule]
    patterns: dict[str, str]
    ignored: list[str]
    lexers: list[Lexer]
    lexer_of: list[int]


@cache
def tables() -> Tables:
    """The tables of the configuration language."""
    text = pkgutil.get_data(__package__, TABLES)
    assert text is not None
    return msgspec.convert(json.loads(text), Tables)


class Parser:
    """Reads texts: ``actions`` make of the values of a rule its value, ``hooks`` are shown tokens
    of some types as they are read, those that are passed over as well.
    """

    def __init__(
        self, actions: Mapping[str, Action], hooks: Mapping[str, Callable[[Token], None]]
    ) -> None:
        self._tables = tables()
        self._hooks = hooks
        self._rules = [_reduction(rule, actions) for rule in self._tables.rules]

    def parse(self, source: Source, text: str) -> Any:
        """What a text comes to, its places being those of a source; raises RefusedError, and what
        actions and hooks raise.
        """
        states, hooks, ignored = self._tables.states, self._hooks, self._tables.ignored
        silent = frozenset(ignored) - hooks.keys()
        scan, keywords = _scanner(-1)
        stack, values, at = [self._tables.start], list[Any](), 0
        while at < len(text):
            found = scan(text, at)
            if found is None:
                raise RefusedError(at)
            kind = str(found.lastgroup)
            if kind in silent:
                at = found.end()
                continue
            if kind in keywords:
                kind = keywords[kind].get(found[0], kind)
            if kind not in states[stack[-1]] and kind not in ignored:
                kind, found = self._in_context(stack[-1], text, at)
            token = Token(kind, found[0], Span(source, at, found.end()))
            if kind in hooks:
                hooks[kind](token)
            if kind not in ignored:
                stack.append(self._next(kind, stack, values, at))
                values.append(token)
            at = found.end()
        self._next(END, stack, values, at)
        return values[-1]

    def _in_context(self, state: int, text: str, at: int) -> tuple[str, re.Match[str]]:
        """The token that stands at a place, of those that may."""
        scan, keywords = _scanner(self._tables.lexer_of[state])
        found = scan(text, at)
        if found is None:
            raise RefusedError(at)
        kind = str(found.lastgroup)
        return keywords.get(kind, {}).get(found[0], kind), found

    def _next(self, kind: str, stack: list[int], values: list[Any], at: int) -> int:
        """Reduce what a token ends; the state to go to with it."""
        states, rules = self._tables.states, self._rules
        while (action := states[stack[-1]].get(kind)) is not None and action < 0:
            size, origin, make = rules[-1 - action]
            first = len(values) - size
            children = values[first:]
            del values[first:], stack[first + 1 :]
            stack.append(states[stack[-1]][origin])
            values.append(make(children))
        if action is None:
            raise RefusedError(at)
        return action


@cache
def _scanner(
    number: int,
) -> tuple[Callable[[str, int], re.Match[str] | None], dict[str, dict[str, str]]]:
    """What finds the token at a place, by the number of a lexer; each is compiled when needed."""
    lexer, patterns = tables().lexers[number], tables().patterns
    text = "|".join(f"(?P<{name}>{patterns[name]})" for name in lexer.terminals)
    return re.compile(text).match, lexer.keywords


def _reduction(rule: Rule, actions: Mapping[str, Action]) -> tuple[int, str, Action]:
    action = actions.get(rule.action) if rule.action is not None else None
    return rule.size, rule.origin, _joined(rule, action)


def _joined(rule: Rule, action: Action | None) -> Action:
    """What makes of a rule's values its value: those that count, the items of lists among them, and
    what the action makes of these.
    """
    if rule.is_passed:
        return itemgetter(rule.kept[0])
    kept, spread = rule.kept, frozenset(rule.spread)
    if not spread and kept == list(range(rule.size)):
        return action or _same

    def join(values: list[Any]) -> Any:
        joined = values[kept[0]] if kept[0] in spread else [values[kept[0]]]
        for number in kept[1:]:
            if number in spread:
                joined += values[number]
            else:
                joined.append(values[number])
        return joined if action is None else action(joined)

    return join


def _same(values: list[Any]) -> Any:
    return values
