"""What the filter kv does to keys and values: the options trim_…, remove_char_… and transform_…;
and the keys that it is to keep or to leave out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import Any, NamedTuple

from ..dsl.reference import Event
from ..dsl.template import Template
from . import _ruby as ruby
from ._kv_scanner import literal_characters

Change = Callable[[str], str]
CASES: dict[str, Change] = {
    "lowercase": str.lower,
    "uppercase": str.upper,
    "capitalize": str.capitalize,
}


def add_again(found: dict[str, Any], key: str, value: Any) -> None:
    """Add a value to a key that has one."""
    held = found[key]
    if type(held) is list:
        held.append(value)
    else:
        found[key] = [held, value]


def all_of(changes: list[Change], text: str) -> str:
    """A text with one change after the other."""
    for change in changes:
        text = change(text)
    return text


def trimming(inside: str) -> Change:
    """Takes characters off both ends of every line."""
    characters = literal_characters(inside)
    one = f"[{inside}]"
    holds_line_ends = ruby.pattern(one).match("\n") is not None
    ends = ruby.pattern(f"^{one}+|{one}+$" if holds_line_ends else f"^{one}++|(?<!{one}){one}++$")
    if characters is None:
        return lambda text: ends.sub("", text)
    return lambda text: text.strip(characters) if "\n" not in text else ends.sub("", text)


def removing(inside: str) -> Change:
    """Takes characters out, wherever they stand."""
    sub = ruby.pattern(f"[{inside}]").sub
    return lambda text: sub("", text)


class Changes(NamedTuple):
    """What is done to all pairs alike, in this order; ``key`` and ``value`` change one."""

    key: Change | None
    value: Change | None

    def of(
        self, found: dict[str, str], prefix: str, included: Set[str], excluded: Set[str]
    ) -> dict[str, str] | None:
        """The pairs of a text, none of them empty, changed; None where two keys become one."""
        keys: Iterable[str] = found if self.key is None else list(map(self.key, found))
        if self.key is not None and len(set(keys)) < len(found):
            return None
        values: Iterable[str] = found.values()
        if self.value is not None:
            values = map(self.value, values)
        if included or excluded:
            return {
                prefix + key: value
                for key, value in zip(keys, values, strict=True)
                if (not included or key in included) and key not in excluded
            }
        if prefix:
            keys = [prefix + key for key in keys]
        return dict(zip(keys, values, strict=True))


class Names:
    """Keys that an option lists, some of them perhaps templates."""

    def __init__(self, names: Iterable[str]) -> None:
        self.templates = [Template(name) for name in names]
        self.constant: frozenset[str] | None = None
        if all(template.is_constant for template in self.templates):
            self.constant = frozenset(names)

    def of(self, event: Event) -> frozenset[str]:
        """The keys for an event."""
        if self.constant is not None:
            return self.constant
        return frozenset([template.render(event) for template in self.templates])
