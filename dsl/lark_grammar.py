"""The grammar as Lark reads it: the tables that ``lalr`` runs, and what is wrong with a text that
they refuse.

The tables are written to a file beside the grammar (``docs/generate.py`` does so), since Lark takes
longer to make them than most configurations take to be read. States are numbered in the order in
which they are reached, so that the same grammar gives the same file.
"""

from __future__ import annotations

import json
import pkgutil
from functools import cache
from typing import Any

import msgspec
from lark import Lark
from lark.exceptions import UnexpectedInput
from lark.parsers.lalr_analysis import Shift

from .lalr import END, Lexer, Rule, Tables


@cache
def grammar() -> Lark:
    """The grammar, compiled by Lark."""
    text = pkgutil.get_data(__package__, "grammar.lark")
    assert text is not None
    return Lark(text.decode(), parser="lalr", maybe_placeholders=False)


def refusal(text: str) -> UnexpectedInput:
    """What Lark says of a text that is not of the language."""
    try:
        grammar().parse(text)
    except UnexpectedInput as error:
        return error
    raise AssertionError("the tables refuse a text that the grammar takes")


def written_tables() -> str:
    """The tables as the file has them."""
    return json.dumps(msgspec.to_builtins(_tables(), str_keys=True), separators=(",", ":")) + "\n"


def _tables() -> Tables:
    lark = grammar()
    front: Any = lark.parser
    table, contextual = front.parser._parse_table, front.lexer
    rules = {rule: number for number, rule in enumerate(lark.rules)}
    actions = {state: _actions(row, rules) for state, row in table.states.items()}
    (start,), (end,) = table.start_states.values(), table.end_states.values()
    actions[end][END] = (True, end)  # where Lark stops, to read the end is to go nowhere
    number = _in_order(start, actions)
    lexers: list[Lexer] = []
    lexer_of = []
    for state in number:
        lexer = _lexer(contextual.lexers[state])
        if lexer not in lexers:
            lexers.append(lexer)
        lexer_of.append(lexers.index(lexer))
    return Tables(
        start=number[start],
        end=number[end],
        states=[_numbered(actions[state], number) for state in number],
        rules=[_rule(rule) for rule in lark.rules],
        patterns={str(each.name): each.pattern.to_regexp() for each in lark.terminals},
        ignored=sorted(map(str, lark.ignore_tokens)),
        lexers=[*lexers, _lexer(contextual.root_lexer)],
        lexer_of=lexer_of,
    )


def _actions(row: dict[str, Any], rules: dict[Any, int]) -> dict[str, tuple[bool, int]]:
    """What to do at each symbol: whether to go to a state, and to which; or the rule to reduce
    by.
    """
    return {
        str(symbol): (True, to) if action is Shift else (False, rules[to])
        for symbol, (action, to) in sorted(row.items())
    }


def _in_order(start: int, actions: dict[int, dict[str, tuple[bool, int]]]) -> dict[int, int]:
    """The numbers of the states, in the order in which they are reached."""
    number, pending = {start: 0}, [start]
    for state in pending:
        for goes, to in actions[state].values():
            if goes and to not in number:
                number[to] = len(number)
                pending.append(to)
    return number


def _numbered(row: dict[str, tuple[bool, int]], number: dict[int, int]) -> dict[str, int]:
    return {symbol: number[to] if goes else -1 - to for symbol, (goes, to) in row.items()}


def _lexer(made: Any) -> Lexer:
    scanner = made.scanner
    keywords = {
        str(name): {str(each.pattern.value): str(each.name) for each in callback.scanner.terminals}
        for name, callback in made.callback.items()
    }
    return Lexer([str(each.name) for each in scanner.terminals], keywords)


def _rule(rule: Any) -> Rule:
    origin, symbols = str(rule.origin.name), list(enumerate(rule.expansion))
    kept = [number for number, symbol in symbols if not (symbol.is_term and symbol.filter_out)]
    spread = [n for n, symbol in symbols if not symbol.is_term and symbol.name.startswith("_")]
    is_passed = rule.options.expand1 and rule.alias is None and len(kept) == 1
    action = None if origin.startswith("_") or is_passed else str(rule.alias or origin)
    return Rule(origin, len(symbols), action, kept, spread, is_passed)
