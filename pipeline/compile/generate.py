"""Program to function: the filter section as generated Python over a batch, whose lines stand where
the configuration's stand.

The text is made first (``penstock show code`` prints it), then parsed, and every node gets the
place of the statement that it came from; so a traceback points into the configuration. Filters run
over whole batches, branches sort them (``branches``).

Where expressions of the user's meet texts of events, a guard stands around the whole batch: it
costs nothing per event, and ends a match that takes too long (``dsl.guard``). A filter tags the
event as it does for any error; a condition is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from ...dsl.generated import Line, code_of, text_of
from ...dsl.guard import Guard, MatchTimeout
from ...dsl.program import Branch, PluginUse, Statement
from ...dsl.reference import Event
from ...dsl.settings import DEFAULTS
from ...dsl.source import Source, Span
from ...plugins.contract import Filter, Output, Plugin
from .branches import BranchCode
from .condition import matches
from .instantiate import uses
from .merging import END, Events, merge, reorder, spreader
from .section import Clock, Generated, Observer, Part
from .sorting import resolved

__all__ = ["Generated", "Observer", "generate"]


def generate(
    statements: Sequence[Statement],
    made: dict[PluginUse, Plugin],
    name: str,
    observer: Observer | None = None,
) -> Generated:
    """Compile the statements of a section, to run in any thread; ``name`` is the function's."""
    observed = None
    if isinstance(observer, Clock):
        observer.watch(made.items())
        observed = partial(observer.section, name)
    seconds = _patience(statements, made)
    parts = [
        _Part(source, made, name, observer).compiled(list(group))
        for source, group in groupby(statements, key=lambda s: s.span.source)
    ]
    guard = Guard(seconds) if seconds and _matches(statements, made) else None
    filters = (plugin for use in uses(statements) if isinstance(plugin := made[use], Filter))
    matching = [each for each in filters if each.matches]
    return Generated(parts, _one_by_one(statements, made), guard, matching, observed)


def _patience(statements: Sequence[Statement], made: dict[PluginUse, Plugin]) -> float:
    """How many seconds a match may take."""
    first = next(iter(uses(statements)), None)
    return (
        made[first].context.limit("match")
        if first is not None
        else int(DEFAULTS["penstock.limits.match"])
    ) / 1000


def _matches(statements: Iterable[Statement], made: dict[PluginUse, Plugin]) -> bool:
    """Whether expressions of the user's are matched, by conditions or filters."""
    for statement in statements:
        if isinstance(statement, Branch):
            if any(matches(arm.condition) or _matches(arm.body, made) for arm in statement.arms):
                return True
        elif isinstance(plugin := made[statement], Filter) and plugin.matches:
            return True
    return False


def _one_by_one(statements: Sequence[Statement], made: dict[PluginUse, Plugin]) -> bool:
    """Whether each event must be through before the next comes: where filters that remember others
    share what they remember, or stand in a branch, a batch that goes filter by filter would show
    them events out of turn. Those of event time share nothing, and take batches.
    """
    keepers = [
        use for use in uses(statements) if isinstance(plugin := made[use], Filter) and plugin.shares
    ]
    return len(keepers) > 1 or any(use not in statements for use in keepers)


class _Part(BranchCode):
    """The statements that follow each other in one source."""

    def __init__(
        self,
        source: Source,
        made: dict[PluginUse, Plugin],
        name: str,
        observer: Observer | None,
    ) -> None:
        super().__init__(made, observer)
        self.source, self.name = source, name
        self.names.update(merge=merge, reorder=reorder, MatchTimeout=MatchTimeout)

    def compiled(self, statements: list[Statement]) -> Part:
        """The function, and what it is made of."""
        whole = statements[0].span
        self.line(0, f"def {self.name}(events, flush=None):", whole)
        self.body(1, statements, "events", None)
        self.line(1, "return events", statements[-1].span)
        head = [
            Line(line, whole) for text in self.expressions.functions for line in text.splitlines()
        ]
        lines = [*head, *self.lines]
        names = self.names.globals()
        exec(code_of(lines, self.source), names)
        resolved(names)
        text = f"# {self.source.name}\n{text_of(lines)}"
        return Part(names[self.name], text, names, self.expressions.searches)

    def body(
        self, depth: int, statements: Sequence[Statement], events: str, at: str | None
    ) -> None:
        for group in self.groups(statements):
            first = group[0]
            if isinstance(first, PluginUse):
                self._step(depth, first, events, at)
            elif not self.reshapes(group):
                branches = [branch for branch in group if isinstance(branch, Branch)]
                self.branches(depth, branches, events)
            else:
                self.reshaping_branch(depth, first, events, at)

    def _step(self, depth: int, use: PluginUse, events: str, at: str | None) -> None:
        plugin, span = self.made[use], use.span
        stem = f"{use.name}_{span.line}"
        if isinstance(plugin, Output):
            write = self.names.name(stem, self._observed(use, plugin.write))
            self.line(depth, f"{write}({events})", span)
            return
        assert isinstance(plugin, Filter)
        take_placed = getattr(plugin, "take_placed", None)
        if take_placed is not None and at is not None and self.observer is None:
            placed = self.names.name(f"{stem}_placed", take_placed)
            self.line(depth, f"{events}, {at} = {placed}({events}, {at})", span)
        elif plugin.reshapes and at is not None:
            spread = self.names.name(f"{stem}_spread", spreader(self._spread(use, plugin)))
            self.line(depth, f"{events}, {at} = {spread}({events}, {at})", span)
        else:
            run = self.names.name(stem, self._observed(use, plugin.run))
            given = f"{events} = " if plugin.reshapes else ""
            self.line(depth, f"{given}{run}({events})", span)
        if plugin.flushes:
            flush: Callable[[bool], Events] = plugin.flush
            if self.observer is not None:
                flush = self.observer.flush(use, plugin.flush)
            self._flush(depth, self.names.name(f"{stem}_flush", flush), events, at, span)

    def _observed(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        return run if self.observer is None else self.observer.step(use, run)

    def _spread(self, use: PluginUse, plugin: Filter) -> Callable[[Event], Events]:
        if self.observer is None:
            return plugin.spread
        run = self.observer.step(use, plugin.run)
        return lambda event: run([event])

    def _flush(self, depth: int, flush: str, events: str, at: str | None, span: Span) -> None:
        self.line(depth, "if flush is not None:", span)
        self.line(depth + 1, f"{events} = [*{events}, *{flush}(flush)]", span)
        if at is not None:
            self.line(depth + 1, f"{at} = [*{at}, *[{END}] * (len({events}) - len({at}))]", span)
