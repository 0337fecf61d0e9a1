"""The operations of mutate, each made once of its options into a function of the event.

An operation that cannot be done raises; mutate then leaves the rest of the block undone. What a
value means as text or number is Ruby's business (``_ruby``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ..dsl.naming import FieldName
from ..dsl.reference import (
    Event,
    FieldError,
    FieldRef,
    ReferenceSyntaxError,
    reference,
)
from ..dsl.template import Render, Template
from ..dsl.timestamp import Timestamp
from ..dsl.values import copy as copied
from ..plugins.decoration import as_list
from . import _ruby as ruby

Operation = Callable[[Event], None]
Compile = Callable[[str], Any]


def coerce(target: FieldRef, render: Render) -> Operation:
    """Give a field that is there, and null, a value."""

    def run(event: Event) -> None:
        if target.get(event) is None and target.has(event):
            target.set(event, render(event))

    return run


def rename(old: FieldName, new: FieldRef | Template) -> Operation:
    """Move a field; it stays where it is if the new one cannot be set."""
    known, render = (None, new.render) if isinstance(new, Template) else (new, None)

    def run(event: Event) -> None:
        source = old.of(event)
        if source.has(event):
            target = known or reference(render(event) if render else "")
            value = source.remove(event)
            try:
                target.set(event, value)
            except (FieldError, ReferenceSyntaxError):
                source.restore(event, value)
                raise

    return run


def update(target: FieldRef, render: Render) -> Operation:
    """Set a field that is there."""

    def run(event: Event) -> None:
        if target.has(event):
            target.set(event, render(event))

    return run


def replace(target: FieldRef, render: Render) -> Operation:
    """Set a field."""
    put = target.set
    return lambda event: put(event, render(event))


def _of_number(
    value: Any, text: Callable[[str], Any], number: type, instant: Callable[[Timestamp], Any]
) -> Any:
    kind = type(value)
    if kind is str:
        return text(value.strip(ruby.BLANK).replace(",", ""))
    if kind is int or kind is float or kind is bool:
        return number(value)
    if kind is Timestamp:
        return instant(value)
    raise TypeError(f"a {kind.__name__} cannot be converted to a number")


def to_integer(value: Any) -> int:
    """A value as an integer: of a string what it starts with, without commas; a float is cut at
    its point.
    """
    return _of_number(value, ruby.to_i, int, Timestamp.seconds)  # type: ignore[no-any-return]


def to_float(value: Any) -> float:
    """A value as a float: of a text what it starts with, commas left out."""
    made: float = _of_number(value, ruby.to_f, float, lambda at: at.nanos() / 10**9)
    return made


_EUROPEAN = str.maketrans(",.", ".,")
TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "1.0"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", "0.0", ""), False),
}


def to_boolean(value: Any) -> Any:
    """True or false for the usual words and for 1 and 0; any other value stays."""
    return TRUTH.get(ruby.to_s(value).lower(), value)


def _european(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: convert(value.translate(_EUROPEAN) if type(value) is str else value)


CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "integer": to_integer,
    "float": to_float,
    "integer_eu": _european(to_integer),
    "float_eu": _european(to_float),
    "string": ruby.to_s,
    "boolean": to_boolean,
}


def convert(target: FieldRef, kind: str) -> Operation:
    """Convert a field or the items of a list; null and maps stay."""
    get, put, converted = target.get, target.set, CONVERSIONS[kind]

    def run(event: Event) -> None:
        value = get(event)
        if type(value) is list:
            put(event, [None if item is None else converted(item) for item in value])
        elif value is not None and type(value) is not dict:
            put(event, converted(value))

    return run


def on_text(target: FieldRef, change: Callable[[str], Any]) -> Operation:
    """Change a text, or the texts in a list; anything else stays."""
    get, put = target.get, target.set

    def run(event: Event) -> None:
        value = get(event)
        if type(value) is str:
            put(event, change(value))
        elif type(value) is list:
            put(event, [change(item) if type(item) is str else item for item in value])

    return run


_PLAIN = re.compile(r"(?:[^\\^$.|?*+()\[\]{}]|\\[^\w\s])+", re.ASCII)
_ONE = r"(?:[^\\\[\]^&-]|\\[^\w\s])"
_SET = re.compile(rf"\[((?:{_ONE}(?:-{_ONE})?)+)\]", re.ASCII | re.DOTALL)
_IN_SET = re.compile(rf"({_ONE})(?:-({_ONE}))?", re.ASCII | re.DOTALL)
_FEW = 5
"""So many characters of a set are replaced one after the other: a search takes three times as
long.
"""


def gsub(
    target: FieldRef, needle: re.Pattern[str] | Template, replacement: Template, compiled: Compile
) -> Operation:
    """Replace what an expression matches in a text, or in the texts of a list; a template is
    ``compiled`` when it is filled in.
    """
    constant = constant_gsub(needle, replacement)
    if constant is None:
        return _changing_gsub(target, needle, replacement, compiled)
    plain, substitute = constant
    if plain:
        return on_text(target, lambda text: _replaced(text, plain, str(substitute)))
    sub = cast("re.Pattern[str]", needle).sub
    return on_text(target, lambda text: sub(substitute, text))


def constant_gsub(
    needle: re.Pattern[str] | Template, replacement: Template
) -> tuple[list[str], ruby.Substitute] | None:
    """What to replace by what: these texts, one after the other, or, where there are none, what the
    expression finds. None where it depends on the event, or fails when one comes: a group that is
    not there.
    """
    if isinstance(needle, Template) or not replacement.is_constant:
        return None
    try:
        substitute = ruby.substitute(needle, replacement.render({}))
    except LookupError:
        return None
    return _plain_texts(needle, substitute), substitute


def _plain_texts(needle: re.Pattern[str], substitute: ruby.Substitute) -> list[str]:
    """The texts that an expression stands for, if it is no more than a text or a set of few
    characters, which the substitute has none of.
    """
    if not isinstance(substitute, str):
        return []
    if _PLAIN.fullmatch(needle.pattern):
        return [re.sub(r"\\(.)", r"\1", needle.pattern)]
    characters = _few_characters(needle.pattern)
    return [] if any(each in substitute for each in characters) else characters


def _few_characters(pattern: str) -> list[str]:
    """The characters of a set, nothing for one of many, and for any other expression."""
    found = _SET.fullmatch(pattern)
    characters: dict[str, None] = {}
    for first, last in _IN_SET.findall(found[1] if found else ""):
        codes = range(ord(first[-1]), ord((last or first)[-1]) + 1)
        if len(characters) + len(codes) > _FEW:
            return []
        characters.update(dict.fromkeys(map(chr, codes)))
    return list(characters)


def _replaced(text: str, olds: Sequence[str], new: str) -> str:
    for old in olds:
        text = text.replace(old, new)
    return text


def _changing_gsub(
    target: FieldRef, needle: re.Pattern[str] | Template, replacement: Template, compiled: Compile
) -> Operation:
    def run(event: Event) -> None:
        value = target.get(event)
        if type(value) is not str and type(value) is not list:
            return
        pattern = compiled(needle.render(event)) if isinstance(needle, Template) else needle
        substitute = ruby.substitute(pattern, replacement.render(event))
        on_text(target, lambda text: pattern.sub(substitute, text))(event)

    return run


def strip(target: FieldRef) -> Operation:
    """Take white space off both ends of a text, or of all texts of a list; a list with anything
    else in it raises.
    """
    get, put, bare = target.get, target.set, ruby.strip

    def run(event: Event) -> None:
        value = get(event)
        if type(value) is str:
            put(event, bare(value))
        elif type(value) is list:
            put(event, [bare(_text(item)) for item in value])

    return run


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"strip needs strings, and the list contains a {type(value).__name__}")
    return value


def split(target: FieldRef, separator: str) -> Operation:
    """Make a list of a text."""
    get, put, parts = target.get, target.set, ruby.split

    def run(event: Event) -> None:
        value = get(event)
        if type(value) is str:
            put(event, parts(value, separator))

    return run


def join(target: FieldRef, separator: str) -> Operation:
    """Make a text of a list."""
    get, put, joined = target.get, target.set, ruby.join

    def run(event: Event) -> None:
        value = get(event)
        if type(value) is list:
            put(event, joined(value, separator))

    return run


def merge(target: FieldRef, sources: Sequence[FieldRef]) -> Operation:
    """Append fields to a list, or put the fields of maps into a map; a map and anything else do not
    mix.
    """

    def run(event: Event) -> None:
        held = target.get(event)
        for source in sources:
            added = source.get(event)
            if (type(held) is dict) != (type(added) is dict):
                continue
            held = (
                {**held, **copied(added)}
                if type(held) is dict
                else [*as_list(held), *copied(as_list(added))]
            )
            target.set(event, held)

    return run


def copy(source: FieldRef, target: FieldRef) -> Operation:
    """Set a field to a copy of another, unless that is null or not there."""
    get, put = source.get, target.set

    def run(event: Event) -> None:
        value = get(event)
        if value is not None:
            put(event, copied(value))

    return run
