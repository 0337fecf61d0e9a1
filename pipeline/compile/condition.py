"""Conditions as Python expressions over ``event``, with no look-up left that can be done
beforehand.

The expressions are text that a person can read (``penstock show code``); what they name stands in a
namespace: compiled patterns, sets of constants, readers of nested fields. They never raise: what
cannot be compared is false. A match alone may, that takes too long: then the event is looked at
again, by expressions in which such a match is false and leaves a tag.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...dsl import values
from ...dsl.event import add_tag
from ...dsl.guard import TIMED_OUT, MatchTimeout, limited
from ...dsl.program import (
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
from ...dsl.reference import Event, FieldRef
from ...dsl.regex import compile as compile_regex
from ...plugins.contract import complain

_DEEP = 30


class Namespace(dict[str, Any]):
    """The names that generated code uses; each value has one name."""

    def name(self, wish: str, value: Any) -> str:
        """A name for a value: the one wished for, or one like it."""
        wish = re.sub(r"\W+", "_", wish).strip("_") or "value"
        if wish[0].isdigit() or keyword.iskeyword(wish):
            wish = f"_{wish}"
        taken = wish
        number = 2
        while taken in self and self[taken] is not value:
            taken, number = f"{wish}_{number}", number + 1
        self[taken] = value
        return taken


class Expressions:
    """Writes conditions as expressions; ``functions`` has the text of what had to be a function of
    its own.

    ``searches`` has the names of the searches, each with what makes it anew, with a number of
    seconds that a match may take where no guard can end it (0 for ever).
    """

    def __init__(self, names: Namespace) -> None:
        self.names = names
        self.functions: list[str] = []
        self.searches: dict[str, Callable[[float], Any]] = {}
        self._patient = False

    def second_look(self, conditions: Sequence[Condition]) -> str:
        """The name of a function that gives the number of the first condition that holds, with no
        match that takes too long.
        """
        self._patient = True
        tests = [
            f"    if {self.of(condition)}:\n        return {number}\n"
            for number, condition in enumerate(conditions)
        ]
        self._patient = False
        name = f"second_look_{len(self.functions) + 1}"
        self.functions.append(f"def {name}(event):\n{''.join(tests)}    return {len(conditions)}\n")
        return name

    def of(self, condition: Condition, depth: int = 0) -> str:
        """The expression of a condition; true or false in a boolean context."""
        if depth >= _DEEP and not isinstance(condition, Constant | Field | Exists):
            return self._function(condition)
        if isinstance(condition, Both | Either):
            word = " and " if isinstance(condition, Both) else " or "
            return f"({word.join(self.of(part, depth + 1) for part in condition.parts)})"
        if isinstance(condition, Not):
            return f"not {self.of(condition.operand, depth + 1)}"
        if isinstance(condition, Differ):
            return (
                f"(bool({self.of(condition.left, depth + 1)}) is not"
                f" bool({self.of(condition.right, depth + 1)}))"
            )
        return self._simple(condition)

    def _function(self, condition: Condition) -> str:
        name = f"condition_{len(self.functions) + 1}"
        self.functions.append("")
        at = len(self.functions) - 1
        self.functions[at] = f"def {name}(event):\n    return {self.of(condition)}\n"
        return f"{name}(event)"

    def _simple(self, condition: Any) -> str:
        if isinstance(condition, Constant):
            return repr(values.is_true(condition.value))
        if isinstance(condition, Field):
            self.names["is_true"] = values.is_true
            return f"is_true({self.field(condition.ref)})"
        if isinstance(condition, Exists):
            has = self.names.name("has_" + "_".join(condition.ref.keys), condition.ref.has)
            return f"{has}(event)"
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Match):
            return self._match(condition)
        assert isinstance(condition, Membership)
        return self._membership(condition)

    def field(self, ref: FieldRef) -> str:
        """The expression that reads a field."""
        if len(ref.keys) == 1 and ref.keys[0] != "@metadata":
            return f"event.get({ref.keys[0]!r})"
        return f"{self.names.name('_'.join(ref.keys), ref.get)}(event)"

    def _operand(self, operand: Operand) -> str:
        return self.field(operand.ref) if isinstance(operand, Field) else repr(operand.value)

    def _comparison(self, node: Comparison) -> str:
        left, right, operator = node.left, node.right, node.operator
        if isinstance(left, Constant) and isinstance(right, Field):
            mirrored = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
            left, right, operator = right, left, mirrored.get(operator, operator)
        if operator == "!=":
            return f"not {self._equality(left, right)}"
        if operator == "==":
            return self._equality(left, right)
        return self._order(left, operator, right)

    def _equality(self, left: Operand, right: Operand) -> str:
        if isinstance(right, Constant) and isinstance(left, Field):
            value, field = right.value, self.field(left.ref)
            if type(value) is str:
                return f"({field} == {value!r})"
            if type(value) in (int, float, bool):
                return f"(type(v := {field}) is {type(value).__name__} and v == {value!r})"
            return "False"
        if isinstance(left, Constant) and isinstance(right, Constant):
            return repr(values.equal(left.value, right.value))
        self.names["equal"] = values.equal
        return f"equal({self._operand(left)}, {self._operand(right)})"

    def _order(self, left: Operand, operator: str, right: Operand) -> str:
        if isinstance(left, Constant) and isinstance(right, Constant):
            sign = values.compare(left.value, right.value)
            return repr(sign is not None and bool(eval(f"{sign} {operator} 0")))
        if isinstance(right, Constant) and type(right.value) in (int, float, str):
            kind = (
                "(type(v := {}) is str"
                if type(right.value) is str
                else "((type(v := {}) is int or type(v) is float)"
            )
            return f"{kind.format(self._operand(left))} and v {operator} {right.value!r})"
        self.names["compare"] = values.compare
        return (
            f"((v := compare({self._operand(left)}, {self._operand(right)})) is not None and v"
            f" {operator} 0)"
        )

    def _match(self, node: Match) -> str:
        pattern = compile_regex(node.pattern)
        if isinstance(node.value, Constant):
            return repr(
                type(node.value.value) is str and pattern.search(node.value.value) is not None
            )
        value, place = self.field(node.value.ref), node.span.place
        if self._patient:
            look = self._search(
                f"patient_{node.span.line}",
                lambda seconds: patient(limited(pattern, seconds).search, place),
            )
            return f"(type(v := {value}) is str and {look}(event, v))"
        search = self._search(
            f"search_{node.span.line}", lambda seconds: limited(pattern, seconds).search
        )
        return f"(type(v := {value}) is str and {search}(v) is not None)"

    def _search(self, wish: str, make: Callable[[float], Any]) -> str:
        name = self.names.name(wish, make(0))
        self.searches[name] = make
        return name

    def _membership(self, node: Membership) -> str:
        value, container = node.value, node.container
        if isinstance(container, Constant):
            if isinstance(value, Constant):
                return "False"
            return self._among(self.field(value.ref), container.value, node.span.line)
        self.names["contains"] = values.contains
        return f"contains({self.field(container.ref)}, {self._operand(value)})"

    def _among(self, field: str, container: Any, line: int) -> str:
        if type(container) is str:
            return f"(type(v := {field}) is str and v in {container!r})"
        if type(container) is not list:
            return "False"
        texts = frozenset(_texts(container))
        self.names["is_among"] = is_among
        name = self.names.name(f"set_{line}", texts)
        return f"(v in {name} if type(v := {field}) is str else is_among(v, {name}))"


def matches(condition: Condition | None) -> bool:
    """Whether an expression is matched against a field somewhere in the condition."""
    if isinstance(condition, Both | Either):
        return any(map(matches, condition.parts))
    if isinstance(condition, Not):
        return matches(condition.operand)
    if isinstance(condition, Differ):
        return matches(condition.left) or matches(condition.right)
    return isinstance(condition, Match) and isinstance(condition.value, Field)


def patient(
    search: Callable[[str], re.Match[str] | None], where: str
) -> Callable[[Event, str], bool]:
    """A search that finds nothing where it takes too long, and tags the event."""

    def look(event: Event, text: str) -> bool:
        try:
            return search(text) is not None
        except MatchTimeout as error:
            add_tag(event, TIMED_OUT)
            complain(
                where,
                "%s: %s; it counts as none, and the event is tagged %s",
                where,
                error,
                TIMED_OUT,
            )
            return False

    return look


def _texts(items: Iterable[Any]) -> Iterable[str]:
    return (values.to_text(item) for item in items)


def is_among(value: Any, texts: frozenset[str]) -> bool:
    """Whether a value that is not text is in a list of constants: by its text, as Logstash
    compares.
    """
    return value is not None and type(value) not in (list, dict) and values.to_text(value) in texts
