"""The code of branches: a batch sorted into one list an arm, and the arms run in turn.

Events are changed in place, so nothing need be joined again, unless an arm holds a filter that
makes more or fewer events: then places are kept along and the lists are merged by them. Branches in
a row are sorted together, as long as no arm changes a field that a later one looks at.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence

from ...dsl.generated import CodeWriter
from ...dsl.program import Arm, Branch, PluginUse, Statement
from ...dsl.reference import FieldRef
from ...plugins.contract import Filter, Plugin
from .branch_groups import Portion, changes_none, portions
from .condition import Expressions, fields
from .instantiate import uses
from .names import Namespace
from .section import Clock, Observer
from .sorting import Lists, Sorter

Changed = set[tuple[str, ...]] | None


class BranchCode(CodeWriter):
    """Writes branches; what stands in an arm is written by ``body``."""

    def __init__(self, made: dict[PluginUse, Plugin], observer: Observer | None) -> None:
        super().__init__()
        self.made, self.observer = made, observer
        self.clock = observer if isinstance(observer, Clock) else None
        self.watcher = None if self.clock is not None else observer
        self.names = Namespace()
        self.expressions = Expressions(self.names)
        self.sorter = Sorter(self.names, self.expressions, self.line)
        self._known: dict[int, list[Portion]] = {}

    @abstractmethod
    def body(
        self, depth: int, statements: Sequence[Statement], events: str, at: str | None
    ) -> None:
        """Write statements that run over a list, whose places are in the list ``at``."""

    def groups(self, statements: Iterable[Statement]) -> Iterator[list[Statement]]:
        """The statements, those together that are sorted by one loop."""
        group: list[Statement] = []
        changed: Changed = set()
        for statement in statements:
            if group and not self._joins(statement, changed):
                yield group
                group, changed = [], set()
            group.append(statement)
            changed = self._changed(statement, changed)
        if group:
            yield group

    def _joins(self, statement: Statement, changed: Changed) -> bool:
        return (
            self._is_sorted_at_once(statement)
            and isinstance(statement, Branch)
            and changes_none(changed, _fields(statement))
        )

    def _is_sorted_at_once(self, statement: Statement) -> bool:
        """Whether a branch is sorted by one loop, which may sort others as well."""
        return (
            isinstance(statement, Branch)
            and self.watcher is None
            and not self.reshapes([statement])
            and len(self._portions(statement)) == 1
        )

    def _portions(self, branch: Branch) -> list[Portion]:
        """The portions of a branch, which are asked for several times and take long to find."""
        if id(branch) not in self._known:
            self._known[id(branch)] = list(portions(branch.arms))
        return self._known[id(branch)]

    def _changed(self, statement: Statement, changed: Changed) -> Changed:
        """What a branch's arms may change, and what was changed before; None for all."""
        if changed is None or not self._is_sorted_at_once(statement):
            return None
        for use in uses([statement]):
            plugin = self.made[use]
            if isinstance(plugin, Filter):
                more = plugin.changes()
                if more is None:
                    return None
                changed = changed | more
        return changed

    def reshapes(self, statements: Iterable[Statement]) -> bool:
        """Whether a filter makes more or fewer events."""
        plugins = (self.made[use] for use in uses(statements))
        return any(
            isinstance(plugin, Filter) and (plugin.reshapes or plugin.flushes) for plugin in plugins
        )

    def flushes(self, statements: Iterable[Statement]) -> bool:
        """Whether a filter gives events when it is flushed."""
        plugins = (self.made[use] for use in uses(statements))
        return any(isinstance(plugin, Filter) and plugin.flushes for plugin in plugins)

    def branches(self, depth: int, branches: Sequence[Branch], events: str) -> None:
        """Branches whose arms keep their events, sorted together."""
        if len(branches) == 1:
            self._branch(depth, branches[0], events)
            return
        sorted_ = [
            self._lists(self._portions(branch)[0], keep=False, places=False) for branch in branches
        ]
        self._sort(depth, f"for event in {events}:", sorted_, events)
        for branch, lists in zip(branches, sorted_, strict=True):
            self._arms(depth, branch, lists)

    def _sort(self, depth: int, walk: str, sorted_: Sequence[Lists], events: str) -> None:
        """A loop over a list that sorts its events, with a mark on both sides where time is
        counted.
        """
        span = sorted_[0].span
        if self.clock is None:
            self.sorter.loop(depth, walk, sorted_)
            return
        mark = self.names.name(f"sorting_{span.line}", self.clock.sorting(span))
        self.line(depth, f"{mark}(None)", span)
        self.sorter.loop(depth, walk, sorted_)
        self.line(depth, f"{mark}({events})", span)

    def _branch(self, depth: int, branch: Branch, events: str) -> None:
        rest = ""
        for portion in self._portions(branch):
            lists = self._lists(portion, keep=self.watcher is not None, places=False)
            self._sort(depth, f"for event in {events}:", [lists], events)
            self._arms(depth, branch, lists)
            events = rest = lists.rest
        if rest:
            self._taken(depth, branch, None, rest)

    def _arms(self, depth: int, branch: Branch, lists: Lists) -> None:
        for arm, name in zip(lists.portion.arms, lists.arms, strict=True):
            self._taken(depth, branch, arm, name)
            if arm.body:
                self.line(depth, f"if {name}:", arm.span)
                self.body(depth + 1, arm.body, name, None)

    def reshaping_branch(self, depth: int, branch: Branch, events: str, at: str | None) -> None:
        """A branch in which events may become more or fewer; the order is put together again."""
        pairs: list[tuple[str, str]] = []
        walk, source = f"for place, event in enumerate({events}):", ""
        for portion in self._portions(branch):
            lists = self._lists(portion, keep=True, places=True)
            self._sort(depth, walk, [lists], source or events)
            for arm, name, place in zip(portion.arms, lists.arms, lists.places, strict=False):
                self._taken(depth, branch, arm, name)
                self._reshaping_arm(depth, arm, name, place)
                pairs.append((name, place))
            source = lists.rest
            if source:
                walk = f"for place, event in zip({lists.places[-1]}, {source}):"
        if source:
            self._taken(depth, branch, None, source)
            pairs.append((source, lists.places[-1]))
        parts = ", ".join(f"({name}, {place})" for name, place in pairs)
        order = self.names.variable("order")
        self.line(depth, f"{events}, {order} = merge({parts})", branch.span)
        if at is not None:
            self.line(depth, f"{at} = reorder({at}, {order})", branch.span)

    def _reshaping_arm(self, depth: int, arm: Arm, name: str, place: str) -> None:
        if not arm.body:
            return
        due = " or flush is not None" if self.flushes(arm.body) else ""
        self.line(depth, f"if {name}{due}:", arm.span)
        self.body(depth + 1, arm.body, name, place if self.reshapes(arm.body) else None)

    def _lists(self, portion: Portion, keep: bool, places: bool) -> Lists:
        """Lists for the arms of a portion, and for the events that none takes where there are any
        that matter.
        """
        keep = keep or portion.decision is not None or not portion.is_last
        arms = [self.names.variable("arm") for _ in portion.arms]
        rest = self.names.variable("rest") if keep and not portion.takes_all else ""
        count = len(arms) + bool(rest) if places else 0
        return Lists(portion, arms, rest, [self.names.variable("at") for _ in range(count)])

    def _taken(self, depth: int, branch: Branch, arm: Arm | None, events: str) -> None:
        """Tell the observer, where there is one, who takes an arm, or None of them."""
        if self.watcher is not None:
            number = len(branch.arms) if arm is None else branch.arms.index(arm)
            see = self.watcher.arm(branch, number)
            span = branch.span if arm is None else arm.span
            self.line(depth, f"{self.names.name(f'taken_{span.line}', see)}({events})", span)


def _fields(branch: Branch) -> list[FieldRef]:
    return [ref for arm in branch.arms for ref in fields(arm.condition)]
