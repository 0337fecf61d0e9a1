"""Which parts of a pipeline the tests reach: filters, branches both ways, the alternatives of grok,
outputs.

A *point* is a place that events pass. An observer counts the events of each; grok's alternatives
are counted beside the filter, by trying the patterns in its order, so that the filter itself stays
as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...dsl.grok import compile_expression, shipped
from ...dsl.program import Branch, PluginUse, Statement
from ...dsl.reference import Event, FieldRef
from ...dsl.source import Source, Span
from ...dsl.values import ruby_text
from ...plugins.contract import Filter, Plugin
from ..compile.instantiate import uses
from .harness import Compiled, Harness
from .trace import head_span

Find = Callable[[str], Any]
Key = tuple[str, str, int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """A place that events pass. ``what`` says it: a filter, a condition that held, one that did
    not, a pattern, an output; ``label`` is the name under which tests know a plugin.
    """

    what: str
    span: Span
    number: int = 0
    label: str = ""

    @property
    def key(self) -> Key:
        """What tells points apart, also between processes."""
        return self.span.source.name, self.span.source.text, self.span.start, self.number


@dataclass(slots=True)
class Coverage:
    """Points, each with the number of events that passed."""

    points: dict[Key, Point] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)

    def add(self, point: Point, events: int = 0) -> None:
        """Count events; a point is known from when it is first named."""
        self.points.setdefault(point.key, point)
        self.counts[point.key] = self.counts.get(point.key, 0) + events

    def merge(self, other: Coverage) -> None:
        """Add what another run has counted."""
        for key, point in other.points.items():
            self.add(point, other.counts[key])

    @property
    def sources(self) -> list[Source]:
        """The sources that have points, by name."""
        found = {
            (p.span.source.name, p.span.source.text): p.span.source for p in self.points.values()
        }
        return [found[key] for key in sorted(found)]

    def of(self, source: Source | None = None) -> list[tuple[Point, int]]:
        """Points with their counts, in the order of the text."""
        wanted = None if source is None else (source.name, source.text)
        keys = sorted(key for key in self.points if wanted is None or key[:2] == wanted)
        return [(self.points[key], self.counts[key]) for key in keys]

    def percent(self, source: Source | None = None) -> float:
        """How many of a hundred points were passed; 100 where there are none."""
        counts = [count for _, count in self.of(source)]
        return 100 * sum(count > 0 for count in counts) / len(counts) if counts else 100.0


class Counter:
    """The observer of a harness."""

    def __init__(self, harness: Harness, coverage: Coverage) -> None:
        self.harness, self.coverage = harness, coverage
        program = harness.assembly.program
        self.labels = {
            use: label for label, use in (*harness.filters.items(), *harness.outputs.items())
        }
        for point in [*self.points(program.filters), *self.points(program.outputs)]:
            coverage.add(point)
        for use in uses(program.filters):
            for alternative in alternatives(use, harness.assembly.made[use]):
                coverage.add(alternative.point)

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        if _is_mock(use.span):
            return run
        point, add = self.point(use), self.coverage.add
        ways = alternatives(use, self.harness.assembly.made[use])

        def counted(events: list[Event]) -> Any:
            add(point, len(events))
            for event in events if ways else ():
                for taken in _taken(ways, event, self.harness.assembly.made[use]):
                    add(taken.point, 1)
            return run(events)

        return counted

    def flush(
        self, use: PluginUse, run: Callable[[bool], list[Event]]
    ) -> Callable[[bool], list[Event]]:
        return run

    def arm(self, branch: Branch, number: int) -> Callable[[list[Event]], None]:
        point, add = _arm_point(branch, number), self.coverage.add
        return lambda events: None if _is_mock(point.span) else add(point, len(events))

    def point(self, use: PluginUse) -> Point:
        """The point that a plugin is."""
        what = f"{use.spec.section} {use.name}"
        return Point(what, use.name_span, label=self.labels[use])

    def points(self, statements: tuple[Statement, ...]) -> Iterator[Point]:
        """The points of statements and of what stands inside them."""
        for statement in statements:
            if _is_mock(statement.span):
                continue
            if isinstance(statement, PluginUse):
                yield self.point(statement)
                continue
            has_else = statement.arms[-1].condition is None
            for number in range(len(statement.arms) + (not has_else)):
                yield _arm_point(statement, number)
            for arm in statement.arms:
                yield from self.points(arm.body)


def _is_mock(span: Span) -> bool:
    return span.source.name.startswith("(mock ")


def _arm_point(branch: Branch, number: int) -> Point:
    if number == len(branch.arms):
        what = "no condition holds" if number > 1 else "the condition does not hold"
        return Point(what, head_span(branch.arms[-1]), number)
    arm = branch.arms[number]
    return Point("else" if arm.condition is None else "the condition holds", head_span(arm), number)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One pattern of a grok filter."""

    point: Point
    get: Callable[[Event], Any]
    find: Find


def alternatives(use: PluginUse, plugin: Plugin) -> list[Alternative]:
    """The patterns of a grok filter, in the order in which it tries them; none for other
    plugins.
    """
    match = getattr(plugin, "match", None)
    if use.name != "grok" or not isinstance(plugin, Filter) or not isinstance(match, dict):
        return []
    options: Any = plugin
    library = shipped("ecs-v1" if plugin.ecs else "legacy")
    library = library.extended(
        options.patterns_dir, options.patterns_files_glob, options.pattern_definitions
    )
    found = []
    for name, given in match.items():
        for number, pattern in enumerate(given if isinstance(given, list) else [given]):
            span = use.settings["match"].span_of(
                (name, number) if isinstance(given, list) else (name,)
            )
            find = compile_expression(str(pattern), library, options.named_captures_only).find
            found.append(Alternative(Point("pattern", span), FieldRef(name).get, find))
    return found


def _taken(ways: list[Alternative], event: Event, plugin: Any) -> Iterator[Alternative]:
    """The patterns that match an event, as the filter tries them."""
    for way in ways:
        value = way.get(event)
        values = value if isinstance(value, list) else [value]
        if any(way.find(one if type(one) is str else ruby_text(one)) is not None for one in values):
            yield way
            if plugin.break_on_match:
                return


class Observed:
    """Makes the sections of harnesses count, each harness's once."""

    def __init__(self) -> None:
        self.coverage = Coverage()
        self._made: dict[int, tuple[Harness, Compiled]] = {}

    def __call__(self, harness: Harness) -> Compiled:
        if id(harness) not in self._made:
            self._made[id(harness)] = harness, harness.compiled(Counter(harness, self.coverage))
        return self._made[id(harness)][1]


def reached(coverage: Coverage) -> Mapping[Key, int]:
    """The points that were passed."""
    return {key: count for key, count in coverage.counts.items() if count}
