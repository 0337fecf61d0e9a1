"""What can be said of a correlation before events come."""

from __future__ import annotations

from ..dsl.diagnostics import did_you_mean
from ._correlate_options import CorrelateOptions
from ._correlate_rules import AT_ONCE, COMPARISONS

_SIGNS = {">": "gt", ">=": "gte", "=>": "gte", "<": "lt", "<=": "lte", "=<": "lte"}
_EQUALS = {"=": "eq", "==": "eq", "!=": "neq", "<>": "neq"}


def check_condition(rule: CorrelateOptions) -> bool:
    """Report what is wrong with ``condition`` and ``field``; whether all is well."""
    known = [_known(rule, name) for name in rule.condition]
    if not all(known):
        return False
    found = rule.type.startswith("value_")
    if not rule.condition and (found or rule.type == "event_count"):
        rule.problem(
            "type",
            f"`{rule.type}` needs `condition`",
            'say what to compare with: condition => { "gte" => 10 }',
            code="E246",
        )
        return False
    if found and not rule.field:
        rule.problem(
            "condition", "`condition` needs `field`", "name the field of the value", code="E246"
        )
        return False
    if rule.type == "absent" and rule.condition:
        rule.problem("condition", "`absent` has no `condition`", "remove it", code="E246")
        return False
    for name in rule.condition:
        if name not in AT_ONCE:
            rule.problem(
                "condition",
                f"`{name}` is emitted only when its time is over",
                "`gt` and `gte` are told at once",
                path=(name,),
                code="W322",
            )
    return True


def _known(rule: CorrelateOptions, name: str) -> bool:
    if name in COMPARISONS:
        return True
    meant = (_SIGNS | _EQUALS).get(name.strip())
    help = f"did you mean `{meant}`?" if meant else did_you_mean(name, list(COMPARISONS))
    rule.problem(
        "condition",
        f"`condition` knows no `{name}`",
        help or "one of " + ", ".join(f"`{each}`" for each in COMPARISONS),
        path=(name,),
        code="E246",
    )
    return False
