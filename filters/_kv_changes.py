"""What the filter kv does to keys and values: the options trim_…, remove_char_… and transform_…."""

from __future__ import annotations

from collections.abc import Callable

from . import _ruby as ruby
from ._kv_scanner import literal_characters

Change = Callable[[str], str]
CASES: dict[str, Change] = {
    "lowercase": str.lower,
    "uppercase": str.upper,
    "capitalize": str.capitalize,
}


def same(text: str) -> str:
    """The text."""
    return text


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
    return lambda text: ends.sub("", text) if "\n" in text else text.strip(characters)


def removing(inside: str) -> Change:
    """Takes characters out, wherever they stand."""
    sub = ruby.pattern(f"[{inside}]").sub
    return lambda text: sub("", text)
