"""Series of events for the tests of correlations, each with the alerts that it must give.

A series is made of bursts: the fewest events that fulfil a correlation, with its alert behind the
last of them. A burst of a correlation of correlations is made of the bursts of those.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)

from .correlations import TEMPORAL, key_fields, value_fields
from .matcher import matches
from .refusal import Refused
from .rules import Translated, name_of
from .samples import Assignment, samples

_START = datetime(2025, 9, 1, 8, 0, 0)
_MOST = 200
"""The longest series that is written down."""

_METRICS = (
    SigmaCorrelationType.VALUE_SUM,
    SigmaCorrelationType.VALUE_AVG,
    SigmaCorrelationType.VALUE_PERCENTILE,
)


@dataclass(slots=True)
class Step:
    """An event of a rule, or an alert of a correlation; ``name`` is the rule's."""

    name: str
    values: Assignment = field(default_factory=dict)
    alert: bool = False


@dataclass(slots=True)
class Series:
    """Events in order, one so much later than the one before, with alerts behind some."""

    name: str
    steps: list[Step]
    apart: timedelta

    def inputs(self) -> Iterator[Assignment]:
        """The events that go in, with their times."""
        at = _START
        for step in self.steps:
            if not step.alert:
                yield {"@timestamp": f"{at.isoformat(timespec='milliseconds')}Z", **step.values}
                at += self.apart


def series(one: Translated, gaps: list[str]) -> Iterator[Series]:
    """The series of a correlation; ``gaps`` gets why there are none."""
    try:
        yield from _Maker(one).series()
    except Refused as error:
        gaps.append(f"{error.message}: add tests by hand")


class _Maker:
    def __init__(self, one: Translated) -> None:
        self.one, self.rule = one, one.rule
        self.detections = [
            each.rule for each in one.chain() if not isinstance(each.rule, SigmaCorrelationRule)
        ]
        span = timedelta(seconds=self.rule.timespan.seconds)
        self.near = min(timedelta(seconds=1), span / (4 * _MOST))
        self.far = span + timedelta(seconds=1)

    def series(self) -> Iterator[Series]:
        parts, alert = self._parts(self.rule, "a"), Step(name_of(self.rule), alert=True)
        self._check_keys(parts)
        yield Series("fulfilled", [*_flat(parts), alert], self.near)
        if self.rule.type in _METRICS:
            yield Series("not enough", self._measured(self.rule, "a", -1), self.near)
        if self.rule.group_by and len(parts) > 1:
            with contextlib.suppress(Refused):  # one key is all that the rules allow
                split = [*parts[:-1], self._parts(self.rule, "b")[-1]]
                yield Series("under two keys", _flat(split), self.near)
        if len(parts) > 1:
            yield Series("one event fewer", _flat(parts[:-1]), self.near)
            if all(len(part) == 1 for part in parts):
                yield Series("too far apart", _flat(parts), self.far)
        if self.rule.type is SigmaCorrelationType.TEMPORAL_ORDERED and len(parts) == 2:
            yield Series("the other way round", _flat(parts[::-1]), self.near)

    def _parts(self, rule: SigmaCorrelationRule, key: str) -> list[list[Step]]:
        """What fulfils a correlation, part by part: each an event, or a burst with its alert."""
        condition = rule.condition
        rules = [each.rule for each in rule.referenced_rules]
        if rule.type in TEMPORAL:
            self._check_all(rule, len(rules))
            return [self._part(rule, of, key, 0) for of in rules]
        assert isinstance(condition, SigmaCorrelationCondition)
        operator = condition.op.name.lower()
        if operator not in ("gt", "gte"):
            raise Refused(f"`{operator}` is judged when its time is over")
        if rule.type in _METRICS:
            return [self._measured(rule, key, 0)]
        need = int(condition.count) + (1 if operator == "gt" else 0)
        need += 1 if operator == "gte" and need < condition.count else 0
        if not 1 <= need <= _MOST:
            raise Refused(f"a series of {need} events is not written")
        return [self._part(rule, rules[n % len(rules)], key, n + 1) for n in range(need)]

    def _measured(self, rule: SigmaCorrelationRule, key: str, more: int) -> list[Step]:
        """One event whose value is just enough; or, with ``more`` below 0, just not enough."""
        condition = rule.condition
        assert isinstance(condition, SigmaCorrelationCondition)
        above = 1 if condition.op.name == "GT" else 0
        value = condition.count + above + more
        return self._part(rule, rule.referenced_rules[0].rule, key, value)

    def _check_keys(self, parts: list[list[Step]]) -> None:
        """Where rules ask for values of a key, they may ask for different ones."""
        fields = {name_of(of): key_fields(self.rule, of) for of in self.detections}
        steps = [step for step in _flat(parts) if not step.alert]
        direct = [name_of(each.rule) for each in self.rule.referenced_rules]
        keys = [
            [step.values[name] for name in fields[step.name]]
            for step in steps
            if step.name in direct
        ]
        if any(key != keys[0] for key in keys):
            raise Refused("its rules ask for different values of a key")

    def _check_all(self, rule: SigmaCorrelationRule, number: int) -> None:
        condition = rule.condition
        if not isinstance(condition, SigmaCorrelationCondition):
            return
        if condition.op.name != "GTE" or condition.count != number:
            raise Refused("only a condition that wants all rules is tested")

    def _part(self, rule: SigmaCorrelationRule, of: Any, key: str, value: Any) -> list[Step]:
        if isinstance(of, SigmaCorrelationRule):
            return self._burst(rule, of, key)
        wanted = dict.fromkeys(key_fields(rule, of), f"key {key}")
        numbers = rule.type not in (SigmaCorrelationType.VALUE_COUNT, *TEMPORAL)
        for name in value_fields(rule):
            wanted[name] = value if numbers else f"value {value}"
        return [Step(name_of(of), self._sample(of, wanted, key))]

    def _burst(self, rule: SigmaCorrelationRule, of: SigmaCorrelationRule, key: str) -> list[Step]:
        if rule.type not in TEMPORAL:
            raise Refused("alerts of a correlation are counted")
        renamed = dict(zip(key_fields(rule, of), rule.group_by or [], strict=True))
        if any(inner not in renamed for inner in of.group_by or []):
            raise Refused("the correlation inside has more keys")
        return [*_flat(self._parts(of, key)), Step(name_of(of), alert=True)]

    def _sample(self, of: Any, wanted: Assignment, key: str) -> Assignment:
        """An event that this rule matches and no other one of the series, with fields as wanted."""
        found = samples(of)[0]
        ways = [{**values, **wanted} for values in found]
        # The rule may itself ask for a value of a key; then one key is all there is.
        own = [values for values in found if key == "a" and wanted.keys() <= values.keys()]
        for values in [*ways, *own]:
            if not self._differs(values, wanted) and self._is_only(of, values):
                return values
        raise Refused(f"no event was found that only `{name_of(of)}` matches")

    def _is_only(self, of: Any, values: Assignment) -> bool:
        """Whether the rule matches an event, and no other rule of the series does."""
        return all(matches(rule, values) is (rule is of) for rule in self.detections)

    def _differs(self, values: Assignment, wanted: Assignment) -> bool:
        """Whether a value that is compared is another one than wanted."""
        compared = value_fields(self.rule)
        return any(name in compared and values[name] != wanted[name] for name in wanted)


def _flat(parts: list[list[Step]]) -> list[Step]:
    return [step for part in parts for step in part]
