"""The arms of a branch in portions, each sorted by one loop: by tests one after the other, or,
where many arms in a row compare one field with texts or integers, by a look into a table.

A chain of a thousand `else if [type] == "…"` costs as much as one. Chains of other tests are cut
every fifty arms: Python's parser takes some nine hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ...dsl.program import Arm, Comparison, Condition, Constant, Field
from ...dsl.reference import FieldRef

_MOST_TESTS = 50
_LEAST_IN_TABLE = 4


class Table(msgspec.Struct, frozen=True):
    """The number of the arm for each text or integer of a field; the first arm that has one
    wins.
    """

    ref: FieldRef
    arms: dict[str | int, int]


class Portion(msgspec.Struct, frozen=True):
    """Arms in a row; with a table the last may be an ``else``. ``is_last``: no arms follow."""

    arms: Sequence[Arm]
    table: Table | None
    is_last: bool

    @property
    def takes_all(self) -> bool:
        """Whether its last arm is an ``else``."""
        return self.arms[-1].condition is None


def portions(arms: Sequence[Arm]) -> Iterator[Portion]:
    """The portions of a branch's arms, in order."""
    start = 0
    while start < len(arms):
        length = _in_table(arms, start)
        table = None
        if length >= _LEAST_IN_TABLE:
            table = _table(arms[start : start + length])
            length += start + length < len(arms) and arms[start + length].condition is None
        else:
            length = _until_table(arms, start)
        yield Portion(arms[start : start + length], table, start + length == len(arms))
        start += length


def _until_table(arms: Sequence[Arm], start: int) -> int:
    """How many arms from ``start`` are tested one after the other."""
    end = start + 1
    while end < len(arms) and end - start < _MOST_TESTS and _in_table(arms, end) < _LEAST_IN_TABLE:
        end += 1
    return end - start


def _in_table(arms: Sequence[Arm], start: int) -> int:
    """How many arms from ``start`` compare the same field with constants."""
    first = _constant(arms[start].condition)
    if first is None:
        return 0
    end = start + 1
    while end < len(arms):
        found = _constant(arms[end].condition)
        if found is None or found[0] != first[0]:
            break
        end += 1
    return end - start


def _table(arms: Sequence[Arm]) -> Table:
    numbers: dict[str | int, int] = {}
    ref: FieldRef | None = None
    for number, arm in enumerate(arms):
        found = _constant(arm.condition)
        assert found is not None
        ref, value = found
        numbers.setdefault(value, number)
    assert ref is not None
    return Table(ref, numbers)


def _constant(condition: Condition | None) -> tuple[FieldRef, str | int] | None:
    """The field and the text or integer of ``[field] == "text"``; None for any other condition."""
    if isinstance(condition, Comparison) and condition.operator == "==":
        left, right = condition.left, condition.right
        if isinstance(right, Field):
            left, right = right, left
        if (
            isinstance(left, Field)
            and isinstance(right, Constant)
            and type(right.value) in (str, int)
        ):
            return left.ref, right.value
    return None
