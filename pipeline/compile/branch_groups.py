"""The arms of a branch in portions, each sorted by one loop: by tests one after the other, or,
where several arms in a row are decided by one field, by a look into a table, or among intervals.

A chain of a thousand `else if [type] == "…"` costs as much as one. Chains of other tests are cut
every fifty arms: Python's parser takes some nine hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from ...dsl.program import Arm, Condition
from ...dsl.reference import FieldRef
from .condition import matches
from .decisions import (
    Intervals,
    Table,
    deciding_fields,
    intervals,
    is_decided,
    is_ordered,
    ordered_field,
    table,
)

_MOST_TESTS = 50
_LEAST_IN_TABLE = 4
_MOST_FIELDS = 4

Decides = Callable[[Condition | None, FieldRef], bool]


class Portion(msgspec.Struct, frozen=True):
    """Arms in a row, the last of which may be an ``else``; ``decision`` is what one field decides
    of them, if anything. ``is_last``: no arms follow.
    """

    arms: Sequence[Arm]
    decision: Table | Intervals | None
    is_last: bool

    @property
    def takes_all(self) -> bool:
        """Whether its last arm is an ``else``."""
        return self.arms[-1].condition is None


def portions(arms: Sequence[Arm]) -> Iterator[Portion]:
    """The portions of a branch's arms, in order."""
    start = 0
    while start < len(arms):
        end, ref, is_table = _decided_run(arms, start)
        if ref is None:
            end = _until_decided(arms, start)
        elif end < len(arms) and arms[end].condition is None:
            end += 1
        some = arms[start:end]
        conditions = [arm.condition for arm in some]
        decision: Table | Intervals | None = None
        if ref is not None:
            decision = table(ref, conditions) if is_table else intervals(ref, conditions)
        yield Portion(some, decision, end == len(arms))
        start = end


def _until_decided(arms: Sequence[Arm], start: int) -> int:
    """Where the arms end that are tested one after the other."""
    end = start + 1
    while end < len(arms) and end - start < _MOST_TESTS and _decided_run(arms, end)[1] is None:
        end += 1
    return end


def _decided_run(arms: Sequence[Arm], start: int) -> tuple[int, FieldRef | None, bool]:
    """Where the arms end that one field decides, which one it is, and whether by a table."""
    first = arms[start].condition
    refs = list(deciding_fields(first))[:_MOST_FIELDS]
    runs = [(_run(arms, start, ref, is_decided), ref, True) for ref in refs]
    ordered = ordered_field(first)
    if ordered is not None:
        runs.append((_run(arms, start, ordered, is_ordered), ordered, False))
    if runs:
        longest = max(runs, key=lambda run: run[0])
        if longest[0] - start >= _LEAST_IN_TABLE:
            return longest
    return start, None, False


def _run(arms: Sequence[Arm], start: int, ref: FieldRef, decides: Decides) -> int:
    end = start
    while end < len(arms) and (condition := arms[end].condition) is not None:
        if not decides(condition, ref) or matches(condition):
            break
        end += 1
    return end


def changes_none(changed: Iterable[tuple[str, ...]] | None, refs: Iterable[FieldRef]) -> bool:
    """Whether fields stay as they are where others are changed (None for any): a change reaches
    what stands above and below as well.
    """
    if changed is None:
        return False
    paths = list(changed)
    return not any(path[: len(ref.keys)] == ref.keys[: len(path)] for ref in refs for path in paths)
