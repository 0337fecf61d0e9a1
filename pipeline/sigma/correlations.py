"""A correlation of Sigma as a filter `correlate`.

The two mean nearly the same: what one of them has and the other has not is refused. Alerts are
events that have only the fields of `group-by`, so a correlation of correlations must be grouped by
fields that its alerts have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sigma.correlations import (
    CorrelationConditionAND,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from .conditions import literal
from .fields import Fields
from .refusal import Refused

TEMPORAL = (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)


def correlate_block(
    rule: SigmaCorrelationRule,
    tags: list[str],
    fields: Fields,
    name_of: Callable[[Any], str],
) -> str:
    """The filter of a correlation that gives its alerts some tags; raises Refused."""
    if rule.type is SigmaCorrelationType.VALUE_MEDIAN:
        raise Refused(
            "`value_median` takes the mean of two middle values, `correlate` does not",
            "write type: value_percentile, with percentile: 50 (the nearest rank)",
        )
    events = [f"sigma_{name_of(each.rule)}" for each in rule.referenced_rules]
    options = [
        f'id => "{name_of(rule)}"',
        f'type => "{rule.type.name.lower()}"',
        f"events => {_listed(events)}",
        *_grouped(rule, fields, name_of),
        f'within => "{_duration(rule)}"',
        *_condition(rule, fields),
        f"add_tag => {_listed(tags)}",
    ]
    for each in rule.referenced_rules:
        _check_alert_fields(rule, each.rule)
    return "correlate {\n    " + "\n    ".join(options) + "\n  }"


def _listed(items: list[str]) -> str:
    joined = ", ".join(f'"{item}"' for item in items)
    return f"[{joined}]"


def _duration(rule: SigmaCorrelationRule) -> str:
    span = rule.timespan
    if span.unit in "My":
        raise Refused(
            f"the timespan `{span.spec}` is not of a fixed length",
            f"write it in days: timespan: {span.count * (30 if span.unit == 'M' else 365)}d",
        )
    return f"{span.count}{span.unit}"


def _grouped(
    rule: SigmaCorrelationRule, fields: Fields, name_of: Callable[[Any], str]
) -> list[str]:
    names = rule.group_by or []
    for alias in rule.aliases:
        if alias.alias not in names:
            raise Refused(
                f"the alias `{alias.alias}` is not in `group-by`",
                "add it to `group-by`, or leave it out",
            )
    if not names:
        return []
    made = [f"by => {_listed([fields.reference(name) for name in names])}"]
    lines = [
        f'      "sigma_{name_of(each)}" => {_listed([fields.reference(n) for n in own])}'
        for each, own in _own_keys(rule)
        if own != names
    ]
    if lines:
        made.append("aliases => {\n" + "\n".join(lines) + "\n    }")
    return made


def _own_keys(rule: SigmaCorrelationRule) -> list[tuple[Any, list[str]]]:
    found = {id(each.rule): each.rule for each in rule.referenced_rules}
    return [(each, key_fields(rule, each)) for each in found.values()]


def key_fields(rule: SigmaCorrelationRule, of: Any) -> list[str]:
    """The fields, by the rule's names, that stand for `group-by` in events of one of its rules."""
    mapped = {
        alias.alias: name
        for alias in rule.aliases
        for reference, name in alias.mapping.items()
        if reference.rule is of
    }
    return [mapped.get(name, name) for name in rule.group_by or []]


def value_fields(rule: SigmaCorrelationRule) -> list[str]:
    """The fields of the value that a correlation compares."""
    named = getattr(rule.condition, "fieldref", None)
    if named is None:
        return []
    return list(named) if isinstance(named, list) else [named]


def _check_alert_fields(rule: SigmaCorrelationRule, of: Any) -> None:
    if not isinstance(of, SigmaCorrelationRule):
        return
    has = set(of.group_by or [])
    for name in [*key_fields(rule, of), *value_fields(rule)]:
        if name not in has:
            raise Refused(
                f"alerts of `{of.name or of.title}` do not have the field `{name}`",
                f"add `{name}` to the `group-by` of that correlation",
            )


def _condition(rule: SigmaCorrelationRule, fields: Fields) -> list[str]:
    condition = rule.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        _check_all_of(condition.parsed)
        return []
    assert isinstance(condition, SigmaCorrelationCondition)
    names = value_fields(rule)
    operator, number = condition.op.name.lower(), condition.count
    if rule.type in TEMPORAL and not names:
        # Told apart by name: the same rule twice is one kind of event.
        if operator == "gte" and number == len(rule.referenced_rules):
            return []
    elif rule.type in TEMPORAL or (rule.type is SigmaCorrelationType.EVENT_COUNT and names):
        raise Refused(
            f"`{rule.type.name.lower()}` has a condition with `field`",
            "leave `field` out, or write type: value_count",
        )
    made = [f"condition => {{ {operator} => {literal(number)} }}"]
    if names:
        _check_one_value(rule, names)
        made.insert(0, f"field => {_listed([fields.reference(name) for name in names])}")
    if rule.type is SigmaCorrelationType.VALUE_PERCENTILE:
        made.append(f"percent => {_percent(condition)}")
    elif condition.percentile is not None:
        raise Refused("`percentile` belongs to type: value_percentile", "leave it out")
    return made


def _check_one_value(rule: SigmaCorrelationRule, names: list[str]) -> None:
    if len(names) > 1 and rule.type is not SigmaCorrelationType.VALUE_COUNT:
        raise Refused(
            f"`{rule.type.name.lower()}` compares one field, `field` names {len(names)}",
            "name one field",
        )


def _percent(condition: SigmaCorrelationCondition) -> int:
    percent = condition.percentile
    if percent is None or not 0 < percent <= 100:
        raise Refused(
            "`value_percentile` needs a `percentile` above 0 and at most 100",
            "write it in `condition`: percentile: 95",
        )
    return percent


def _check_all_of(node: Any) -> None:
    """Whether a boolean expression of rules asks for all of them, which `temporal` does."""
    if isinstance(node, CorrelationConditionAND):
        for each in node.args:
            _check_all_of(each)
    elif not isinstance(node, SigmaRuleReference):
        raise Refused(
            "the condition joins rules with `or` or `not`",
            "write one correlation for each alternative; for an event that does not follow, a"
            ' filter correlate { type => "absent" }',
        )
