"""Program to function: the filter section as generated Python over a batch, whose lines stand where
the configuration's stand.

The text is made first (``penstock show code`` prints it), then parsed, and every node gets the
place of the statement that it came from; so a traceback points into the configuration. Filters run
over whole batches. A branch sorts the batch into one list an arm; events are changed in place, so
nothing need be joined again, unless an arm holds a filter that makes more or fewer events: then
places are kept along and the lists are merged by them.

Where expressions of the user's meet texts of events, a guard stands around the whole batch: it
costs nothing per event, and ends a match that takes too long (``dsl.guard``). A filter tags the
event as it does for any error; a condition is looked at again.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Protocol

import msgspec

from ...dsl.guard import Guard, MatchTimeout, signals_reach
from ...dsl.program import Arm, Branch, PluginUse, Statement
from ...dsl.reference import Event
from ...dsl.settings import DEFAULTS
from ...dsl.source import Source, Span
from ...plugins.contract import Filter, Output, Plugin
from .branch_groups import Portion, Table, portions
from .condition import Expressions, Namespace, matches
from .instantiate import uses

Events = list[Event]


class Observer(Protocol):
    """Sees the events of a section go by. Where none is given, the generated code has no trace of
    it.
    """

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        """What is called in the place of a plugin's own function, which takes and gives a batch (an
        output gives None).
        """
        ...

    def flush(self, use: PluginUse, run: Callable[[bool], Events]) -> Callable[[bool], Events]:
        """What is called in the place of a filter's ``flush``."""
        ...

    def arm(self, branch: Branch, number: int) -> Callable[[Events], None]:
        """What is called with the events that take an arm, or, after the last one, with those that
        take none.
        """
        ...


class Line(msgspec.Struct, frozen=True):
    """A line of generated text and the place that it came from."""

    text: str
    span: Span


class Generated:
    """A section compiled: ``run(events, flush)`` and the text it was made of."""

    def __init__(
        self,
        parts: Sequence[Callable[[Events, bool | None], Events]],
        text: str,
        one_by_one: bool = False,
        guard: Guard | None = None,
    ) -> None:
        self.parts = parts
        self.guard = guard
        self.text = text
        self.one_by_one = one_by_one

    def run(self, events: Events, flush: bool | None = None) -> Events:
        """The batch through all parts. ``flush``: None, or whether what is held is due as a whole
        (True) or by time (False).
        """
        if self.guard is None or not signals_reach():
            return self._through(events, flush)
        with self.guard:
            return self._through(events, flush)

    def _through(self, events: Events, flush: bool | None) -> Events:
        if self.one_by_one and len(events) > 1:
            return [out for event in events for out in self._through([event], flush)]
        for part in self.parts:
            events = part(events, flush)
        return events


def generate(
    statements: Sequence[Statement],
    made: dict[PluginUse, Plugin],
    name: str,
    observer: Observer | None = None,
) -> Generated:
    """Compile the statements of a section, to run in this thread; ``name`` is the function's."""
    parts, texts, seconds = [], [], _patience(statements, made)
    for source, group in groupby(statements, key=lambda s: s.span.source):
        part, text = _Part(source, made, name, observer, seconds).compiled(list(group))
        parts.append(part)
        texts.append(text)
    guard = Guard(seconds) if seconds and _matches(statements, made) else None
    return Generated(parts, "\n".join(texts), _one_by_one(statements, made), guard)


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
        use
        for use in uses(statements)
        if isinstance(plugin := made[use], Filter)
        and plugin.stateful
        and not getattr(plugin, "event_time", False)
    ]
    return len(keepers) > 1 or any(use not in statements for use in keepers)


