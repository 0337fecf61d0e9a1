"""Which of many grok expressions may match a text, without trying each.

Expressions that start with a text of their own (``^sshd: …``) stand in a table by that text; of the
others, those are passed over that need a text which is not there. The order of the expressions is
kept, so the first to match is the one that matched before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..dsl.grok import Expression

_LEAST = 4

Choose = Callable[[str], Sequence[int]]


def chooser(expressions: Sequence[Expression]) -> Choose | None:
    """The function that gives the places of the expressions that may match a text; None where
    trying each is as good.
    """
    if len(expressions) < _LEAST:
        return None
    prefixed: dict[str, list[int]] = {}
    others: list[tuple[str, int]] = []
    for place, expression in enumerate(expressions):
        if expression.prefix and expression.anchor is not None:
            prefixed.setdefault(expression.prefix, []).append(place)
        else:
            others.append((expression.required or "", place))
    return _chosen(
        prefixed, sorted({len(prefix) for prefix in prefixed}), others, range(len(expressions))
    )


def _chosen(
    prefixed: dict[str, list[int]],
    lengths: list[int],
    others: list[tuple[str, int]],
    everything: Sequence[int],
) -> Choose:
    def choose(text: str) -> Sequence[int]:
        if "\n" in text:
            return everything  # an expression may start on any of its lines
        places = [place for required, place in others if required in text]
        size = len(text)
        for length in lengths:
            if length > size:
                break
            found = prefixed.get(text[:length])
            if found is not None:
                places += found
        places.sort()
        return places

    return choose
