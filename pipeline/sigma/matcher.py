"""Whether a rule matches an event, said by the rule itself.

The tests that are written beside a translation must not ask the translation what is right. So this
reads pySigma's tree and Sigma's meaning of values directly: wildcards without regular expressions,
expressions by the engine that pySigma checks them with, networks by `ipaddress`. An event is a map
from the rule's own names of fields to values.
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
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

from .regexes import POLICY

Values = Mapping[str, Any]
_COMPARED = {
    CompareOperators.LT: operator.lt,
    CompareOperators.LTE: operator.le,
    CompareOperators.GT: operator.gt,
    CompareOperators.GTE: operator.ge,
}


def matches(rule: SigmaRule, values: Values) -> bool:
    """Whether one of the rule's conditions holds for an event."""
    return any(holds(each.parsed, values) for each in rule.detection.parsed_condition)


def holds(node: Any, values: Values) -> bool:
    """Whether a node of pySigma's tree holds for an event."""
    if isinstance(node, ConditionNOT):
        return not holds(node.args[0], values)
    if isinstance(node, ConditionAND):
        return all(holds(each, values) for each in node.args)
    if isinstance(node, ConditionOR):
        return any(holds(each, values) for each in node.args)
    assert isinstance(node, ConditionFieldEqualsValueExpression)
    if isinstance(node.value, SigmaExists):
        return (node.field in values) is node.value.exists
    if isinstance(node.value, SigmaFieldReference):
        return _is_same(values.get(node.field), values.get(node.value.field))
    return _value(node.value, values.get(node.field))


def _is_same(one: Any, other: Any) -> bool:
    return one is not None and other is not None and str(one).lower() == str(other).lower()


def _value(value: Any, got: Any) -> bool:
    if isinstance(value, SigmaExpansion):
        return any(_value(each, got) for each in value.values)
    if isinstance(value, SigmaNull):
        return got is None
    if got is None:
        return False
    if isinstance(value, SigmaString):
        return _string(value, got)
    if isinstance(value, SigmaRegularExpression):
        return isinstance(got, str) and _found(value, got)
    if isinstance(value, SigmaCIDRExpression):
        return _inside(value, got)
    if isinstance(value, SigmaCompareExpression):
        return _is_number(got) and _COMPARED[value.op](got, value.number.number)
    if isinstance(value, SigmaBool):
        return str(got).lower() == str(value.boolean).lower()
    assert isinstance(value, SigmaNumber)
    return got == value.number if _is_number(got) else bool(got == str(value.number))


def _is_number(got: Any) -> bool:
    return isinstance(got, int | float) and not isinstance(got, bool)


def _string(value: SigmaString, got: Any) -> bool:
    if value.s and all(part is SpecialChars.WILDCARD_MULTI for part in value.s):
        return True
    if not isinstance(got, str):
        said = str(got).lower() if isinstance(got, bool) else str(got)
        return not value.contains_special() and value.to_plain().lower() == said
    cased = isinstance(value, SigmaCasedString)
    return wild(_signs(value, cased), got if cased else got.lower())


def _signs(value: SigmaString, cased: bool) -> list[Any]:
    """The pattern sign by sign: characters, and the two wildcards."""
    signs: list[Any] = []
    for part in value.s:
        if isinstance(part, str):
            signs += part if cased else part.lower()
        else:
            signs.append(part)
    return signs


def wild(pattern: Sequence[Any], text: str) -> bool:
    """Whether a text is what a pattern describes: the greedy way with one place to go back to."""
    at = sign = 0
    back: tuple[int, int] | None = None
    while at < len(text):
        here = pattern[sign] if sign < len(pattern) else None
        if here is SpecialChars.WILDCARD_MULTI:
            back, sign = (sign, at), sign + 1
        elif here is SpecialChars.WILDCARD_SINGLE or here == text[at]:
            at, sign = at + 1, sign + 1
        elif back is not None:
            at, sign = back[1] + 1, back[0] + 1
            back = (back[0], at)
        else:
            return False
    return all(each is SpecialChars.WILDCARD_MULTI for each in pattern[sign:])


def _found(value: SigmaRegularExpression, got: str) -> bool:
    flags = 0
    for flag in value.flags:
        flags |= value.sigma_to_python_flags[flag]
    return POLICY.regex_engine.compile(value.to_plain(), flags).search(got) is not None


def _inside(value: SigmaCIDRExpression, got: Any) -> bool:
    try:
        return ipaddress.ip_address(str(got)) in value.network
    except ValueError:
        return False
