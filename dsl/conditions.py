"""Conditions of the tree as conditions of the program: operands resolved, chains flattened, what
can never hold pointed out.

Three habits of Logstash are kept, because configurations rely on them, and warned about: a list of
one item is a field whose name has quotes; ``in`` between two constants is false; a list never
equals a field. ``xor`` binds looser than ``and``/``nand`` and tighter than ``or``.
"""

from __future__ import annotations

from typing import Any

from . import tree
from .diagnostics import Diagnostic, did_you_mean
from .literals import Literals, Report
from .program import (
    Both,
    Comparison,
    Condition,
    Constant,
    Differ,
    Either,
    Exists,
    Field,
    Match,
    Membership,
    Not,
    Operand,
)
from .reference import FieldRef, ReferenceSyntaxError
from .regex import RegexError
from .regex import compile as compile_regex
from .source import Span
from .variables import VARIABLE

_COMPARISONS = {"==", "!=", "<", ">", "<=", ">="}


class Conditions:
    """Resolves conditions; reports what is wrong with them."""

    def __init__(self, literals: Literals, report: Report) -> None:
        self.literals = literals
        self.report = report

    def resolve(self, node: tree.Condition) -> Condition:
        """A condition as what it means."""
        if isinstance(node, tree.Binary):
            return self._binary(node)
        if isinstance(node, tree.Unary):
            return Not(self.resolve(node.operand), node.span)
        if isinstance(node, tree.Group):
            return self.resolve(node.inner)
        if isinstance(node, tree.Call):
            return self._call(node)
        if isinstance(node, tree.Bareword) and node.value in ("true", "false"):
            return Constant(node.value == "true", node.span)
        return self.operand(node)

    def _binary(self, node: tree.Binary) -> Condition:
        if node.operator in ("and", "or"):
            parts = tuple(self.resolve(part) for part in _chain(node))
            return Both(parts, node.span) if node.operator == "and" else Either(parts, node.span)
        if node.operator == "nand":
            return Not(
                Both((self.resolve(node.left), self.resolve(node.right)), node.span), node.span
            )
        if node.operator == "xor":
            return Differ(self.resolve(node.left), self.resolve(node.right), node.span)
        left = self.operand(node.left)
        if node.operator in ("=~", "!~"):
            return self._match(node, left)
        right = self.operand(node.right)
        if node.operator in _COMPARISONS:
            return Comparison(node.operator, left, right, node.span)
        return self._membership(node, left, right)

    def _match(self, node: tree.Binary, left: Operand) -> Condition:
        assert isinstance(node.right, tree.Text | tree.Regexp)
        pattern = node.right.value
        if isinstance(node.right, tree.Text):
            pattern = self.literals.unescaped(pattern)
        if variable := VARIABLE.search(pattern):
            self.problem(
                "W305",
                f"`{variable[0]}` is not filled in within a regular expression, as in Logstash",
                node.right.span,
                "compare with == or in, where variables are filled in",
            )
        try:
            compile_regex(pattern)
        except RegexError as error:
            self.problem("E208", f"bad regular expression: {error}", node.right.span)
        match = Match(left, pattern, node.span)
        return match if node.operator == "=~" else Not(match, node.span)

    def _membership(self, node: tree.Binary, left: Operand, right: Operand) -> Condition:
        if isinstance(left, Constant) and isinstance(right, Constant):
            self.problem(
                "W302",
                "`in` between two constants is always false, as in Logstash",
                node.span,
                "compare a field",
            )
        member = Membership(left, right, node.span)
        return member if node.operator == "in" else Not(member, node.span)

    def operand(self, node: tree.Condition) -> Operand:
        """One side of a comparison."""
        if isinstance(node, tree.Selector):
            return self._field(node)
        if isinstance(node, tree.Group):
            return self.operand(node.inner)
        if isinstance(node, tree.Text):
            return Constant(self.literals.text(node), node.span)
        if isinstance(node, tree.Number):
            return Constant(node.value, node.span)
        if isinstance(node, tree.Array):
            return Constant(self.literals.value(node), node.span)
        if isinstance(node, tree.Regexp):
            return Constant(node.value, node.span)
        if isinstance(node, tree.Bareword):
            return self._bareword(node)
        self.problem(
            "E216",
            "the result of a condition cannot be compared",
            node.span,
            "compare a field, a string or a number; join conditions with `and`, `or`",
        )
        return Constant(False, node.span)

    def _bareword(self, node: tree.Bareword) -> Constant:
        if node.value not in ("true", "false"):
            help = f'write a field as [{node.value}], a string as "{node.value}"'
            if node.value in ("null", "nil", "none", "None", "undefined"):
                help = (
                    "write exists([field]) to ask whether a field is there, ![field] whether it is"
                    " missing, empty or false"
                )
            self.problem("E217", f"`{node.value}` is neither a field nor a string", node.span, help)
        return Constant(node.value == "true", node.span)

    def _field(self, node: tree.Selector) -> Operand:
        inner = node.text[1:-1].strip()
        if node.text.count("[") == 1 and (inner[:1] in "\"'" or inner.isdigit()):
            self.problem(
                "W303",
                (
                    f"`{node.text}` is read as a field of that name, as in Logstash: a list"
                    " needs at least two items"
                ),
                node.span,
                f"write == {inner}, or give a second item",
            )
        return self._reference(node.text, node.span)

    def _reference(self, text: str, span: Span) -> Operand:
        try:
            return Field(FieldRef(text), span)
        except ReferenceSyntaxError as error:
            self.problem("E207", str(error), span)
            return Constant(False, span)

    def _call(self, node: tree.Call) -> Condition:
        if node.name != "exists":
            help = did_you_mean(node.name, ["exists"]) or "the only function is `exists([field])`"
            self.problem("E218", f"unknown function `{node.name}`", node.span, help)
        elif len(node.arguments) == 1 and isinstance(node.arguments[0], tree.Selector):
            field = self._reference(node.arguments[0].text, node.arguments[0].span)
            if isinstance(field, Field):
                return Exists(field.ref, node.span)
        else:
            self.problem(
                "E218",
                "`exists` takes exactly one field reference",
                node.span,
                "write exists([a][b])",
            )
        return Constant(False, node.span)

    def problem(self, code: str, message: str, span: Span, help: str = "") -> None:
        """Report a finding."""
        self.report(Diagnostic(code, message, span, help))


def _chain(node: tree.Binary) -> list[Any]:
    """The operands of a chain of one operator, however long: ``a or b or c``."""
    parts: list[Any] = []
    at: Any = node
    while isinstance(at, tree.Binary) and at.operator == node.operator:
        parts.append(at.right)
        at = at.left
    return [at, *reversed(parts)]
