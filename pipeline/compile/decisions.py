"""What conditions decide by the value of one field: tables for ``==`` and ``in``, intervals for
``<`` and ``>``.

Of conditions that compare a field with constants it is known beforehand what each value leads to,
and that all values that no constant names lead to the same. A condition may ask for more than the
field (``[kind] == "a" and [n] > 1``): then a value may leave some conditions open, which are asked
in turn for the events that have it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import msgspec

from ...dsl import values
from ...dsl.program import (
    Both,
    Comparison,
    Condition,
    Constant,
    Differ,
    Either,
    Field,
    Membership,
    Not,
)
from ...dsl.reference import FieldRef
from .condition import is_among, parts

Conditions = Sequence[Condition | None]
Outcome = tuple[int, ...]
"""The numbers of conditions that may hold for a value, in order, up to one that does."""

_Leaf = Callable[[Condition, FieldRef, Any], "bool | None"]

_ORDERS = ("<", ">", "<=", ">=")


class Table(msgspec.Struct, frozen=True):
    """What each text or integer of a field leads to; ``others`` all that it does not name,
    ``missing`` a field that is null or not there. ``outcome`` tells it of any value.
    """

    ref: FieldRef
    outcomes: dict[str | int, Outcome]
    others: Outcome
    missing: Outcome
    outcome: Callable[[Any], Outcome]

    def all_outcomes(self) -> set[Outcome]:
        """Every outcome that there is."""
        return {*self.outcomes.values(), self.others, self.missing}


class Intervals(msgspec.Struct, frozen=True):
    """What the numbers of a field lead to: those between the points and those at them in turn;
    ``incomparable`` what null and booleans lead to, ``others`` all else.
    """

    ref: FieldRef
    points: list[int | float]
    outcomes: list[Outcome]
    others: Outcome
    incomparable: Outcome


def table(ref: FieldRef, conditions: Conditions) -> Table:
    """The table of conditions asked in turn, all of them decided by constants of a field."""

    def outcome(value: Any) -> Outcome:
        return _outcome(ref, conditions, value, _by_constants)

    named = set(_named(ref, conditions))
    unnamed = next(text for text in map("\0".__mul__, range(1, 99)) if text not in named)
    return Table(
        ref,
        {value: outcome(value) for value in sorted(named, key=repr)},
        outcome(unnamed),
        outcome(None),
        outcome,
    )


def intervals(ref: FieldRef, conditions: Conditions) -> Intervals:
    """The intervals of conditions asked in turn, all of them decided by the order of numbers."""
    points = sorted({limit for each in conditions for limit in _limits(ref, each)})
    between = [
        Fraction(points[0]) - 1,
        *[(Fraction(low) + Fraction(high)) / 2 for low, high in pairwise(points)],
        Fraction(points[-1]) + 1,
    ]
    samples: list[Any] = [between[0]]
    for point, gap in zip(points, between[1:], strict=True):
        samples += [point, gap]
    outcomes = [_outcome(ref, conditions, value, _by_order) for value in samples]
    others = _outcome(ref, conditions, None, _by_order)
    return Intervals(ref, points, outcomes, others, _outcome(ref, conditions, True, _by_order))


def interval_of(points: Sequence[float], value: float) -> int:
    """The number of the interval or point that a number falls in."""
    return bisect_left(points, value) + bisect_right(points, value)


def deciding_fields(condition: Condition | None) -> Iterable[FieldRef]:
    """The fields whose constants may decide a condition."""
    return dict.fromkeys(ref for part in parts(condition) if (ref := _compared(part)) is not None)


def is_decided(condition: Condition | None, ref: FieldRef) -> bool:
    """Whether the constants of a field decide a condition for values that they do not name."""
    return None not in [_decided(condition, ref, value, _by_constants) for value in ("\0", None)]


def is_ordered(condition: Condition | None, ref: FieldRef) -> bool:
    """Whether the order of a field's numbers decides a condition, for all values."""
    leaves = [part for part in parts(condition) if not isinstance(part, Both | Either | Not)]
    return bool(leaves) and all(
        isinstance(leaf, Comparison) and _limit(leaf, ref) is not None for leaf in leaves
    )


def ordered_field(condition: Condition | None) -> FieldRef | None:
    """The field whose order may decide a condition."""
    for part in parts(condition):
        if isinstance(part, Comparison) and part.operator in _ORDERS:
            return next(
                (side.ref for side in (part.left, part.right) if isinstance(side, Field)), None
            )
    return None


