"""Strings: what looks into one: indices, searching and replacing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .comparison import raw
from .dispatch import define
from .errors import ArgumentError, IndexError_, TypeError_
from .inspection import integer, text, to_s
from .matches import group_of, replacement
from .objects import MISSING, STRINGS, Hash, MatchData, Proc, Range, Regexp
from .patterns import LAST, pattern_of, search, subject
from .slicing import bounds
from .strings import on_text, plain


@define("String", "[]", "slice")
def item(self: Any, where: Any, count: Any = MISSING) -> Any:
    """A part: at an index or range, of an expression, or a string if it is in there."""
    value = raw(self)
    kind = type(where)
    if kind is Regexp:
        found = search(where, value)
        group = 0 if count is MISSING else raw(count)
        return None if found is None else group_of(found, group)
    if kind in STRINGS:
        return text(where) if raw(where) in value else None
    if count is MISSING and kind is not Range:
        at = integer(where)
        size = len(value)
        return value[at : at + 1 or None] if -size <= at < size else None
    reach = bounds(where, count, len(value))
    return None if reach is None else value[reach[0] : reach[1]]


@define("String", "byteslice")
def byteslice(self: Any, where: Any, count: Any = MISSING) -> Any:
    """A part by bytes."""
    from .comparison import as_bytes

    data = as_bytes(self)
    count = 1 if count is MISSING and type(where) is not Range else count
    reach = bounds(where, count, len(data))
    if reach is None or (count == 1 and reach[0] == len(data)):
        return None
    part = data[reach[0] : reach[1]]
    return part if type(raw(self)) is bytes else part.decode("utf-8", "surrogateescape")


@define("String", "include?")
def includes(self: Any, part: Any) -> bool:
    """Whether a string is in there."""
    value, wanted = raw(self), raw(part)
    if type(wanted) is not type(value):
        wanted = text(part)
        value = to_s(self)
    return wanted in value


def _starts(expected: Any, value: str) -> bool:
    if type(expected) is Regexp:
        found = expression_at_start(expected, value)
        LAST.match = found
        return found is not None
    return value.startswith(text(expected))


def expression_at_start(expression: Regexp, value: str) -> MatchData | None:
    """What an expression matches at the start."""
    found = expression.pattern.match(value)
    return None if found is None else MatchData(found, expression)


@plain("start_with?")
def starts_with(self: str, *parts: Any) -> bool:
    """Whether it starts with one of several."""
    return any(_starts(part, self) for part in parts)


@plain("end_with?")
def ends_with(self: str, *parts: Any) -> bool:
    """Whether it ends with one of several."""
    return any(self.endswith(text(part)) for part in parts)


@plain("index", "byteindex")
def index(self: str, part: Any, at: Any = 0) -> int | None:
    """Where a string or match begins first."""
    start = integer(at)
    start = start + len(self) if start < 0 else start
    if not 0 <= start <= len(self):
        return None
    if type(part) is Regexp:
        found = search(part, self, start)
        return None if found is None else found.match.start()
    place = self.find(text(part), start)
    return None if place < 0 else place


@plain("rindex")
def rindex(self: str, part: Any, at: Any = MISSING) -> int | None:
    """Where a string or match begins last."""
    start = len(self) if at is MISSING else integer(at)
    start = start + len(self) if start < 0 else start
    if start < 0:
        return None
    if type(part) is not Regexp:
        place = self.rfind(text(part), 0, start + len(text(part)))
        return None if place < 0 else place
    for place in range(min(start, len(self)), -1, -1):
        found = part.pattern.match(self, place)
        if found is not None:
            LAST.match = MatchData(found, part)
            return place
    return None


@define("String", "=~")
def matches_at(self: Any, expression: Any) -> Any:
    """Where an expression matches first."""
    if type(expression) in STRINGS:
        raise TypeError_("type mismatch: String given")
    if type(expression) is not Regexp:
        return None
    found = search(expression, self)
    return None if found is None else found.match.start()


def _expression(value: Any) -> Regexp:
    from .patterns import regexp

    return value if type(value) is Regexp else regexp(text(value))


@define("String", "match")
def match(self: Any, expression: Any, at: Any = 0, block: Proc | None = None) -> Any:
    """What an expression finds first."""
    found = search(_expression(expression), self, integer(at))
    return block.one(found) if block is not None and found is not None else found


@define("String", "match?")
def is_match(self: Any, expression: Any, at: Any = 0) -> bool:
    """Whether an expression matches."""
    return _expression(expression).pattern.search(subject(self), integer(at)) is not None


@plain("scan")
def scan(self: str, wanted: Any, block: Proc | None = None) -> Any:
    """All matches, or the groups of each."""
    expression = pattern_of(wanted)
    found: list[Any] = []
    last: MatchData | None = None
    for match in expression.pattern.finditer(self):
        last = MatchData(match, expression)
        value = list(match.groups()) if match.re.groups else match[0]
        if block is None:
            found.append(value)
        else:
            LAST.match = last
            block.one(value)
    LAST.match = last
    return self if block is not None else found


def substituted(value: str, wanted: Any, into: Any, block: Proc | None, once: bool) -> str:
    """A text with matches replaced: by a template, a hash, or what a block gives."""
    if into is MISSING and block is None:
        raise ArgumentError("wrong number of arguments (given 1, expected 2)")
    if type(wanted) in STRINGS and type(into) in STRINGS:
        template = text(into)
        if "\\" not in template:
            return value.replace(text(wanted), template, 1 if once else -1)
    expression = pattern_of(wanted)
    matches = _once(expression.pattern, value) if once else expression.pattern.finditer(value)
    return _filled(value, expression, matches, _filling(expression, into, block))


def _once(pattern: Any, value: str) -> list[Any]:
    found = pattern.search(value)
    return [] if found is None else [found]


def _filling(expression: Regexp, into: Any, block: Proc | None) -> Callable[[Any], str]:
    if into is MISSING:
        assert block is not None
        one = block.one

        def ask(found: Any) -> str:
            LAST.match = MatchData(found, expression)
            return to_s(one(found[0]))

        return ask
    if isinstance(into, dict):
        default = into.default if type(into) is Hash else None
        return lambda found: to_s(into.get(found[0], default))
    template = replacement(text(into))
    return template if callable(template) else lambda found: template


def _filled(value: str, expression: Regexp, matches: Any, fill: Callable[[Any], str]) -> str:
    parts: list[str] = []
    at, last = 0, None
    for found in matches:
        parts += [value[at : found.start()], fill(found)]
        at, last = found.end(), found
    LAST.match = None if last is None else MatchData(last, expression)
    if last is None:
        return value
    parts.append(value[at:])
    return "".join(parts)


@plain("gsub")
def gsub(self: str, wanted: Any, into: Any = MISSING, block: Proc | None = None) -> str:
    """With all matches replaced."""
    return substituted(self, wanted, into, block, once=False)


@plain("sub")
def sub(self: str, wanted: Any, into: Any = MISSING, block: Proc | None = None) -> str:
    """With the first match replaced."""
    return substituted(self, wanted, into, block, once=True)


@on_text
def inserted(self: str, at: Any, part: Any) -> str:
    """With a string put in."""
    place = integer(at)
    if not -len(self) - 1 <= place <= len(self):
        raise IndexError_(f"index {place} out of string")
    place = place + len(self) + 1 if place < 0 else place
    return self[:place] + text(part) + self[place:]


def replaced_part(value: str, where: Any, count: Any, part: str) -> str:
    """A text with a part replaced, as ``text[where] = part`` does."""
    if type(where) is Regexp:
        found = where.pattern.search(value)
        if found is None:
            raise IndexError_("regexp not matched")
        group = 0 if count is MISSING else raw(count)
        return value[: found.start(group)] + part + value[found.end(group) :]
    if type(where) in STRINGS:
        at = value.find(text(where))
        if at < 0:
            raise IndexError_("string not matched")
        return value[:at] + part + value[at + len(text(where)) :]
    count = 1 if count is MISSING and type(where) is not Range else count
    reach = bounds(where, count, len(value))
    if reach is None:
        shown = integer(where) if type(where) is not Range else 0
        raise IndexError_(f"index {shown} out of string")
    return value[: reach[0]] + part + value[reach[1] :]
