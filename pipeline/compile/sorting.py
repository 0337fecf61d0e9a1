"""How a loop sorts events into the arms of branches: the lists that they go to, and the lines that
tell for one event which.

A branch that nothing before it can influence is sorted in the same loop as the one before it:
fields that both look at are read once, and several that one field decides share a table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

import msgspec

from ...dsl.program import Arm
from ...dsl.reference import FieldRef
from ...dsl.source import Span
from .branch_groups import Portion
from .condition import Expressions, fields, matches
from .decisions import Intervals, Outcome, Table, deciding_fields, interval_of, is_decided, table
from .heads import grouped, heads
from .names import Namespace
from .reading import NOTHING, Known

_LEAST_SHARED = 3

Write = Callable[[int, str, Span], None]


class Lists(msgspec.Struct, frozen=True):
    """The lists of a portion: one an arm, and one for the rest, "" where nothing is left that
    matters. ``places`` are the lists of their places, where these are kept.
    """

    portion: Portion
    arms: list[str]
    rest: str
    places: Sequence[str] = ()

    @property
    def span(self) -> Span:
        """Where the loop stands that fills them."""
        return self.portion.arms[0].span

    def all(self) -> list[str]:
        """The lists, the rest last."""
        return [*self.arms, *filter(None, [self.rest])]

    def adds(self) -> list[str]:
        """The statements that put ``event`` into each."""
        if not self.places:
            return [f"{name}.append(event)" for name in self.all()]
        return [
            f"{name}.append(event); {place}.append(place)"
            for name, place in zip(self.all(), self.places, strict=True)
        ]


class Sorter:
    """Writes the lines of one loop."""

    def __init__(self, names: Namespace, expressions: Expressions, write: Write) -> None:
        self.names, self.expressions, self.write = names, expressions, write

    def loop(self, depth: int, walk: str, sorted_: Sequence[Lists]) -> None:
        """A loop that fills the lists of portions, each as if the others were not there."""
        for lists in sorted_:
            for name in (*lists.all(), *lists.places):
                self.write(depth, f"{name} = []", lists.span)
        shared = _shared_tables(sorted_)
        in_tables = {id(lists) for group in shared.values() for lists, _ in group}
        others = [lists for lists in sorted_ if id(lists) not in in_tables]
        groups = grouped([_heads(lists) for lists in others])
        maps = [(key,) for key, _ in groups if key]
        self.expressions.reads.share([*shared, *_fields_of(others)], maps)
        span = sorted_[0].span
        begin = [self._arms(depth, lists) for lists in others]
        tables = [self._shared(depth, ref, group) for ref, group in shared.items()]
        self.write(depth, walk, span)
        known = NOTHING
        for write_table in tables:
            known = write_table(known)
        for key, places in groups:
            if key:
                known = self._below(depth + 1, key, [others[place] for place in places], known)
            else:
                known = self._sort(depth + 1, others[places[0]], begin[places[0]], known)
        self.expressions.reads.share(())

    def _below(self, depth: int, key: str, sorted_: Sequence[Lists], known: Known) -> Known:
        """The tests of portions that need a map at a key of the event, below one test of it."""
        reads = self.expressions.reads
        text, known = reads.map_at(key, known)
        self.write(depth, f"if {text}:", sorted_[0].span)
        reads.maps = frozenset([(key,)])
        within = known
        for lists in sorted_:
            within = self._tests(depth + 1, lists, within)
        reads.maps = NOTHING
        return known

    def _arms(self, depth: int, lists: Lists) -> str:
        """The name of a tuple of the lists, where they are told apart by number."""
        if lists.portion.decision is None:
            return ""
        return self._tuple(depth, lists.all(), lists.span, lists.places)

    def _tuple(
        self, depth: int, names: Sequence[str], span: Span, places: Sequence[str] = ()
    ) -> str:
        arms = self.names.variable("arms")
        self.write(depth, f"{arms} = ({', '.join(names)},)", span)
        if places:
            self.names.variable(f"{arms}_at")
            self.write(depth, f"{arms}_at = ({', '.join(places)},)", span)
        return arms

    def _sort(self, depth: int, lists: Lists, arms: str, known: Known) -> Known:
        portion = lists.portion
        if portion.decision is None:
            return self._tests(depth, lists, known)
        if isinstance(portion.decision, Table):
            text, known = self._look_up(portion.decision, lists, known)
        else:
            text, known = self._interval(portion.decision, lists, known)
        self.write(depth, f"number = {text}", lists.span)
        return self._put(depth, lists, arms, known)

    def _put(self, depth: int, lists: Lists, arms: str, known: Known) -> Known:
        decision = lists.portion.decision
        assert decision is not None
        if isinstance(decision, Table) and (maybes := _open(decision)):
            functions = self._first_of(lists, maybes)
            name = self.names.name(f"open_{lists.span.line}", _ByName(functions))
            self.write(depth, "if number < 0:", lists.span)
            self.write(depth + 1, f"number = {name}[number](event)", lists.span)
        puts = f"{arms}[number].append(event)"
        if lists.places:
            puts += f"; {arms}_at[number].append(place)"
        self.write(depth, puts, lists.span)
        return known

    def _look_up(self, decision: Table, lists: Lists, known: Known) -> tuple[str, Known]:
        numbers = {outcome: -1 - place for place, outcome in enumerate(_open(decision))}

        def number(outcome: Outcome) -> int:
            return outcome[0] if len(outcome) == 1 else numbers[outcome]

        line = lists.span.line
        first, name, known = self.expressions.reads.value(decision.ref, known)
        by_value = {value: number(outcome) for value, outcome in decision.outcomes.items()}
        table_name = self.names.name(f"table_{line}", by_value)
        other = self.names.name(f"other_{line}", lambda value: number(decision.outcome(value)))
        others, missing = number(decision.others), number(decision.missing)
        return _looked_up(first, name, table_name, repr(others), repr(missing), other), known

    def _interval(self, decision: Intervals, lists: Lists, known: Known) -> tuple[str, Known]:
        line = lists.span.line
        first, name, known = self.expressions.reads.value(decision.ref, known)
        numbers = self.names.name(f"arms_{line}", [each[0] for each in decision.outcomes])
        points = self.names.name(f"points_{line}", decision.points)
        self.names["interval_of"] = interval_of
        is_number = f"(type({first}) is int or type({name}) is float) and {name} == {name}"
        others = str(decision.others[0])
        if decision.incomparable != decision.others:
            test = self.expressions.incomparable(decision.ref, known)
            others = f"({decision.incomparable[0]} if {test} else {others})"
        return f"{numbers}[interval_of({points}, {name})] if {is_number} else {others}", known

    def _first_of(self, lists: Lists, maybes: Sequence[Outcome]) -> list[str]:
        """Functions for the values that leave conditions open, the last value first."""
        functions = []
        for outcome in maybes:
            asked = [lists.portion.arms[number].condition for number in outcome[:-1]]
            conditions = [condition for condition in asked if condition is not None]
            functions.append(
                self.expressions.first_of(conditions, outcome, f"arm_of_{lists.span.line}")
            )
        return functions[::-1]

    def _shared(
        self, depth: int, ref: FieldRef, group: Sequence[tuple[Lists, Table]]
    ) -> Callable[[Known], Known]:
        """A table for several branches; gives what writes the look into it."""
        span = group[0][0].span
        names = [name for lists, _ in group for name in lists.all()]
        arms = self._tuple(depth, names, span)
        choose = _choosing(group)
        values = {value for _, each in group for value in each.outcomes}
        table_name = self.names.name(
            f"table_{span.line}", {value: choose(value) for value in sorted(values, key=repr)}
        )
        other = self.names.name(f"other_{span.line}", choose)
        others = repr(choose(_unnamed(values)))
        missing = repr(choose(None))

        def write(known: Known) -> Known:
            first, name, known = self.expressions.reads.value(ref, known)
            text = _looked_up(first, name, table_name, others, missing, other)
            self.write(depth + 1, f"for number in {text}:", span)
            self.write(depth + 2, f"{arms}[number].append(event)", span)
            return known

        return write

    def _tests(self, depth: int, lists: Lists, known: Known) -> Known:
        """Tests one after the other, and where an event goes that passes one, or none."""
        arms, adds = lists.portion.arms, lists.adds()
        conditions = [arm.condition for arm in arms if arm.condition is not None]
        if not any(map(matches, conditions)):
            return self._plain_tests(depth, arms, adds, known)
        span = _head(arms[0])
        self.write(depth, "try:", span)
        self._plain_tests(depth + 1, arms, adds, known)
        self.write(depth, "except MatchTimeout:", span)
        self.write(depth + 1, f"number = {self.expressions.second_look(conditions)}(event)", span)
        for number, add in enumerate(adds):
            self.write(depth + 1, f"if number == {number}: {add}", span)
        return known

    def _plain_tests(
        self, depth: int, arms: Sequence[Arm], adds: Sequence[str], known: Known
    ) -> Known:
        ends = []
        for number, (arm, add) in enumerate(zip(arms, adds, strict=False)):
            if arm.condition is None:
                self.write(depth, "else:" if number else "if True:", _head(arm))
                ends.append(known)
            else:
                text, where_true, known = self.expressions.test(arm.condition, known)
                self.write(depth, f"{'elif' if number else 'if'} {text}:", _head(arm))
                ends.append(where_true)
            self.write(depth + 1, add, arm.span)
        if len(adds) > len(arms):
            self.write(depth, "else:", arms[-1].span)
            self.write(depth + 1, adds[-1], arms[-1].span)
        return frozenset.intersection(known, *ends)


class _ByName(list[str]):
    """Names of functions, which stand for the functions once the code is compiled."""


def resolved(names: dict[str, Any]) -> None:
    """Put generated functions in the place of their names."""
    for name, value in names.items():
        if type(value) is _ByName:
            names[name] = [names[function] for function in value]


def _open(decision: Table) -> list[Outcome]:
    """The outcomes that leave conditions open, in a fixed order."""
    return sorted(outcome for outcome in decision.all_outcomes() if len(outcome) > 1)


def _looked_up(
    first: str, name: str, table_name: str, others: str, missing: str, other: str
) -> str:
    is_key = f"type({first}) is str or type({name}) is int"
    rest = f"({missing} if {name} is None else {other}({name}))"
    return f"{table_name}.get({name}, {others}) if {is_key} else {rest}"


def _choosing(group: Sequence[tuple[Lists, Table]]) -> Callable[[Any], tuple[int, ...]]:
    """Which lists of a group a value leads to, by their numbers."""
    starts, start = [], 0
    for lists, _ in group:
        starts.append(start)
        start += len(lists.all())

    def choose(value: Any) -> tuple[int, ...]:
        found = []
        for (lists, each), first in zip(group, starts, strict=True):
            (number,) = each.outcome(value)
            if number < len(lists.all()):
                found.append(first + number)
        return tuple(found)

    return choose


def _unnamed(values: Iterable[Any]) -> str:
    known = set(values)
    return next(text for text in map("\0".__mul__, range(1, 99)) if text not in known)


def _shared_tables(sorted_: Sequence[Lists]) -> dict[FieldRef, list[tuple[Lists, Table]]]:
    """The portions that one field decides, by the field, where they are several."""
    if len(sorted_) < _LEAST_SHARED:
        return {}
    found: dict[FieldRef, list[tuple[Lists, Table]]] = {}
    for lists in sorted_:
        each = None if lists.places else _whole_table(lists.portion)
        if each is not None:
            found.setdefault(each.ref, []).append((lists, each))
    return {ref: group for ref, group in found.items() if len(group) >= _LEAST_SHARED}


def _whole_table(portion: Portion) -> Table | None:
    """The table of a portion that one field decides alone."""
    conditions = [arm.condition for arm in portion.arms]
    if any(map(matches, conditions)):
        return None
    for ref in deciding_fields(conditions[0]):
        if all(is_decided(condition, ref) for condition in conditions):
            each = table(ref, conditions)
            if all(len(outcome) == 1 for outcome in each.all_outcomes()):
                return each
    return None


def _heads(lists: Lists) -> frozenset[str]:
    """The keys at which a map must stand for any of a portion's arms to be taken."""
    portion = lists.portion
    if portion.decision is not None or portion.takes_all or lists.rest:
        return frozenset()
    return reduce(frozenset.intersection, [heads(arm.condition) for arm in portion.arms])


def _fields_of(sorted_: Iterable[Lists]) -> Iterable[FieldRef]:
    for lists in sorted_:
        decision = lists.portion.decision
        if decision is not None:
            yield decision.ref
            continue
        for arm in lists.portion.arms:
            yield from fields(arm.condition)


def _head(arm: Arm) -> Span:
    return arm.condition.span if arm.condition is not None else arm.span
