"""Events for the tests of a rule: some that should match, and some that nearly do.

The tree of a condition is walked for assignments of values to fields that make it true, or false in
one place only. Assignments may contradict each other; what an event is really worth is asked of
``matcher`` afterwards.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice, zip_longest
from typing import Any

from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR
from sigma.rule import SigmaRule
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from ...dsl import regex_tree as tree
from ...dsl.regex import parsed
from ...dsl.regex_sets import Ranges
from .matcher import matches
from .regexes import regex_pattern

_MOST = 48
"""How many assignments of one node are looked at."""

_FEW = 6
"""How many of them are joined with those of other nodes."""

_OTHER = "something else"
_ABSENT = object()
"""The field is not there."""


class _Piece(str):
    """A text that a pattern asks for, and whether it asks for it at the ends of the value."""

    begins = ends = False


Assignment = dict[str, Any]
Way = Callable[[], Iterator[Assignment]]
"""The assignments that make one node as it is wanted, each time from the first."""


def samples(rule: SigmaRule) -> tuple[list[Assignment], list[Assignment]]:
    """Events that the rule matches, and events that it does not; each once, few."""
    good: list[Assignment] = []
    bad: list[Assignment] = []
    for condition in rule.detection.parsed_condition:
        for wanted in (True, False):
            for found in islice(_node(condition.parsed, wanted), _MOST):
                event = _event(found)
                place = good if matches(rule, event) else bad
                if event not in place:
                    place.append(event)
    if good:
        event = {name: _swapped(value) for name, value in good[0].items()}
        place = good if matches(rule, event) else bad
        if event not in place:
            place.insert(1, event)
    return good, bad


def _swapped(value: Any) -> Any:
    """The value in the other case, which most strings of rules do not mind."""
    return value.swapcase() if isinstance(value, str) else value


def _event(found: Assignment) -> Assignment:
    made = {}
    for name, value in found.items():
        if value is not _ABSENT:
            made[name] = str(value) if isinstance(value, _Piece) else value
    return made


def _node(node: Any, wanted: bool) -> Iterator[Assignment]:
    if isinstance(node, ConditionNOT):
        return _node(node.args[0], not wanted)
    if isinstance(node, ConditionAND | ConditionOR):
        together = isinstance(node, ConditionAND) == wanted
        return _all(node.args, wanted) if together else _one(node.args, wanted)
    if isinstance(node.value, SigmaFieldReference):
        return iter(_pairs(node.field, node.value.field, wanted))
    return ({node.field: value} for value in _values(node.value, wanted))


def _pairs(field: str, other: str, wanted: bool) -> list[Assignment]:
    """Two fields that are the same, or not."""
    if wanted:
        return [{field: "Same", other: "same"}, {field: 7, other: "7"}]
    return [{field: "one", other: "other"}, {field: "one", other: _ABSENT}, {field: _ABSENT}]


def _all(nodes: list[Any], wanted: bool) -> Iterator[Assignment]:
    """Every node as wanted."""
    return islice(_joined([partial(_node, node, wanted) for node in nodes], 0), _MOST)


def _one(nodes: list[Any], wanted: bool) -> Iterator[Assignment]:
    """One node as wanted, the others not where that goes: each of them in turn, then again."""
    turns = []
    for at in range(len(nodes)):
        ways = [
            partial(_node, node, wanted if place == at else not wanted)
            for place, node in enumerate(nodes)
        ]
        turns.append(islice(_joined(ways, at), _FEW))
    for round_ in zip_longest(*turns):
        yield from (found for found in round_ if found is not None)


def _joined(ways: Sequence[Way], turned: int) -> Iterator[Assignment]:
    """An assignment of each way: the first of all, then other ones of each, first of ``turned``."""
    choices = [list(islice(way(), _FEW)) for way in ways]
    if not all(choices):
        return
    firsts = [each[0] for each in choices]
    yield from _merged(firsts)
    order = [turned, *(at for at in range(len(ways)) if at != turned)]
    for at in order:
        for other in choices[at][1:]:
            yield from _merged([*firsts[:at], other, *firsts[at + 1 :]])


def _merged(parts: Iterable[Assignment]) -> Iterator[Assignment]:
    made: Assignment = {}
    clash = False
    for part in parts:
        for name, value in part.items():
            if name in made and made[name] != value:
                clash = True
                made[name] = _both(made[name], value)
            else:
                made[name] = value
    yield made
    if clash:
        last: Assignment = {}
        for part in parts:
            last |= part
        yield last


def _both(one: Any, other: Any) -> Any:
    """One value for two wishes: texts that are parts are put together, as their ends allow."""
    if not (isinstance(one, _Piece) and isinstance(other, _Piece)):
        return one if isinstance(one, _Piece) and other is _ABSENT else _stronger(one, other)
    if one.ends or other.begins:
        one, other = other, one
    joined = _Piece(f"{one}{other}" if one.ends or other.begins else f"{one} {other}")
    joined.begins, joined.ends = one.begins, other.ends
    return joined


def _stronger(one: Any, other: Any) -> Any:
    weak = (_OTHER, _ABSENT, None)
    return other if any(one is each for each in weak) else one


def _values(value: Any, wanted: bool) -> Iterator[Any]:
    if isinstance(value, SigmaExpansion):
        for each in value.values:
            yield from islice(_values(each, wanted), 1)
    elif wanted:
        yield from _matching(value)
    else:
        yield from _others(value)


def _others(value: Any) -> Iterator[Any]:
    """Values that do not match; for most, any other and none at all."""
    if isinstance(value, SigmaNull):
        yield _OTHER
    elif isinstance(value, SigmaExists):
        yield _ABSENT if value.exists else _OTHER
    elif isinstance(value, SigmaCompareExpression):
        yield _at_the_border(value, False)
    elif isinstance(value, SigmaNumber):
        yield value.number + 1
    elif isinstance(value, SigmaBool):
        yield not value.boolean
    elif isinstance(value, SigmaCIDRExpression):
        yield "203.0.113.77" if value.network.version == 6 else "2001:db8:ffff::77"
    elif isinstance(value, SigmaString):
        yield _OTHER
        if value.s:
            yield f"{_OTHER}: {_text(value, '')[::-1]}"
    else:
        yield _OTHER
    yield _ABSENT


def _matching(value: Any) -> Iterator[Any]:
    if isinstance(value, SigmaString):
        yield from _strings(value)
    elif isinstance(value, SigmaNull):
        yield _ABSENT
        yield None
    elif isinstance(value, SigmaExists):
        yield "present" if value.exists else _ABSENT
    elif isinstance(value, SigmaCompareExpression):
        yield _at_the_border(value, True)
    elif isinstance(value, SigmaNumber):
        yield value.number
        yield str(value.number)
    elif isinstance(value, SigmaBool):
        yield value.boolean
        yield str(value.boolean).lower()
    elif isinstance(value, SigmaCIDRExpression):
        yield str(value.network[min(5, value.network.num_addresses - 1)])
        yield str(ipaddress.ip_address(value.network.broadcast_address))
    elif isinstance(value, SigmaRegularExpression):
        yield _of_regex(parsed(regex_pattern(value)[1:-1]))


def _at_the_border(value: SigmaCompareExpression, wanted: bool) -> int | float:
    """The last number that a comparison takes, or the first that it does not."""
    number = value.number.number
    step = 1 if value.op in (CompareOperators.GT, CompareOperators.GTE) else -1
    if value.op in (CompareOperators.GT, CompareOperators.LT):
        return number + step if wanted else number
    return number if wanted else number - step


def _strings(value: SigmaString) -> Iterator[_Piece]:
    for filler in ("", " x "):
        text = _text(value, filler)
        for form in (text, text if isinstance(value, SigmaCasedString) else text.swapcase()):
            piece = _Piece(form)
            piece.begins = bool(value.s) and isinstance(value.s[0], str)
            piece.ends = bool(value.s) and isinstance(value.s[-1], str)
            yield piece
        if not value.contains_special():
            return


def _text(value: SigmaString, filler: str) -> str:
    text = ""
    for part in value.s:
        if isinstance(part, str):
            text += part
        else:
            text += filler if part is SpecialChars.WILDCARD_MULTI else "x"
    return text


def _of_regex(node: Any) -> str:
    """A text that an expression matches, in most cases."""
    if isinstance(node, tree.Text):
        return node.value
    if isinstance(node, tree.Set):
        return _member(node)
    if isinstance(node, tree.Dot):
        return "a"
    if isinstance(node, tree.Choice):
        return _of_regex(node.branches[0])
    if isinstance(node, tree.Repeat):
        return _of_regex(node.node) * max(node.low, 0 if node.high == 0 else 1)
    if isinstance(node, tree.Look | tree.At):
        return ""
    return "".join(map(_of_regex, tree.children(node)))


def _member(node: tree.Set) -> str:
    likely = [*range(97, 123), *range(48, 58), *range(32, 127)]
    for code in likely:
        if not node.names and _holds(node.ranges, code) is not node.negated:
            return chr(code)
    if node.negated:
        return " "
    return "1" if "digit" in node.names else "a"


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)
