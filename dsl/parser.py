"""Text to tree: the builder that the grammar's rules call, and the few rules that a grammar says
badly.

The builder runs inside the LALR parser, so no parse tree is made on the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from . import tree
from .diagnostics import ConfigError, Diagnostic
from .lalr import Parser, RefusedError, Token
from .recovery import without_part
from .source import Source, Span

_DEEPEST = 80
_SECTIONS = ("input", "filter", "output")
_BAREWORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]+\Z")


def parse(source: Source) -> tree.Tree:
    """The tree of one source; raises ConfigError with the first syntax error."""
    found, problems, _ = _read(source, source.text)
    if found is None or problems:
        raise ConfigError(problems[:1])
    return found


def parse_leniently(source: Source) -> tuple[tree.Tree | None, list[Diagnostic]]:
    """The tree of what can be read of a source, and all syntax errors: after each, reading goes on
    behind the plugin or section in which it stands.
    """
    text, found = source.text, list[Diagnostic]()
    while True:
        made, problems, goes_on = _read(source, text)
        found += problems
        if made is not None:
            known = tuple(section for section in made.sections if section.kind in _SECTIONS)
            return tree.Tree(source, known, made.comments), found
        span = problems[0].span
        mended = None
        if span is not None and goes_on:
            mended = without_part(text, span.start)
        if mended is None or len(found) > _MOST_ERRORS:
            return None, found
        text = mended
        made, more, _ = _read(source, text)
        if made is None and not _is_behind(span, more[0].span):
            return None, found  # an echo of what was taken out


_MOST_ERRORS = 20


def _is_behind(span: Span | None, other: Span | None) -> bool:
    return span is not None and other is not None and other.start > span.start


def _read(source: Source, text: str) -> tuple[tree.Tree | None, list[Diagnostic], bool]:
    """The tree of a text that stands for the source's, None where it does not parse; what is wrong;
    and whether what follows the error can be trusted.
    """
    builder = _Builder(source)
    try:
        sections = builder.parser().parse(source, text)
    except RefusedError:
        return _explained(source, text)
    except ConfigError as error:
        return None, list(error.diagnostics), True
    return tree.Tree(source, sections, tuple(builder.comments)), builder.problems, True


def _explained(source: Source, text: str) -> tuple[None, list[Diagnostic], bool]:
    """What is wrong with a text, which Lark tells: it is imported for this alone."""
    from .lark_grammar import refusal
    from .syntax import explain_syntax_error, is_local

    error, read = refusal(text), Source(source.name, text)
    return None, [explain_syntax_error(read, error, source)], is_local(read, error)


def _too_deep(span: Span) -> Diagnostic:
    help = "nest it less deeply: `else if`, and conditions joined with `and` or `or`, do not nest"
    return Diagnostic("E105", f"this is nested more than {_DEEPEST} levels deep", span, help)


class _Builder:
    """The rules of the grammar as methods; each takes the children of the rule and returns its part
    of the tree.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Diagnostic] = []
        self.comments: list[tree.Comment] = []
        self.depths: dict[int, int] = {}
        self._depth = 0

    def parser(self) -> Parser:
        """What reads a text with this builder."""
        hooks = {
            "COMMENT": self._comment,
            **dict.fromkeys(("LBRACE", "LSQB", "LPAR"), self._open),
            **dict.fromkeys(("RBRACE", "RSQB", "RPAR"), self._close),
        }
        return Parser({name: partial(rule, self) for name, rule in _RULES.items()}, hooks)

    def _open(self, token: Token) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ConfigError([_too_deep(token.span)])

    def _close(self, token: Token) -> None:
        self._depth -= 1

    def _comment(self, token: Token) -> None:
        self.comments.append(tree.Comment(token.text, token.span))

    def span(self, first: Any, last: Any) -> Span:
        return Span(self.source, first.span.start, last.span.end)

    def problem(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.problems.append(Diagnostic(code, message, span, help))

    def leaf(self, token: Any) -> Any:
        """A token as a value or an operand; what is built already passes."""
        if not isinstance(token, Token):
            return token
        text, span, kind = token.text, token.span, token.type
        if kind == "STRING":
            return tree.Text(text[1:-1], span)
        if kind == "NUMBER":
            return tree.Number(float(text) if "." in text else int(text), span)
        if kind == "SELECTOR":
            return tree.Selector(text, span)
        if kind == "REGEXP":
            return tree.Regexp(text[1:-1].replace("\\/", "/"), span)
        return self.bareword(text, span)

    def operand(self, token: Any) -> Any:
        """A token in a condition; whether a bareword is one is for the check to say, who knows
        fields from texts.
        """
        if isinstance(token, Token) and token.type == "NAME":
            return tree.Bareword(token.text, token.span)
        return self.leaf(token)

    def deepen(self, node: tree.Binary | tree.Unary, below: int) -> None:
        """Note how deep operators nest without brackets: chains of ``not``, ``xor`` and
        ``nand``.
        """
        self.depths[id(node)] = depth = below + 1
        if depth > _DEEPEST:
            self.problems.append(_too_deep(node.span))

    def depth(self, node: Any) -> int:
        """How many operators nest in a condition."""
        return self.depths.get(id(node), 0)

    def bareword(self, text: str, span: Span) -> tree.Bareword:
        if not _BAREWORD.match(text):
            why = "is too short for an unquoted value" if len(text) == 1 else "is not a value"
            self.problem("E103", f"`{text}` {why}", span, f'put it in quotes: "{text}"')
        return tree.Bareword(text, span)


_RULES: dict[str, Callable[[_Builder, list[Any]], Any]] = {}
"""What each rule of the grammar builds."""


def _rule(build: Callable[[_Builder, list[Any]], Any]) -> Callable[[_Builder, list[Any]], Any]:
    _RULES[build.__name__] = build
    return build


@_rule
def start(self: _Builder, children: list[Any]) -> tuple[tree.Section, ...]:
    return tuple(children)


@_rule
def section(self: _Builder, children: list[Any]) -> tree.Section:
    kind = children[0].text
    if kind not in _SECTIONS:
        near = {"i": "input", "f": "filter", "o": "output"}.get(kind[:1].lower())
        help = (
            f"did you mean `{near}`?"
            if near
            else "a configuration consists of the sections input, filter and output"
        )
        self.problem("E102", f"unknown section `{kind}`", children[0].span, help)
    return tree.Section(kind, tuple(children[2:-1]), self.span(children[0], children[-1]))


@_rule
def name(self: _Builder, children: list[Any]) -> Token:
    token: Token = children[0]
    return Token("NAME", token.text[1:-1], token.span) if token.type == "STRING" else token


@_rule
def plugin(self: _Builder, children: list[Any]) -> tree.Plugin:
    head, attributes = children[0], children[2:-1]
    for before, after in pairwise(attributes):
        if before.span.end == after.span.start:
            self.problem(
                "E104",
                f"a space is missing before `{after.name}`",
                after.name_span,
                "write each option on its own line",
            )
    return tree.Plugin(head.text, head.span, tuple(attributes), self.span(head, children[-1]))


@_rule
def attribute(self: _Builder, children: list[Any]) -> tree.Attribute:
    head, value = children[0], self.leaf(children[1])
    return tree.Attribute(head.text, head.span, value, self.span(head, value))


@_rule
def array(self: _Builder, children: list[Any]) -> tree.Array:
    items = tuple(self.leaf(child) for child in children[1:-1])
    return tree.Array(items, self.span(children[0], children[-1]))


@_rule
def hash(self: _Builder, children: list[Any]) -> tree.Hash:  # noqa: A001 - the grammar's name
    return tree.Hash(tuple(children[1:-1]), self.span(children[0], children[-1]))


@_rule
def entry(self: _Builder, children: list[Any]) -> tree.Entry:
    key, value = self.leaf(children[0]), self.leaf(children[1])
    return tree.Entry(key, value, self.span(key, value))


@_rule
def branch(self: _Builder, children: list[Any]) -> tree.Branch:
    arms, at = [], 0
    while at < len(children):
        arm, at = _arm(self, children, at)
        arms.append(arm)
    return tree.Branch(tuple(arms), self.span(children[0], children[-1]))


def _arm(self: _Builder, children: Sequence[Any], at: int) -> tuple[tree.Arm, int]:
    first, condition = children[at], None
    while _is(children[at], "IF", "ELSE", "ELSEIF", "ELSIF"):
        at += 1
    if not _is(children[at], "LBRACE"):
        condition, at = self.operand(children[at]), at + 1
    close = next(i for i in range(at, len(children)) if _is(children[i], "RBRACE"))
    return (
        tree.Arm(condition, tuple(children[at + 1 : close]), self.span(first, children[close])),
        close + 1,
    )


def _is(child: Any, *kinds: str) -> bool:
    return isinstance(child, Token) and child.type in kinds


@_rule
def binary(self: _Builder, children: list[Any]) -> tree.Binary:
    left, operator, right = self.operand(children[0]), children[1].text, self.operand(children[2])
    node = tree.Binary(operator, left, right, self.span(left, right))
    is_chain = (
        operator in ("and", "or") and isinstance(left, tree.Binary) and left.operator == operator
    )
    self.deepen(node, max(self.depth(left) - is_chain, self.depth(right)))
    return node


@_rule
def not_in(self: _Builder, children: list[Any]) -> tree.Binary:
    left, right = self.operand(children[0]), self.operand(children[3])
    return tree.Binary("not in", left, right, self.span(left, right))


@_rule
def unary(self: _Builder, children: list[Any]) -> tree.Unary:
    operand = self.operand(children[1])
    node = tree.Unary(children[0].text, operand, self.span(children[0], operand))
    self.deepen(node, self.depth(operand))
    return node


@_rule
def call(self: _Builder, children: list[Any]) -> tree.Call:
    arguments = tuple(self.operand(child) for child in children[2:-1])
    return tree.Call(children[0].text, arguments, self.span(children[0], children[-1]))


@_rule
def group(self: _Builder, children: list[Any]) -> tree.Group:
    return tree.Group(self.operand(children[1]), self.span(children[0], children[-1]))
