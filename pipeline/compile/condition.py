"""Conditions as Python expressions over ``event``, with no look-up left that can be done
beforehand.

The expressions are text that a person can read (``penstock show code``); what they name stands in a
namespace: compiled patterns, sets of constants, variables of fields that were read before. They
never raise: what cannot be compared is false. A match alone may, that takes too long: then the
event is looked at again, by expressions in which such a match is false and leaves a tag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ...dsl import values
from ...dsl.guard import limited
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
from ...dsl.reference import FieldRef
from ...dsl.regex import compile_kept
from .names import Namespace
from .reading import NOTHING, Known, Reads
from .searches import Make, patient, search_for

_DEEP = 30
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


class Test(NamedTuple):
    """The expression of a condition, true or false in a boolean context, and which fields are known
    behind it, where it holds and where it does not.
    """

    text: str
    where_true: Known
    where_false: Known


class Expressions:
    """Writes conditions as expressions; ``functions`` has the text of what had to be a function of
    its own.

    ``searches`` has the names of the searches, each with what makes it anew.
    """

    def __init__(self, names: Namespace) -> None:
        self.names = names
        self.reads = Reads(names)
        self.functions: list[str] = []
        self.searches: dict[str, Make] = {}
        self._patient = False

    def of(self, condition: Condition) -> str:
        """The expression of a condition by itself."""
        return self.test(condition).text

    def test(self, condition: Condition, known: Known = NOTHING, depth: int = 0) -> Test:
        """The expression of a condition, in a place where some fields are known."""
        if depth >= _DEEP and not isinstance(condition, Constant | Field | Exists):
            return Test(self._function(condition), known, known)
        if isinstance(condition, Both | Either):
            return self._several(condition, known, depth + 1)
        if isinstance(condition, Not):
            text, where_true, where_false = self.test(condition.operand, known, depth + 1)
            return Test(f"not {text}", where_false, where_true)
        if isinstance(condition, Differ):
            left = self.test(condition.left, known, depth + 1)
            right = self.test(condition.right, left.where_true & left.where_false, depth + 1)
            after = right.where_true & right.where_false
            return Test(f"(bool({left.text}) is not bool({right.text}))", after, after)
        text, after = self._simple(condition, known)
        return Test(text, after, after)

    def second_look(self, conditions: Sequence[Condition]) -> str:
        """The name of a function that gives the number of the first condition that holds, with no
        match that takes too long.
        """
        self._patient = True
        name = self.first_of(conditions, range(len(conditions) + 1), "second_look")
        self._patient = False
        return name

    def first_of(
        self, conditions: Sequence[Condition], numbers: Sequence[int], wish: str = "first_of"
    ) -> str:
        """The name of a function that gives the number of the first condition that holds, the last
        number where none does.
        """
        lines, known = [], NOTHING
        for condition, number in zip(conditions, numbers, strict=False):
            text, _, known = self.test(condition, known)
            lines.append(f"    if {text}:\n        return {number}\n")
        name = self.names.variable(wish)
        self.functions.append(
            f"def {name}(event):\n{''.join(lines)}    return {numbers[len(conditions)]}\n"
        )
        return name

    def _several(self, condition: Both | Either, known: Known, depth: int) -> Test:
        is_both = isinstance(condition, Both)
        texts, ends = [], []
        for part in condition.parts:
            text, where_true, where_false = self.test(part, known, depth)
            texts.append(text)
            ends.append(where_false if is_both else where_true)
            known = where_true if is_both else where_false
        text = f"({(' and ' if is_both else ' or ').join(texts)})"
        early = frozenset.intersection(*ends)
        return Test(text, known, early) if is_both else Test(text, early, known)

    def _function(self, condition: Condition) -> str:
        name = self.names.variable("condition")
        self.functions.append("")
        at = len(self.functions) - 1
        self.functions[at] = f"def {name}(event):\n    return {self.of(condition)}\n"
        return f"{name}(event)"

    def _simple(self, condition: Any, known: Known) -> tuple[str, Known]:
        if isinstance(condition, Constant):
            return repr(values.is_true(condition.value)), known
        if isinstance(condition, Field):
            return self._truth(condition.ref, known)
        if isinstance(condition, Exists):
            return self.reads.has(condition.ref, known)
        if isinstance(condition, Comparison):
            return self._comparison(condition, known)
        if isinstance(condition, Match):
            return self._match(condition, known)
        assert isinstance(condition, Membership)
        return self._membership(condition, known)

    def _truth(self, ref: FieldRef, known: Known) -> tuple[str, Known]:
        first, name, known = self.reads.value(ref, known)
        self.names["NOT_TRUE"] = _NOT_TRUE
        value = f"({first})" if ":=" in first else first
        return (
            f"({value} is not None and {name} is not False"
            f" and (type({name}) is not str or {name} not in NOT_TRUE))"
        ), known

    def _operands(self, left: Operand, right: Operand, known: Known) -> tuple[str, str, Known]:
        first, known = self._operand(left, known)
        second, known = self._operand(right, known)
        return first, second, known

    def _operand(self, operand: Operand, known: Known) -> tuple[str, Known]:
        if isinstance(operand, Field):
            return self.reads.field(operand.ref, known)
        return repr(operand.value), known

    def _comparison(self, node: Comparison, known: Known) -> tuple[str, Known]:
        left, right, operator = node.left, node.right, node.operator
        if isinstance(left, Constant) and isinstance(right, Field):
            left, right, operator = right, left, _MIRRORED.get(operator, operator)
        if operator == "!=":
            text, known = self._equality(left, right, known)
            return f"not {text}", known
        if operator == "==":
            return self._equality(left, right, known)
        return self._order(left, operator, right, known)

    def _equality(self, left: Operand, right: Operand, known: Known) -> tuple[str, Known]:
        if isinstance(right, Constant) and isinstance(left, Field):
            value = right.value
            if type(value) is str:
                text, known = self.reads.field(left.ref, known)
                return f"({text} == {value!r})", known
            if type(value) in (int, float, bool):
                first, name, known = self.reads.value(left.ref, known)
                kind = type(value).__name__
                return f"(type({first}) is {kind} and {name} == {value!r})", known
            return "False", known
        if isinstance(left, Constant) and isinstance(right, Constant):
            return repr(values.equal(left.value, right.value)), known
        self.names["equal"] = values.equal
        one, other, known = self._operands(left, right, known)
        if not (isinstance(left, Field) and isinstance(right, Field)):
            return f"equal({one}, {other})", known
        # Null is not what is absent: where both read as None, both must be there or neither.
        # What they read is not known behind them, for they are not always asked.
        has_one, within = self.reads.has(left.ref, known)
        has_other, _ = self.reads.has(right.ref, within)
        return f"(equal({one}, {other}) and ({has_one}) is ({has_other}))", known

    def _order(
        self, left: Operand, operator: str, right: Operand, known: Known
    ) -> tuple[str, Known]:
        if isinstance(left, Constant) and isinstance(right, Constant):
            sign = values.compare(left.value, right.value)
            return repr(sign is not None and bool(eval(f"{sign} {operator} 0"))), known
        text, after = self._ordered(left, operator, right, known)
        if operator not in ("<=", ">=") or not isinstance(left, Field):
            return text, after
        other = self.incomparable(left.ref, after)
        return f"({text} or {other})", after

    def _ordered(
        self, left: Operand, operator: str, right: Operand, known: Known
    ) -> tuple[str, Known]:
        """The order of numbers and of texts."""
        if (
            isinstance(right, Constant)
            and isinstance(left, Field)
            and type(right.value) in (int, float, str)
        ):
            first, name, known = self.reads.value(left.ref, known)
            if type(right.value) is str:
                return f"(type({first}) is str and {name} {operator} {right.value!r})", known
            number = f"(type({first}) is int or type({name}) is float)"
            return f"({number} and {name} {operator} {right.value!r})", known
        self.names["compare"] = values.compare
        one, other, known = self._operands(left, right, known)
        return f"((v := compare({one}, {other})) is not None and v {operator} 0)", known

    def incomparable(self, ref: FieldRef, known: Known) -> str:
        """The expression that tells whether a field is null or a boolean: to Logstash such a field
        is neither less nor greater than anything, so that ``<=`` and ``>=`` hold. What is absent
        is none. Nothing is known behind it that was not before.
        """
        self.names["NULL_OR_BOOLEAN"] = _NULL_OR_BOOLEAN
        text, known = self.reads.field(ref, known)
        has, _ = self.reads.has(ref, known)
        return f"(type({text}) in NULL_OR_BOOLEAN and {has})"

    def _match(self, node: Match, known: Known) -> tuple[str, Known]:
        if isinstance(node.value, Constant):
            text = node.value.value
            return repr(
                type(text) is str and compile_kept(node.pattern).search(text) is not None
            ), known
        search = search_for(node.pattern)
        first, name, known = self.reads.value(node.value.ref, known)
        tests = [f"type({first}) is str"]
        if search.test is not None:
            folded = self.names.variable("folded") if "{folded}" in search.test else ""
            tests.append(search.test.format(v=name, folded=folded))
        if search.pattern is not None:
            tests.append(self._search(node, search.pattern, name))
        return f"({' and '.join(tests)})", known

    def _search(self, node: Match, pattern: Any, name: str) -> str:
        line, place = node.span.line, node.span.place
        if self._patient:
            look = self._made(
                f"patient_{line}", lambda seconds: patient(limited(pattern, seconds).search, place)
            )
            return f"{look}(event, {name})"
        found = self._made(f"search_{line}", lambda seconds: limited(pattern, seconds).search)
        return f"{found}({name}) is not None"

    def _made(self, wish: str, make: Callable[[float], Any]) -> str:
        name = self.names.name(wish, make(0))
        self.searches[name] = make
        return name

    def _membership(self, node: Membership, known: Known) -> tuple[str, Known]:
        value, container = node.value, node.container
        if isinstance(container, Constant):
            if isinstance(value, Constant):
                return "False", known
            return self._among(value.ref, container.value, node.span.line, known)
        self.names["contains"] = values.contains
        one, other, known = self._operands(container, value, known)
        tests, within = [f"contains({one}, {other})"], known
        for each in (value, container):  # what is absent is in nothing, and nothing in it
            if isinstance(each, Field):
                has, within = self.reads.has(each.ref, within)
                tests.append(has)
        return f"({' and '.join(tests)})", known

    def _among(self, ref: FieldRef, container: Any, line: int, known: Known) -> tuple[str, Known]:
        if type(container) not in (str, list):
            return "False", known
        first, name, known = self.reads.value(ref, known)
        if type(container) is str:
            return f"(type({first}) is str and {name} in {container!r})", known
        texts = frozenset(map(values.ruby_text, container))
        self.names["is_among"] = is_among
        among = self.names.name(f"set_{line}", texts.union(_integers(texts)))
        is_key = f"type({first}) is str or type({name}) is int"
        if "" in texts:  # the text of null, but not of what is absent
            has, _ = self.reads.has(ref, known)
            return (
                f"({name} in {among} if {is_key} else"
                f" ({has}) if {name} is None else is_among({name}, {among}))"
            ), known
        return f"({name} in {among} if {is_key} else is_among({name}, {among}))", known


_NOT_TRUE = frozenset(("", "false"))
_NULL_OR_BOOLEAN = frozenset((type(None), bool))


def matches(condition: Condition | None) -> bool:
    """Whether an expression is matched against a field somewhere in the condition, so that it may
    take too long.
    """
    return any(
        isinstance(part, Match)
        and isinstance(part.value, Field)
        and search_for(part.pattern).pattern is not None
        for part in parts(condition)
    )


def parts(condition: Condition | None) -> Iterator[Condition]:
    """The condition and all that it is made of."""
    if condition is None:
        return
    yield condition
    inner: Iterable[Condition] = ()
    if isinstance(condition, Both | Either):
        inner = condition.parts
    elif isinstance(condition, Not):
        inner = (condition.operand,)
    elif isinstance(condition, Differ):
        inner = (condition.left, condition.right)
    for part in inner:
        yield from parts(part)


def fields(condition: Condition | None) -> Iterator[FieldRef]:
    """The fields that a condition reads, one for each time that it does."""
    for part in parts(condition):
        if isinstance(part, Field | Exists):
            yield part.ref
        operands: tuple[Any, ...] = ()
        if isinstance(part, Comparison):
            operands = (part.left, part.right)
        elif isinstance(part, Membership):
            operands = (part.value, part.container)
        elif isinstance(part, Match):
            operands = (part.value,)
        yield from [operand.ref for operand in operands if isinstance(operand, Field)]


def _integers(texts: Iterable[str]) -> Iterator[int]:
    """The integers whose text is among these."""
    for text in texts:
        try:
            number = int(text)
        except ValueError:
            continue
        if str(number) == text:
            yield number


def is_among(value: Any, texts: frozenset[str | int]) -> bool:
    """Whether a value that is not text is in a list of constants: by its text, as Logstash
    compares.
    """
    return (
        value is not None and type(value) not in (list, dict) and values.ruby_text(value) in texts
    )
