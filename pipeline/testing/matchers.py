"""What a value must be: the same, or what a matcher says. A matcher is a map with one of the names
below, ``{matches: ^GET}``.

Values are told apart by type: the text "200" is not the number 200, and true is neither. Integers
and floats are one kind, as in JSON (``is_a: integer`` is stricter). A timestamp equals every way to
write its instant.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from ...dsl.regex import RegexError
from ...dsl.regex import compile as compile_regex
from ...dsl.timestamp import Timestamp, parse_timestamp
from ...dsl.values import json_text
from . import schema
from .document import Items, Mapping, Node, Scalar, plain
from .schema import UNREAD, Faults, Schema, Shape

Test = Callable[[Any], bool]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()
"""What a field holds that is not there."""


@dataclass(frozen=True, slots=True)
class Same:
    """A scalar that must be equal."""

    value: Any


@dataclass(frozen=True, slots=True)
class Every:
    """A list whose items are wanted one by one."""

    items: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """A map: the fields that are named, or no others than these where the whole event is wanted."""

    fields: dict[str, Wanted]


@dataclass(frozen=True, slots=True)
class Matching:
    """What a matcher accepts; ``said`` says it to a user."""

    test: Test
    said: str


Wanted = Same | Every | Fields | Matching


def same(wanted: Any, got: Any) -> bool:
    """Whether two scalars are equal: numbers by value, instants however they are written, anything
    else with its type.
    """
    if type(got) is Timestamp:
        return isinstance(wanted, str) and (wanted == got or parse_timestamp(wanted) == got)
    if type(wanted) in (int, float) and type(got) in (int, float):
        return bool(wanted == got)
    return type(wanted) is type(got) and bool(wanted == got)


def alike(wanted: Any, got: Any) -> bool:
    """``same``, for lists and maps as well."""
    if type(wanted) is list and type(got) is list:
        return len(wanted) == len(got) and all(map(alike, wanted, got))
    if type(wanted) is dict and type(got) is dict:
        return wanted.keys() == got.keys() and all(
            alike(value, got[key]) for key, value in wanted.items()
        )
    return same(wanted, got)


def kind(value: Any) -> str:
    """The type of a value in words."""
    if value is None:
        return "null"
    return _KINDS.get(type(value), "value")


_KINDS = {
    str: "text",
    Timestamp: "timestamp",
    bool: "boolean",
    int: "integer",
    float: "float",
    list: "list",
    dict: "map",
}
_TYPES = {
    **{name: (name,) for name in _KINDS.values()},
    "number": ("integer", "float"),
    "null": ("null",),
}


def _ordered(bound: Any, compare: Callable[[Any, Any], bool]) -> Test:
    instant = parse_timestamp(bound) if isinstance(bound, str) else None

    def test(got: Any) -> bool:
        if type(got) is Timestamp:
            return instant is not None and compare(got.nanos(), instant.nanos())
        if type(bound) in (int, float):
            return type(got) in (int, float) and compare(got, bound)
        return isinstance(bound, str) and type(got) is str and compare(got, bound)

    return test


def _above(bound: Any) -> Test:
    return _ordered(bound, lambda got, limit: bool(got > limit))


def _below(bound: Any) -> Test:
    return _ordered(bound, lambda got, limit: bool(got < limit))


def _at_least(bound: Any) -> Test:
    return _ordered(bound, lambda got, limit: bool(got >= limit))


def _at_most(bound: Any) -> Test:
    return _ordered(bound, lambda got, limit: bool(got <= limit))


def _between(bounds: list[Any]) -> Test:
    low, high = _at_least(bounds[0]), _at_most(bounds[-1])
    return lambda got: low(got) and high(got)


def _matches(pattern: str) -> Test:
    search = compile_regex(pattern).search
    return lambda got: isinstance(got, str) and search(got) is not None


def _contains(part: Any) -> Test:
    def test(got: Any) -> bool:
        if isinstance(got, str):
            return isinstance(part, str) and part in got
        wanted = part if isinstance(part, list) else [part]
        return type(got) is list and all(
            any(alike(item, other) for other in got) for item in wanted
        )

    return test


def _type(name: str) -> Test:
    return lambda got: kind(got) in _TYPES[name]


def _length(length: int) -> Test:
    return lambda got: isinstance(got, str | list | dict) and len(got) == length


def _one_of(values: list[Any]) -> Test:
    return lambda got: any(alike(value, got) for value in values)


def _equals(value: Any) -> Test:
    return lambda got: alike(value, got)


def _not(value: Any) -> Test:
    return lambda got: got is not MISSING and not alike(value, got)


def _exists(there: bool) -> Test:
    return lambda got: (got is not MISSING) is there


@dataclass(frozen=True, slots=True)
class Matcher:
    """A matcher: what it takes, what it is for, and the test that it makes of what it takes."""

    takes: Shape
    doc: str
    make: Callable[[Any], Test]


_ANY = schema.Anything()
_BOUND = schema.OneOf((schema.NUMBER, schema.TEXT), "a number or an instant")
_LIST = schema.Several(_ANY, "a list")
MATCHERS: dict[str, Matcher] = {
    "matches": Matcher(
        schema.TEXT,
        "A regular expression, as in the pipeline's conditions, that is found in the text.",
        _matches,
    ),
    "contains": Matcher(_ANY, "A part of the text; an item of the list, or several.", _contains),
    "above": Matcher(_BOUND, "The value is greater: a number, an instant or a text.", _above),
    "below": Matcher(_BOUND, "The value is less.", _below),
    "at_least": Matcher(_BOUND, "The value is this or greater.", _at_least),
    "at_most": Matcher(_BOUND, "The value is this or less.", _at_most),
    "between": Matcher(
        schema.Several(_BOUND, "a list of two bounds"),
        "The value lies between two bounds or is one.",
        _between,
    ),
    "one_of": Matcher(_LIST, "The value is one of these.", _one_of),
    "not": Matcher(_ANY, "The value is another one; the field is there.", _not),
    "is_a": Matcher(
        schema.Simple("a type", (str,), "string", tuple(sorted(_TYPES))),
        "The value is of this type.",
        _type,
    ),
    "has_length": Matcher(
        schema.COUNT, "The text, list or map has this many characters or items.", _length
    ),
    "exists": Matcher(
        schema.FLAG, "The field is there, whatever it holds; or with false, it is not.", _exists
    ),
    "equals": Matcher(
        _ANY, "The value is this, whole: for maps that look like a matcher.", _equals
    ),
}


def wanted(node: Node, faults: Faults) -> Any:
    """What a node of an expectation wants of a field; UNREAD where it cannot be told."""
    if isinstance(node, Scalar):
        return Same(node.value)
    if isinstance(node, Items):
        return Every(
            tuple(
                want for want in (wanted(item, faults) for item in node.nodes) if want is not UNREAD
            )
        )
    named = [str(key.value) in MATCHERS for key, _ in node.entries]
    if named and all(named):
        return _matching(node, faults)
    if any(named) or _nearly(node):
        return _unsure(node, faults)
    fields = {str(key.value): wanted(value, faults) for key, value in node.entries}
    return Fields({key: want for key, want in fields.items() if want is not UNREAD})


def _matching(node: Mapping, faults: Faults) -> Any:
    made = [_made(key, value, faults) for key, value in node.entries]
    if UNREAD in made:
        return UNREAD
    tests = [test for test in made if test is not UNREAD]
    said = " and ".join(
        f"{str(key.value).replace('_', ' ')} {json_text(plain(value))}"
        for key, value in node.entries
    )
    return Matching(lambda got: all(test(got) for test in tests), said)


def _made(key: Scalar, node: Node, faults: Faults) -> Any:
    matcher = MATCHERS[key.value]
    read = matcher.takes.read(node, faults)
    if read is UNREAD:
        return UNREAD
    if isinstance(matcher.takes, schema.Anything) or matcher.takes is _LIST:
        read = plain(node)
    if key.value == "between" and len(read) != 2:
        return faults.add(
            "E403", "`between` must have two bounds", node.span, "write between: [low, high]"
        )
    try:
        return matcher.make(read)
    except RegexError as error:
        return faults.add("E208", f"not a valid regular expression: {error}", node.span)


def _nearly(node: Mapping) -> bool:
    """Whether a map of one key looks like a misspelt matcher."""
    if len(node.entries) != 1 or not isinstance(node.entries[0][0].value, str):
        return False
    name = node.entries[0][0].value
    return (
        bool(get_close_matches(name, MATCHERS, n=1, cutoff=0.8))
        and re.fullmatch(r"[a-z_]+", name) is not None
    )


def _unsure(node: Mapping, faults: Faults) -> Any:
    key = next(key for key, _ in node.entries if str(key.value) not in MATCHERS)
    near = get_close_matches(str(key.value), MATCHERS, n=1, cutoff=0.6)
    hint = f"did you mean `{near[0]}`? " if near else ""
    hint += "to compare with the map itself, write equals: { … }"
    return faults.add("E402", f"`{key.value}` is not a matcher", key.span, hint)


def json_schema() -> Schema:
    """The JSON schema of a wanted value: any value, with the matchers as completions."""
    properties = {
        name: {"description": matcher.doc, **matcher.takes.schema()}
        for name, matcher in MATCHERS.items()
    }
    return {
        "description": "The value that the field must have, or a matcher such as {matches: ^GET}.",
        "anyOf": [
            {"type": ["string", "number", "boolean", "null", "array"]},
            {
                "type": "object",
                "properties": properties,
                "minProperties": 1,
                "additionalProperties": False,
            },
            {"type": "object"},
        ],
    }