def _decided(condition: Condition | None, ref: FieldRef, value: Any, leaf: _Leaf) -> bool | None:
    """Whether a condition holds where a field has a value; None where that depends on more."""
    if condition is None:
        return True
    if isinstance(condition, Both | Either):
        wanted = isinstance(condition, Either)
        found = [_decided(part, ref, value, leaf) for part in condition.parts]
        if wanted in found:
            return wanted
        return None if None in found else not wanted
    if isinstance(condition, Not):
        inner = _decided(condition.operand, ref, value, leaf)
        return None if inner is None else not inner
    if isinstance(condition, Differ):
        left = _decided(condition.left, ref, value, leaf)
        right = _decided(condition.right, ref, value, leaf)
        return None if left is None or right is None else left != right
    if isinstance(condition, Constant):
        return values.is_true(condition.value)
    return leaf(condition, ref, value)


def _by_constants(condition: Condition, ref: FieldRef, value: Any) -> bool | None:
    if _compared(condition) != ref:
        return None
    if isinstance(condition, Field):
        return values.is_true(value)
    if isinstance(condition, Membership):
        assert isinstance(condition.container, Constant)
        return is_among(value, frozenset(map(values.ruby_text, condition.container.value)))
    assert isinstance(condition, Comparison)
    constant = _constant(condition)
    same = value == constant if type(constant) is str else values.equal(value, constant)
    return same == (condition.operator == "==")


def _by_order(condition: Condition, ref: FieldRef, value: Any) -> bool | None:
    assert isinstance(condition, Comparison)
    limit = _limit(condition, ref)
    assert limit is not None
    return _in_order(value, *limit)


def _outcome(ref: FieldRef, conditions: Conditions, value: Any, leaf: _Leaf) -> Outcome:
    found = []
    for number, condition in enumerate(conditions):
        holds = _decided(condition, ref, value, leaf)
        if holds is not False:
            found.append(number)
        if holds:
            return tuple(found)
    return (*found, len(conditions))


def _compared(condition: Condition) -> FieldRef | None:
    """The field that a condition compares with constants for equality, or asks for its truth."""
    if isinstance(condition, Field):
        return condition.ref
    if isinstance(condition, Membership):
        is_list = (
            isinstance(condition.container, Constant)
            and type(condition.container.value) is list
            and "" not in condition.container.value  # which null is in, and what is absent is not
        )
        return condition.value.ref if isinstance(condition.value, Field) and is_list else None
    if isinstance(condition, Comparison) and condition.operator in ("==", "!="):
        fields = [side for side in (condition.left, condition.right) if isinstance(side, Field)]
        return fields[0].ref if len(fields) == 1 else None
    return None


def _constant(condition: Comparison) -> Any:
    side = condition.right if isinstance(condition.right, Constant) else condition.left
    assert isinstance(side, Constant)
    return side.value


def _named(ref: FieldRef, conditions: Conditions) -> Iterable[str | int]:
    """The texts and integers that conditions on a field name."""
    for part in (part for condition in conditions for part in parts(condition)):
        if _compared(part) != ref:
            continue
        if isinstance(part, Field):
            yield from ("", "false")
        elif isinstance(part, Membership):
            assert isinstance(part.container, Constant)
            for text in map(values.ruby_text, part.container.value):
                yield text
                if text == _integer_text(text):
                    yield int(text)
        elif isinstance(part, Comparison) and type(constant := _constant(part)) in (str, int):
            yield constant


def _integer_text(text: str) -> str | None:
    digits = text.removeprefix("-")
    return str(int(text)) if digits.isdecimal() and digits.isascii() and len(digits) < 400 else None


def _limits(ref: FieldRef, condition: Condition | None) -> Iterable[int | float]:
    for part in parts(condition):
        if isinstance(part, Comparison) and (limit := _limit(part, ref)) is not None:
            yield limit[1]


def _limit(condition: Comparison, ref: FieldRef) -> tuple[str, int | float] | None:
    """The operator and the number behind it, where the order of a field is asked."""
    left, right, operator = condition.left, condition.right, condition.operator
    if isinstance(right, Field):
        left, right = right, left
        operator = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator)
    if not (isinstance(left, Field) and left.ref == ref and isinstance(right, Constant)):
        return None
    is_number = type(right.value) in (int, float) and right.value - right.value == 0
    return (operator, right.value) if operator in _ORDERS and is_number else None


def _in_order(value: Any, operator: str, limit: int | float) -> bool:
    """Whether a value stands in an order; True stands for all that compares as equal."""
    if value is True:
        return operator in ("<=", ">=")
    if type(value) not in (int, float, Fraction):
        return False
    if operator in (">", ">="):
        return bool(value > limit or (operator == ">=" and value == limit))
    return bool(value < limit or (operator == "<=" and value == limit))