class _Part:
    """The statements that follow each other in one source."""

    def __init__(
        self,
        source: Source,
        made: dict[PluginUse, Plugin],
        name: str,
        observer: Observer | None,
        seconds: float,
    ) -> None:
        self.source, self.made, self.name, self.observer = source, made, name, observer
        self.names = Namespace(merge=merge, reorder=reorder, MatchTimeout=MatchTimeout)
        self.expressions = Expressions(self.names, seconds)
        self.lines: list[Line] = []
        self.count = 0

    def compiled(
        self, statements: list[Statement]
    ) -> tuple[Callable[[Events, bool | None], Events], str]:
        whole = statements[0].span
        self.line(0, f"def {self.name}(events, flush=None):", whole)
        self.body(1, statements, "events", None)
        self.line(1, "return events", statements[-1].span)
        head = [
            Line(line, whole) for text in self.expressions.functions for line in text.splitlines()
        ]
        lines = [*head, *self.lines]
        text = "\n".join(line.text for line in lines) + "\n"
        exec(_code(text, lines, self.source), self.names)
        run: Callable[[Events, bool | None], Events] = self.names[self.name]
        return run, f"# {self.source.name}\n{text}"

    def line(self, depth: int, text: str, span: Span) -> None:
        self.lines.append(Line("    " * depth + text, span))

    def variable(self, stem: str) -> str:
        self.count += 1
        return f"{stem}_{self.count}"

    def body(
        self, depth: int, statements: Iterable[Statement], events: str, at: str | None
    ) -> None:
        for statement in statements:
            if isinstance(statement, PluginUse):
                self.step(depth, statement, events, at)
            elif at is None and not self.reshapes([statement]):
                self.branch(depth, statement, events)
            else:
                self.reshaping_branch(depth, statement, events, at)

    def step(self, depth: int, use: PluginUse, events: str, at: str | None) -> None:
        plugin, span = self.made[use], use.span
        stem = f"{use.name}_{span.line}"
        if isinstance(plugin, Output):
            self.line(
                depth, f"{self.names.name(stem, self.observed(use, plugin.write))}({events})", span
            )
            return
        assert isinstance(plugin, Filter)
        take_placed = getattr(plugin, "take_placed", None)
        if take_placed is not None and at is not None and self.observer is None:
            placed = self.names.name(f"{stem}_placed", take_placed)
            self.line(depth, f"{events}, {at} = {placed}({events}, {at})", span)
        elif plugin.reshapes and at is not None:
            spread = self.names.name(f"{stem}_spread", _spreader(self.spread(use, plugin)))
            self.line(depth, f"{events}, {at} = {spread}({events}, {at})", span)
        elif plugin.reshapes:
            self.line(
                depth,
                f"{events} = {self.names.name(stem, self.observed(use, plugin.run))}({events})",
                span,
            )
        else:
            self.line(
                depth, f"{self.names.name(stem, self.observed(use, plugin.run))}({events})", span
            )
        if plugin.flushes:
            flush = (
                plugin.flush if self.observer is None else self.observer.flush(use, plugin.flush)
            )
            self.flush(depth, self.names.name(f"{stem}_flush", flush), events, at, span)

    def observed(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        return run if self.observer is None else self.observer.step(use, run)

    def spread(self, use: PluginUse, plugin: Filter) -> Callable[[Event], Events]:
        if self.observer is None:
            return plugin.spread
        run = self.observer.step(use, plugin.run)
        return lambda event: run([event])

    def taken(self, depth: int, branch: Branch, arm: Arm | None, events: str) -> None:
        """Tell the observer, where there is one, who takes an arm, or None of them."""
        if self.observer is not None:
            number = len(branch.arms) if arm is None else branch.arms.index(arm)
            see = self.observer.arm(branch, number)
            span = branch.span if arm is None else arm.span
            self.line(depth, f"{self.names.name(f'taken_{span.line}', see)}({events})", span)

    def flush(self, depth: int, flush: str, events: str, at: str | None, span: Span) -> None:
        self.line(depth, "if flush is not None:", span)
        self.line(depth + 1, f"{events} = [*{events}, *{flush}(flush)]", span)
        if at is not None:
            self.line(depth + 1, f"{at} = [*{at}, *[{_END}] * (len({events}) - len({at}))]", span)

    def reshapes(self, statements: Iterable[Statement]) -> bool:
        plugins = (self.made[use] for use in uses(statements))
        return any(
            isinstance(plugin, Filter) and (plugin.reshapes or plugin.flushes) for plugin in plugins
        )

    def flushes(self, statements: Iterable[Statement]) -> bool:
        return any(
            isinstance(self.made[use], Filter) and self.made[use].flushes
            for use in uses(statements)
        )  # type: ignore[attr-defined]

    def branch(self, depth: int, branch: Branch, events: str) -> None:
        """A branch whose arms keep their events."""
        rest = ""
        for portion in portions(branch.arms):
            arms, span = portion.arms, portion.arms[0].span
            lists = [self.variable("arm") for _ in arms]
            rest = self.rest(portion, keep=self.observer is not None or portion.table is not None)
            for variable in filter(None, [*lists, rest]):
                self.line(depth, f"{variable} = []", span)
            if portion.table is not None:
                self.look_up(
                    depth,
                    portion.table,
                    f"for event in {events}:",
                    [*lists, *filter(None, [rest])],
                    [],
                    span,
                )
            else:
                self.line(depth, f"for event in {events}:", span)
                self.tests(
                    depth + 1,
                    arms,
                    [f"{name}.append(event)" for name in lists],
                    rest and f"{rest}.append(event)",
                )
            for arm, variable in zip(arms, lists, strict=True):
                self.taken(depth, branch, arm, variable)
                if arm.body:
                    self.line(depth, f"if {variable}:", arm.span)
                    self.body(depth + 1, arm.body, variable, None)
            events = rest
        if rest:
            self.taken(depth, branch, None, rest)

    def reshaping_branch(self, depth: int, branch: Branch, events: str, at: str | None) -> None:
        """A branch in which events may become more or fewer; the order is put together again."""
        pairs: list[tuple[str, str]] = []
        source, places = events, ""
        for portion in portions(branch.arms):
            arms, span = portion.arms, portion.arms[0].span
            lists = [(self.variable("arm"), self.variable("at")) for _ in arms]
            rest = self.rest(portion, keep=True)
            left = [(rest, self.variable("at"))] if rest else []
            for name, place in [*lists, *left]:
                self.line(depth, f"{name}, {place} = [], []", span)
            walk = (
                "for place, event in"
                f" {f'zip({places}, {source})' if places else f'enumerate({source})'}:"
            )
            if portion.table is not None:
                everything = [*lists, *left]
                self.look_up(
                    depth,
                    portion.table,
                    walk,
                    [name for name, _ in everything],
                    [at for _, at in everything],
                    span,
                )
            else:
                self.line(depth, walk, span)
                adds = [
                    f"{name}.append(event); {place}.append(place)"
                    for name, place in [*lists, *left]
                ]
                self.tests(depth + 1, arms, adds[: len(arms)], adds[-1] if left else "")
            for arm, (name, place) in zip(arms, lists, strict=True):
                self.taken(depth, branch, arm, name)
                self.arm(depth, arm, name, place)
            pairs += lists
            source, places = left[0] if left else ("", "")
        if places:
            self.taken(depth, branch, None, source)
            pairs.append((source, places))
        parts = ", ".join(f"({name}, {place})" for name, place in pairs)
        order = self.variable("order")
        self.line(depth, f"{events}, {order} = merge({parts})", branch.span)
        if at is not None:
            self.line(depth, f"{at} = reorder({at}, {order})", branch.span)

    def rest(self, portion: Portion, keep: bool) -> str:
        """A list for the events that no arm of a portion takes; "" where there are none, or none
        that matter.
        """
        return "" if portion.takes_all or (portion.is_last and not keep) else self.variable("rest")

    def tests(self, depth: int, arms: Sequence[Arm], adds: Sequence[str], otherwise: str) -> None:
        """Tests one after the other, and where an event goes that passes one, or none."""
        conditions = [arm.condition for arm in arms if arm.condition is not None]
        if not any(map(matches, conditions)):
            self.plain_tests(depth, arms, adds, otherwise)
            return
        span = _head(arms[0])
        self.line(depth, "try:", span)
        self.plain_tests(depth + 1, arms, adds, otherwise)
        self.line(depth, "except MatchTimeout:", span)
        self.line(depth + 1, f"number = {self.expressions.second_look(conditions)}(event)", span)
        for number, add in enumerate([*adds, *filter(None, [otherwise])]):
            self.line(depth + 1, f"if number == {number}: {add}", span)

    def plain_tests(
        self, depth: int, arms: Sequence[Arm], adds: Sequence[str], otherwise: str
    ) -> None:
        for number, (arm, add) in enumerate(zip(arms, adds, strict=True)):
            self.line(depth, self.test(arm, number), _head(arm))
            self.line(depth + 1, add, arm.span)
        if otherwise:
            self.line(depth, "else:", arms[-1].span)
            self.line(depth + 1, otherwise, arms[-1].span)

    def look_up(
        self,
        depth: int,
        table: Table,
        walk: str,
        lists: Sequence[str],
        places: Sequence[str],
        span: Span,
    ) -> None:
        """A look into a table, whose numbers are those of the lists; the last list is for what it
        does not have.
        """
        field, last = self.expressions.field(table.ref), len(lists) - 1
        arms, name = self.variable("arms"), self.names.name(f"table_{span.line}", table.arms)
        self.line(depth, f"{arms} = ({', '.join(lists)},)", span)
        self.line(depth, walk, span)
        number = (
            f"{name}.get(v, {last}) if isinstance(v := {field}, str) or type(v) is int else {last}"
        )
        if not places:
            self.line(depth + 1, f"{arms}[{number}].append(event)", span)
            return
        self.lines.insert(-1, Line("    " * depth + f"{arms}_at = ({', '.join(places)},)", span))
        self.line(depth + 1, f"number = {number}", span)
        self.line(depth + 1, f"{arms}[number].append(event); {arms}_at[number].append(place)", span)

    def arm(self, depth: int, arm: Arm, name: str, place: str) -> None:
        if not arm.body:
            return
        due = " or flush is not None" if self.flushes(arm.body) else ""
        self.line(depth, f"if {name}{due}:", arm.span)
        self.body(depth + 1, arm.body, name, place if self.reshapes(arm.body) else None)

    def test(self, arm: Arm, number: int) -> str:
        if arm.condition is None:
            return "else:" if number else "if True:"
        return f"{'elif' if number else 'if'} {self.expressions.of(arm.condition)}:"


_END = 1 << 60


def _head(arm: Arm) -> Span:
    return arm.condition.span if arm.condition is not None else arm.span


def _spreader(
    spread: Callable[[Event], Events],
) -> Callable[[Events, list[int]], tuple[Events, list[int]]]:
    def spread_all(events: Events, at: list[int]) -> tuple[Events, list[int]]:
        out: Events = []
        places: list[int] = []
        for event, place in zip(events, at, strict=True):
            made = spread(event)
            out += made
            places += [place] * len(made)
        return out, places

    return spread_all


def merge(*parts: tuple[Events, list[int]]) -> tuple[Events, list[int]]:
    """Lists of events, each with the places that they had, as one list in the order of the
    places.
    """
    filled = [part for part in parts if part[0]]
    if len(filled) == 1:
        return filled[0]
    events = [event for part in filled for event in part[0]]
    places = [place for part in filled for place in part[1]]
    order = sorted(range(len(places)), key=places.__getitem__)
    return [events[i] for i in order], [places[i] for i in order]


def reorder(at: list[int], order: list[int]) -> list[int]:
    """The places of events that were merged, seen from outside."""
    return [at[i] if i < len(at) else _END for i in order]


def _code(text: str, lines: Sequence[Line], source: Source) -> Any:
    tree = ast.parse(text)
    places: dict[int, tuple[int, int, int, int]] = {}
    for number, line in enumerate(lines, 1):
        places[number] = _extent(line.span)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr | ast.arg | ast.keyword):
            node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = places[node.lineno]
    _show_to_tracebacks(source)
    return compile(tree, source.name, "exec")


def _extent(span: Span) -> tuple[int, int, int, int]:
    """A span as ast counts it: lines from 1, columns in UTF-8 bytes; cut at the end of its first
    line.
    """
    row, column = span.source.place(span.start)
    line = span.source.line(row)
    end = min(len(line), column - 1 + span.end - span.start)
    start = len(line[: column - 1].encode())
    return row, start, row, len(line[:end].encode())


def _show_to_tracebacks(source: Source) -> None:
    linecache.cache[source.name] = (
        len(source.text),
        None,
        source.text.splitlines(True),
        source.name,
    )
