"""MatchData, what ``$~`` and ``$1`` mean, and templates of ``gsub``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from .comparison import raw
from .dispatch import define, singleton
from .errors import IndexError_
from .inspection import inspect, name_of
from .objects import MISSING, MatchData, Regexp, Symbol
from .patterns import LAST
from .slicing import slice_


@singleton("Regexp", "last_match")
def last_match(group: Any = MISSING) -> Any:
    """The last match, or a group of it."""
    found = LAST.match
    if group is MISSING or found is None:
        return found
    return group_of(found, group)


def group_of(found: MatchData, group: Any) -> Any:
    """A group by number or name; nil where it took no part."""
    if type(group) is int:
        count = found.match.re.groups + 1
        group = group + count if group < 0 else group
        return found.match[group] if 0 <= group < count else None
    name = name_of(group)
    if name not in found.match.re.groupindex:
        raise IndexError_(f"undefined group name reference: {name}")
    return found.match[name]


@define("MatchData", "[]")
def match_item(found: MatchData, group: Any, count: Any = MISSING) -> Any:
    """A group, or several."""
    if count is not MISSING or type(group) not in (int, str, Symbol):
        return slice_(to_a(found), raw(group), count)
    return group_of(found, raw(group))


def last_group(number: int) -> Any:
    """``$1`` and so on."""
    found = LAST.match
    if found is None or number > found.match.re.groups:
        return None
    return found.match[number]


def last_part(name: str) -> Any:
    """``$~``, ``$&``, and the text before and behind a match."""
    found = LAST.match
    if found is None or name == "$~":
        return found
    if name == "$+":
        given = [group for group in found.match.groups() if group is not None]
        return given[-1] if given else None
    return {"$&": match_text, "$`": pre_match, "$'": post_match}[name](found)


@define("MatchData", "to_a")
def to_a(found: MatchData) -> list[Any]:
    """The whole match and all groups."""
    return [found.match[0], *found.match.groups()]


@define("MatchData", "captures", "deconstruct")
def captures(found: MatchData) -> list[Any]:
    """All groups."""
    return list(found.match.groups())


@define("MatchData", "named_captures")
def named_captures(found: MatchData) -> dict[str, Any]:
    """The groups with names."""
    return {name: found.match[name] for name in found.regexp.named}


@define("MatchData", "names")
def match_names(found: MatchData) -> list[str]:
    """The names of groups."""
    return list(found.regexp.named)


@define("MatchData", "to_s")
def match_text(found: MatchData) -> str:
    """The whole match."""
    return str(found.match[0])


@define("MatchData", "pre_match")
def pre_match(found: MatchData) -> str:
    """The text before."""
    return str(found.match.string[: found.match.start()])


@define("MatchData", "post_match")
def post_match(found: MatchData) -> str:
    """The text behind."""
    return str(found.match.string[found.match.end() :])


@define("MatchData", "begin")
def begin(found: MatchData, group: Any) -> Any:
    """Where a group begins."""
    at = found.match.start(_group_name(group))
    return None if at < 0 else at


@define("MatchData", "end")
def end(found: MatchData, group: Any) -> Any:
    """Where a group ends."""
    at = found.match.end(_group_name(group))
    return None if at < 0 else at


@define("MatchData", "offset")
def offset(found: MatchData, group: Any) -> list[Any]:
    """Where a group begins and ends."""
    return [begin(found, group), end(found, group)]


def _group_name(group: Any) -> Any:
    return group if type(group) is int else name_of(group)


@define("MatchData", "size", "length")
def match_size(found: MatchData) -> int:
    """How many groups there are, with the whole."""
    return int(found.match.re.groups) + 1


@define("MatchData", "string")
def match_string(found: MatchData) -> str:
    """The text that was searched."""
    return str(found.match.string)


@define("MatchData", "regexp")
def match_regexp(found: MatchData) -> Regexp:
    """The expression."""
    return found.regexp


@define("MatchData", "values_at")
def values_at(found: MatchData, *groups: Any) -> list[Any]:
    """Several groups."""
    return [group_of(found, group) for group in groups]


@define("MatchData", "inspect")
def match_inspect(found: MatchData) -> str:
    """The match and its groups."""
    labels = found.regexp.named or range(1, found.match.re.groups + 1)
    groups = "".join(f" {label}:{inspect(found.match[label])}" for label in labels)
    return f"#<MatchData {inspect(found.match[0])}{groups}>"


def replacement(template: str) -> Callable[[Any], str] | str:
    r"""What a template of ``gsub`` puts in the place of a match: ``\1``, ``\0``, ``\k<name>``."""
    if "\\" not in template:
        return template
    parts = [part for part in _parts(template) if part != ""]

    def fill(found: Any) -> str:
        return "".join([part if type(part) is str else part(found) for part in parts])

    return fill


_REFERENCE = re.compile(r"\\(?:k<([^>]*)>|([0-9&`'\\]))", re.DOTALL)


def _parts(template: str) -> Iterator[Any]:
    at = 0
    for found in _REFERENCE.finditer(template):
        yield template[at : found.start()]
        yield _referred(found[1], found[2])
        at = found.end()
    yield template[at:]


def _referred(name: str | None, sign: str | None) -> Any:
    if name is not None:
        group: Any = int(name) if name.isdecimal() else name
        return lambda found: _group_text(found, group)
    if sign == "\\":
        return "\\"
    if sign == "`":
        return lambda found: found.string[: found.start()]
    if sign == "'":
        return lambda found: found.string[found.end() :]
    number = 0 if sign == "&" else int(sign or 0)
    return lambda found: _group_text(found, number)


def _group_text(found: Any, group: Any) -> str:
    if type(group) is int and group > found.re.groups:
        return ""
    if type(group) is str and group not in found.re.groupindex:
        raise IndexError_(f"undefined group name reference: {group}")
    return found[group] or ""


def named_locals(expression: Regexp) -> dict[str, Any]:
    """What ``/(?<name>…)/ =~ text`` puts into local variables."""
    found = LAST.match
    return {name: None if found is None else found.match[name] for name in expression.named}
