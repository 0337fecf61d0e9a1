"""The detections of a rule as a condition of the configuration language.

Strings of Sigma match without regard to case and as a whole, so they become patterns; numbers and
booleans also match texts that say the same, since logs often have them so. Networks need the filter
`cidr`: it marks events in `@metadata` before the condition asks for the mark.
"""

from __future__ import annotations

import re
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionItem,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
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

from .fields import Fields
from .refusal import Refused
from .regexes import regex_pattern, wildcard_pattern

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d*[1-9]")
_SIGNS = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
}


class Conditions:
    """Makes the condition of one rule; ``marks`` are the filters that must stand before it."""

    def __init__(self, tag: str, fields: Fields) -> None:
        self._tag, self._fields = tag, fields
        self.marks: list[str] = []

    def text(self, node: Any) -> str:
        """The condition for a node of pySigma's tree; raises Refused."""
        if isinstance(node, ConditionNOT):
            return f"!({self.text(node.args[0])})"
        if isinstance(node, ConditionAND | ConditionOR):
            word = "and" if isinstance(node, ConditionAND) else "or"
            return f" {word} ".join(self._inner(node, arg) for arg in node.args)
        if isinstance(node, ConditionFieldEqualsValueExpression):
            return self._value(node.field, node.value)
        if isinstance(node, ConditionValueExpression):
            raise Refused(
                f"the keyword `{shown(node.value)}` has no field",
                "name the field that is searched: `message|contains: …`",
            )
        raise Refused("the condition is empty", "name a detection in `condition`")

    def _inner(self, parent: ConditionItem, node: Any) -> str:
        """An operand: in parentheses where it is several comparisons of another kind."""
        text = self.text(node)
        several = isinstance(node, ConditionAND | ConditionOR) and type(node) is not type(parent)
        return f"({text})" if several else text

    def _value(self, name: str, value: Any) -> str:
        field = self._fields.reference(name)
        if isinstance(value, SigmaExpansion):
            return _any_of([self._value(name, each) for each in value.values])
        if isinstance(value, SigmaString):
            return self._string(field, value)
        if isinstance(value, SigmaRegularExpression):
            return f"{field} =~ {regex_pattern(value)}"
        if isinstance(value, SigmaCIDRExpression):
            return self._network(field, value)
        if isinstance(value, SigmaNull):
            return f"(!exists({field}) or {_is_null(field)})"
        if isinstance(value, SigmaExists):
            return f"exists({field})" if value.exists else f"!exists({field})"
        if isinstance(value, SigmaBool):
            return _boolean(field, value.boolean)
        return self._other(name, field, value)

    def _other(self, name: str, field: str, value: Any) -> str:
        if isinstance(value, SigmaCompareExpression) and type(value.number) is SigmaNumber:
            sign = _SIGNS.get(value.op)
            if sign is not None:
                return f"{field} {sign} {literal(value.number.number)}"
        if type(value) is SigmaNumber:
            number = literal(value.number)
            return _any_of([*_equal_numbers(field, number), f'{field} == "{number}"'])
        if isinstance(value, SigmaFieldReference):
            return self._same(name, field, value)
        raise Refused(
            f"a value of `{name}` ({type(value).__name__}) has no counterpart",
            "take the part that is compared into a field of its own first (filter date or grok)",
        )

    def _same(self, name: str, field: str, value: SigmaFieldReference) -> str:
        """Two fields with the same text, whatever its case: copies of both are compared."""
        if value.starts_with or value.ends_with:
            raise Refused(
                f"`{name}|fieldref` with `startswith` or `endswith` has no counterpart",
                "compare the whole of both fields, or write a filter ruby",
            )
        number = len(self.marks) + 1
        one, other = (f"[@metadata][{self._tag}_{number}{place}]" for place in "ab")
        self.marks.append(
            f'mutate {{ replace => {{ "{one}" => "%{{{field}}}"'
            f' "{other}" => "%{{{self._fields.reference(value.field)}}}" }}'
            f' lowercase => ["{one}", "{other}"] }}'
        )
        return f"(exists({field}) and {one} == {other})"

    def _string(self, field: str, value: SigmaString) -> str:
        if value.s and all(part is SpecialChars.WILDCARD_MULTI for part in value.s):
            return f"(exists({field}) and !({_is_null(field)}))"
        cased = isinstance(value, SigmaCasedString)
        matches = f"{field} =~ {wildcard_pattern(value, cased)}"
        plain = plain_text(value)
        if plain is None:
            return matches
        if plain.lower() in ("true", "false") and not cased:
            return _boolean(field, plain.lower() == "true")
        if _INTEGER.fullmatch(plain) or _DECIMAL.fullmatch(plain):
            return _any_of([*_equal_numbers(field, plain), f'{field} == "{plain}"'])
        return matches

    def _network(self, field: str, value: SigmaCIDRExpression) -> str:
        mark = f"[@metadata][{self._tag}_{len(self.marks) + 1}]"
        self.marks.append(
            f'cidr {{ address_field => "{field}" network => ["{value.network}"]'
            f' add_field => {{ "{mark}" => "yes" }} }}'
        )
        return mark


def _any_of(conditions: list[str]) -> str:
    return conditions[0] if len(conditions) == 1 else f"({' or '.join(conditions)})"


def _is_null(field: str) -> str:
    # The text of null is empty, and only null is so without being the empty text.
    return f'({field} in ["", ""] and {field} != "")'


def _boolean(field: str, value: bool) -> str:
    text = "true" if value else "false"
    return f"({field} == {text} or {field} =~ /(?i)\\A{text}\\z/)"


def _equal_numbers(field: str, number: str) -> list[str]:
    """An integer and a float of the same value are told apart by `==`."""
    if "." in number or number == "-0":
        return [f"{field} == {number}"]
    return [f"{field} == {number}", f"{field} == {number}.0"]


def literal(number: int | float) -> str:
    """A number as the language writes it: without an exponent; raises Refused."""
    text = repr(number)
    if "e" in text or "n" in text:
        raise Refused(f"the number {text} needs an exponent", "compare with another number")
    return text


def plain_text(value: SigmaString) -> str | None:
    """The text of a string without wildcards; None where it has some."""
    if not all(isinstance(part, str) for part in value.s):
        return None
    return "".join(part for part in value.s if isinstance(part, str))


def shown(value: Any) -> str:
    """A value of a rule in a message."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
