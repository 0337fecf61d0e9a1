"""Which of many grok expressions may match a text, without trying each.

Expressions that start with a text of their own (``^sshd: …``) stand in a table by that text; of the
others, those are passed over that need texts which are not there. The order of the expressions is
kept, so the first to match is the one that matched before. What chooses is a generated function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.generated import function_of
from ..dsl.grok import Expression

_LEAST_IN_TABLE = 4

Choose = Callable[[str], Sequence[int]]


def chooser(expressions: Sequence[Expression]) -> Choose:
    """The function that gives the places of the expressions that may match a text."""
    prefixed: dict[str, list[int]] = {}
    if len(expressions) >= _LEAST_IN_TABLE:
        for place, expression in enumerate(expressions):
            if expression.prefix and expression.anchor is not None:
                prefixed.setdefault(expression.prefix, []).append(place)
    in_table = {place for places in prefixed.values() for place in places}
    others = [item for item in enumerate(expressions) if item[0] not in in_table]
    tests = {place: _test(expression) for place, expression in others}
    everything = range(len(expressions))
    if not any(tests.values()) and not prefixed:
        return lambda text: everything
    lines = ["def choose(value):", *_body(prefixed, tests)]
    scope: dict[str, Any] = {"everything": everything, "prefixed": prefixed}
    choose: Choose = function_of(lines, "prefilter", scope)
    return choose


def _test(expression: Expression) -> str:
    """What must hold for the expression to be tried, "" where it always is."""
    if expression.needed:
        return expression.needed
    required = expression.required
    return f"{required!r} in value" if required is not None else ""


def _body(prefixed: dict[str, list[int]], tests: dict[int, str]) -> list[str]:
    always = [place for place, test in tests.items() if not test]
    lines = [f"    places = {always!r}"]
    for place, test in tests.items():
        if test:
            lines += [f"    if {test}:", f"        places.append({place})"]
    if prefixed:
        # An expression may start on any line of a text.
        lines.insert(0, "    if '\\n' in value: return everything")
        for length in sorted({len(prefix) for prefix in prefixed}):
            lines += [
                f"    if len(value) >= {length} and (at := prefixed.get(value[:{length}])):",
                "        places += at",
            ]
    return [*lines, "    places.sort()", "    return places"]
