"""Small changes to a pipeline that some test should notice; those that none does are holes in the
tests.

A change is made in the text, at the place of a part of the tree, so that a hole can be shown where
it is. Only the cases that reach the place are run against it, and no further than to the first that
fails.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ...dsl import tree
from ...dsl.diagnostics import ConfigError, excerpt
from ...dsl.parser import parse
from ...dsl.source import Source, Span
from .cases import Case, Setup, Suite
from .colors import Painter
from .coverage import Counter, Coverage
from .discovery import choice
from .harness import Harness, Harnesses, sources_of
from .runner import Runner
from .session import Plan
from .suite import read_suite

_FIELDS = ("source", "target", "field", "destination")
_OF_EVENT_TIME = ("window", "join", "dedupe", "correlate", "trend")
_TIMES = ("size", "every", "gap", "longest", "within", "before", "retain", "early")
_KEPT = {"true": "false", "false": "true"}
_NUMBER = re.compile("[0-9]+")
_CAPTURE = re.compile(r"%\{\w+:(?P<name>[^}:]+)(?::\w+)?\}")
_TURNED = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "and": "or",
    "or": "and",
    "=~": "!~",
    "!~": "=~",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change: the place in the text, what stands there instead, and the change in words.
    ``reach`` is the part of the text that an event must come to for the change to matter.
    """

    what: str
    span: Span
    text: str
    reach: Span

    @property
    def source(self) -> Source:
        """The whole text, changed."""
        old = self.span.source
        return Source(old.name, old.text[: self.span.start] + self.text + old.text[self.span.end :])


def mutants(source: Source) -> Iterator[Mutant]:
    """The changes to a configuration, in the order of the text."""
    for section in parse(source).sections:
        if section.kind != "input":
            yield from _body(section.kind, section.body)


def _body(kind: str, body: Sequence[tree.Statement]) -> Iterator[Mutant]:
    for statement in body:
        if isinstance(statement, tree.Plugin):
            yield Mutant(
                f"the {kind} `{statement.name}` left out",
                statement.span,
                _blank(statement.span),
                statement.name_span,
            )
            yield from _plugin(statement) if kind == "filter" else ()
            continue
        for arm in statement.arms:
            if arm.condition is not None:
                span = arm.condition.span
                yield Mutant("the condition turned", span, f"!({span.text})", statement.span)
                yield from _condition(arm.condition, statement.span)
            yield from _body(kind, arm.body)


def _blank(span: Span) -> str:
    return re.sub(r"[^\n]", " ", span.text)


def _condition(node: tree.Condition, reach: Span) -> Iterator[Mutant]:
    """A boundary moved, a conjunction made a disjunction; not where the whole condition is one
    comparison of equality.
    """
    if isinstance(node, tree.Group):
        yield from _condition(node.inner, reach)
    if isinstance(node, tree.Unary):
        yield from _condition(node.operand, reach)
    if isinstance(node, tree.Binary):
        between = Span(node.span.source, node.left.span.end, node.right.span.start)
        found = re.search(rf"(?<![\w=<>!]){re.escape(node.operator)}(?![\w=<>~])", between.text)
        if found is not None and node.operator in ("<", "<=", ">", ">=", "and", "or"):
            operator = between.part(found.start(), found.end())
            turned = _TURNED[node.operator]
            yield Mutant(f"`{node.operator}` made `{turned}`", operator, turned, reach)
        for side in (node.left, node.right):
            yield from _condition(side, reach)


def _plugin(plugin: tree.Plugin) -> Iterator[Mutant]:
    if plugin.name in _OF_EVENT_TIME:
        yield from _event_time(plugin)
    for attribute in plugin.attributes:
        value = attribute.value
        if attribute.name in _FIELDS and isinstance(value, tree.Text):
            yield _renamed(value.span.part(1, len(value.value) + 1), plugin)
        elif isinstance(value, tree.Hash):
            for entry in value.entries:
                if isinstance(entry.key, tree.Text):
                    yield _renamed(entry.key.span.part(1, len(entry.key.value) + 1), plugin)
                yield from _captures(entry.value, plugin)
        elif attribute.name in ("add_tag", "remove_field") and isinstance(value, tree.Array):
            for item in value.items:
                if isinstance(item, tree.Text):
                    yield _renamed(item.span.part(1, len(item.value) + 1), plugin)


def _event_time(plugin: tree.Plugin) -> Iterator[Mutant]:
    """Times twice as long, bounds that are one more, keys of one field less, events kept or not."""
    for attribute in plugin.attributes:
        value, name = attribute.value, attribute.name
        if name in _TIMES:
            yield from _doubled(value.span, name, plugin)
        elif name == "condition" and isinstance(value, tree.Hash):
            for entry in value.entries:
                yield from _one_more(entry.value.span, plugin)
        elif name == "by" and isinstance(value, tree.Array) and value.items:
            last = value.items[-1].span
            before = value.items[-2].span.end if len(value.items) > 1 else last.start
            gone = Span(last.source, before, last.end)
            yield Mutant(f"`{last.text}` left out of `by`", gone, _blank(gone), plugin.name_span)
        elif name == "keep" and value.span.text in _KEPT:
            turned = _KEPT[value.span.text]
            yield Mutant(f"`keep` made `{turned}`", value.span, turned, plugin.name_span)


def _doubled(span: Span, name: str, plugin: tree.Plugin) -> Iterator[Mutant]:
    found = _NUMBER.search(span.text)
    if found is not None and int(found[0]):
        text = span.text[: found.start()] + str(int(found[0]) * 2) + span.text[found.end() :]
        yield Mutant(f"`{name}` made {text}", span, text, plugin.name_span)


def _one_more(span: Span, plugin: tree.Plugin) -> Iterator[Mutant]:
    if _NUMBER.fullmatch(span.text):
        more = str(int(span.text) + 1)
        yield Mutant(f"`{span.text}` made `{more}`", span, more, plugin.name_span)


def _captures(value: tree.Value, plugin: tree.Plugin) -> Iterator[Mutant]:
    """The fields that grok's patterns name."""
    if isinstance(value, tree.Array):
        for item in value.items:
            yield from _captures(item, plugin)
    if isinstance(value, tree.Text) and plugin.name == "grok":
        for found in _CAPTURE.finditer(value.span.text):
            yield _renamed(value.span.part(found.start("name"), found.end("name")), plugin)


def _renamed(span: Span, plugin: tree.Plugin) -> Mutant:
    text = span.text
    changed = text[:-1] + "_x]" if text.endswith("]") else text + "_x"
    return Mutant(f"`{text}` renamed", span, changed, plugin.name_span)


@dataclass(slots=True)
class Subject:
    """A pipeline and the cases that are about it; ``reached`` has for each case the places that its
    events came to.
    """

    sources: list[Source]
    cases: list[tuple[Suite, Case]] = field(default_factory=list)
    reached: list[set[tuple[str, int]]] = field(default_factory=list)

    def relevant(self, mutant: Mutant) -> list[tuple[Suite, Case]]:
        """The cases that come to the place of a change."""
        name, start, end = mutant.reach.source.name, mutant.reach.start, mutant.reach.end
        return [
            pair
            for pair, reached in zip(self.cases, self.reached, strict=True)
            if any(place[0] == name and start <= place[1] < end for place in reached)
        ]


@dataclass(frozen=True, slots=True)
class Holes:
    """What no test notices, of how many changes; ``text`` shows it."""

    found: list[tuple[Mutant, bool]]
    tried: int
    text: str


def report(plan: Plan, color: bool = False) -> Holes:
    """Change the pipelines of a plan and list what no test notices; raises ConfigError where a file
    cannot be read.
    """
    found: list[tuple[Mutant, bool]] = []
    tried = 0
    for subject in subjects(plan):
        all_of_it = [mutant for source in subject.sources for mutant in mutants(source)]
        for number, mutant in enumerate(all_of_it, 1):
            _progress(number, len(all_of_it))
            noticed, ran = _noticed(subject, mutant)
            tried += noticed is not None
            if noticed is False:
                found.append((mutant, ran))
    return Holes(found, tried, _text(found, tried, Painter(color)))


def _progress(number: int, total: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[Kchange {number} of {total}" if number < total else "\r\x1b[K")
        sys.stderr.flush()


def _text(found: list[tuple[Mutant, bool]], tried: int, paint: Painter) -> str:
    lines = []
    for mutant, ran in found:
        why = "no test fails with" if ran else "no test gets to"
        lines.append(f"{why} {paint(mutant.what, 'bad')}\n{excerpt(mutant.span, paint.color)}\n")
    holes = f"; {len(found)} holes" if found else ""
    if tried:
        lines.append(f"{tried - len(found)} of {tried} changes were noticed{holes}")
    else:
        lines.append("not mutated: the pipelines have nothing to change that could be noticed")
    return "\n".join(lines)


def subjects(plan: Plan) -> list[Subject]:
    """The pipelines of a plan, each with its cases and what they reach."""
    found: dict[tuple[str, ...], Subject] = {}
    wanted, harnesses = choice(plan.expression), Harnesses()
    for path in plan.files:
        suite = read_suite(path, plan.extra)
        cases = [case for case in suite.cases if wanted(case) and not case.skip]
        for case in cases[:1] if suite.verifier is not None else cases:
            setup = case.setup
            subject = found.setdefault(
                (*setup.pipeline, setup.directory), Subject(sources_of(setup))
            )
            subject.cases.append((suite, case))
            subject.reached.append(_reached(harnesses.of(setup), suite, case))
    return list(found.values())


def _reached(harness: Harness, suite: Suite, case: Case) -> set[tuple[str, int]]:
    coverage = Coverage()
    compiled = harness.compiled(Counter(harness, coverage))
    observe: Callable[[Harness], object] = lambda _: compiled  # noqa: E731
    for _ in _results(suite, case, Harnesses({case.setup.key: harness}), observe):
        pass
    return {(key[0], key[2]) for key, count in coverage.counts.items() if count}


def _results(
    suite: Suite, case: Case, harnesses: Harnesses, observed: object = None
) -> Iterator[bool]:
    """Whether results are bad: of the case, or of all cases of a file that is one run."""
    runner = Runner(harnesses, observed, explain=False)  # type: ignore[arg-type]
    cases = suite.cases if suite.verifier is not None else (case,)
    for result in runner.run(Suite(suite.path, cases, (), suite.verifier)):
        yield result.bad


def _noticed(subject: Subject, mutant: Mutant) -> tuple[bool | None, bool]:
    """Whether a test fails with a change, None where the change makes no configuration; and whether
    any was run.
    """
    sources = [
        mutant.source if source is mutant.span.source else source for source in subject.sources
    ]
    made: dict[str, Harness] = {}
    relevant = subject.relevant(mutant)
    for suite, case in relevant:
        try:
            harness = made.get(case.setup.key) or made.setdefault(
                case.setup.key, _harness(case.setup, sources)
            )
        except ConfigError:
            return None, False
        if any(_results(suite, case, Harnesses({case.setup.key: harness}))):
            return True, True
    return False, bool(relevant)


def _harness(setup: Setup, sources: list[Source]) -> Harness:
    return Harness(setup, sources)
