"""From a grok expression to what a filter matches with: one compiled pattern, and for each of its
groups the field it fills.

Every ``%{NAME}`` becomes the tree of its pattern, in a group of its own. What Logstash does with
the groups is the spec here (jls-grok 0.11, grok-pure.rb): dot takes newlines; captures come name by
name, in the order of each name's first group; and of several groups with the same *whole* name
(``INT:size:int`` twice) only the first is converted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from operator import methodcaller
from typing import Literal

import msgspec

from ..diagnostics import PenstockError
from ..guard import unlimited
from ..regex import without_calls
from ..regex_escapes import RegexError
from ..regex_needs import Branch, code, needs
from ..regex_parser import Flags, Parser
from ..regex_tree import Call, Node, Sequence, holds, walk
from ..regex_tree import Capture as Group
from . import facts, optimize
from .pattern_cache import groups_of, may_be_refused, optimized_pattern
from .pattern_files import Library

Type = Literal["int", "float"]
_TYPES: dict[str, Type] = {"int": "int", "float": "float"}
Find = Callable[[str], re.Match[str] | None]

#: What jls-grok takes for a reference: a pattern's name is ``[A-z0-9]+``, and what follows the
#: field is passed over.
REFERENCE = re.compile(
    r"%\{(?P<name>(?P<pattern>[A-z0-9]+)(?::[@\[\]A-z0-9_:.-]+)?)"
    r"(?:=(?P<definition>(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.)*\})*\})+))?[^}]*\}",
    re.DOTALL,
)
_START = Flags(newlines=True)
_MOST_TESTS = 120
_INTEGER = re.compile(r"\s*([+-]?\d+)")
_FLOAT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)")


class GrokError(PenstockError):
    """A grok expression that cannot be compiled; ``position`` is where, in the text of the
    expression.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class UnknownPattern(GrokError):
    """A name that no pattern has; ``suggestions`` are names that look like it."""

    def __init__(self, name: str, position: int, suggestions: list[str], inside: str = "") -> None:
        where = f" (in the pattern {inside})" if inside else ""
        super().__init__(f"unknown pattern %{{{name}}}{where}", position)
        self.name = name
        self.suggestions = suggestions


class RecursivePattern(GrokError):
    """A pattern that needs itself; ``path`` says over which others."""

    def __init__(self, path: tuple[str, ...], position: int) -> None:
        super().__init__("a pattern refers to itself: " + " → ".join(path), position)
        self.path = path


def to_integer(text: str) -> int:
    """The integer that a text begins with, as Ruby's to_i reads it; 0 where it begins with none."""
    try:
        return int(text)
    except ValueError:
        found = _INTEGER.match(text)
        return int(found[1]) if found else 0


def to_float(text: str) -> float:
    """The number that a text begins with, as Ruby's to_f reads it; 0.0 where it begins with
    none.
    """
    try:
        value = float(text)
        if value - value == 0:
            return value
    except ValueError:
        pass
    found = _FLOAT.match(text)
    return float(found[1]) if found else 0.0


_CONVERSIONS: dict[Type | None, Callable[[str], int | float] | None] = {
    "int": to_integer,
    "float": to_float,
    None: None,
}


class Capture(msgspec.Struct, frozen=True):
    """One group of the compiled pattern, and the field that it fills.

    ``name`` is a field reference as written: ``a`` or ``[a][b]``. ``type`` says to what the text is
    converted. ``sure``: it takes part in every match; ``full``: where it does it holds a character
    at least.
    """

    group: int
    name: str
    type: Type | None
    sure: bool = False
    full: bool = False

    @property
    def convert(self) -> Callable[[str], int | float] | None:
        """The conversion of a text that was captured (never None, perhaps empty), or None where it
        stays text.
        """
        return _CONVERSIONS[self.type]


@dataclass(frozen=True)
class Expression:
    """A grok expression that was read, and is compiled when it is first looked for.

    ``find`` takes a text and gives a match or None. ``captures`` are in the order in which the
    fields are to be filled; ``read`` takes a match and gives their texts in that order, None for a
    group that took no part. ``required`` is a text without which nothing matches, None where there
    is none, and ``needs`` all that is known of such texts (see ``regex_needs``): they are cheaper
    to look for than to match. ``prefix`` is the text with which every match begins, perhaps empty;
    ``anchor`` says where alone there can be one, None for anywhere.
    """

    text: str
    tree: Node

    @cached_property
    def node(self) -> Node:
        """The tree without groups that no field is filled from."""
        return self.tree if optimize.counts_groups(self.tree) else optimize.named_only(self.tree)

    @cached_property
    def captures(self) -> tuple[Capture, ...]:
        """The groups that fill a field."""
        return tuple(_captures(groups_of(self.node), list(facts.groups(self.node, unnamed=True))))

    @cached_property
    def has_floats(self) -> bool:
        """Whether a capture may be converted to a float."""
        groups = (at.name for at in walk(self.tree) if isinstance(at, Group))
        return any(name is not None and name.endswith(":float") for name in groups)

    @cached_property
    def needs(self) -> tuple[Branch, ...]:
        """The texts of which some must occur."""
        return needs(self.tree)

    @cached_property
    def prefix(self) -> str:
        """The text with which every match begins."""
        return facts.leading_text(self.tree)

    @cached_property
    def anchor(self) -> facts.Anchor | None:
        """Where alone there can be a match."""
        return facts.anchor(self.tree)

    @cached_property
    def required(self) -> str | None:
        """The longest text known without which nothing matches."""
        return facts.required_text(self.tree)

    @cached_property
    def needed(self) -> str:
        """A Python expression that tells whether ``value`` may match, "" where to match is as
        cheap: where it fails at once, or nothing is known to be needed.
        """
        tests = sum(len(clause) for branch in self.needs for clause in branch)
        is_quick = self.anchor is not None and len(self.needs) == 1
        return "" if is_quick or not 0 < tests <= _MOST_TESTS else code(self.needs, "value")

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern, optimized; raises re.error, OverflowError or RecursionError."""
        return optimized_pattern(self.node)

    @cached_property
    def find(self) -> Find:
        """Look for the expression anywhere in a text."""
        if "pattern" in self.__dict__:
            return self._find()

        def compiled_first(text: str) -> re.Match[str] | None:
            with unlimited():
                found = self._find()
            self.__dict__["find"] = found
            return found(text)

        return compiled_first

    def _find(self) -> Find:
        match, search = self.pattern.match, self.pattern.search
        if self.anchor is None:
            return search
        if self.anchor == "start":
            return match

        # ``re`` would try every place of a text whose one line it could give up at once.
        def find(text: str) -> re.Match[str] | None:
            found = match(text)
            return search(text) if found is None and "\n" in text else found

        return find

    @property
    def _groups(self) -> int:
        return sum(1 for at in walk(self.node) if isinstance(at, Group))

    @cached_property
    def read(self) -> Callable[[re.Match[str]], tuple[str | None, ...]]:
        """The texts of a match's captures, in the order of ``captures``."""
        groups = self._places
        if groups is None:
            return methodcaller("groups")  # of a match by ``regex`` as well
        if len(groups) < 2:
            return lambda match: tuple([match[group] for group in groups])
        return methodcaller("group", *groups)

    @property
    def reading(self) -> str:
        """The code of what ``read`` gives of ``match``."""
        groups = self._places
        if groups is None:
            return "match.groups()"
        if len(groups) == 1:
            return f"(match[{groups[0]}],)"
        return f"match.group({', '.join(map(str, groups))})"

    @property
    def _places(self) -> list[int] | None:
        """The groups of the captures in their order; None where these are all that there are."""
        groups = [capture.group for capture in self.captures]
        return None if groups == list(range(1, self._groups + 1)) else groups


def compile_expression(text: str, library: Library, named_captures_only: bool = True) -> Expression:
    """Compile a grok expression: ``%{NAME}``, ``%{NAME:field}``, ``%{NAME:field:int}``,
    ``(?<field>…)``.

    ``%{NAME=definition}`` defines a pattern on the way, as in jls-grok. Raises UnknownPattern,
    RecursivePattern or RegexError, each with a position in ``text``.
    """
    try:
        expression = Expression(text, expand(text, library, named_captures_only))
        if may_be_refused(expression.tree):
            expression.pattern  # noqa: B018 - compiled here, so that what is wrong is told here
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexError(f"the regular expression cannot be compiled: {error}", 0) from error
    return expression


def expand(text: str, library: Library, named_captures_only: bool = True) -> Node:
    """The tree of a grok expression, its references resolved and nothing optimized; raises as
    ``compile_expression``.
    """
    return _Expander(library, named_captures_only).expand(text)


def _captures(groups: list[str | None], certain: list[tuple[bool, bool]]) -> Iterator[Capture]:
    """The groups that fill a field, name by name; of one name only the first is converted."""
    numbers: dict[str, list[int]] = {}
    for number, name in enumerate(groups, 1):
        if name is not None:
            numbers.setdefault(name, []).append(number)
    for name, found in numbers.items():
        pattern, field, kind = [*name.split(":"), "", ""][:3]
        types = [_TYPES.get(kind)]
        if ":" in name and not field:
            continue
        for number, kept in zip_longest(found, types):
            yield Capture(number, field or pattern, kept, *certain[number - 1])


class _Expander:
    """Turns references into trees; a pattern is parsed once for a library."""

    def __init__(self, library: Library, named_captures_only: bool) -> None:
        self._library = library
        self._named_only = named_captures_only
        self._path: tuple[str, ...] = ()
        self._outer = 0

    def expand(self, text: str) -> Node:
        node = self._parsed(text, _START)
        return without_calls(node) if holds(node, Call) else node

    def _parsed(self, text: str, flags: Flags) -> Node:
        return Parser(text, flags, self._refer).parse()

    def _refer(self, text: str, position: int, flags: Flags) -> tuple[Node, int] | None:
        found = REFERENCE.match(text, position)
        if found is None:
            return None
        if not self._path:
            self._outer = position
        if found["definition"] is not None:
            self._library = self._library.extended(
                definitions={found["pattern"]: found["definition"]}
            )
        node = self._pattern(found["pattern"], flags)
        if ":" in found["name"] or not self._named_only:
            return Group(node, found["name"]), found.end()
        return Sequence((node,)), found.end()

    def _pattern(self, name: str, flags: Flags) -> Node:
        parsed = self._library.parsed
        key = (name, flags, self._named_only)
        if key not in parsed:
            parsed[key] = self._read(name, flags)
        return parsed[key]

    def _read(self, name: str, flags: Flags) -> Node:
        outside = self._path
        if name in outside:
            raise RecursivePattern((*outside[outside.index(name) :], name), self._outer)
        pattern = self._library.find(name)
        if pattern is None:
            inside = outside[-1] if outside else ""
            raise UnknownPattern(name, self._outer, self._library.suggest(name), inside)
        self._path = (*outside, name)
        try:
            return self._parsed(pattern.text, flags)
        except RegexError as error:
            if error.message.startswith("in the pattern "):
                raise
            raise RegexError(f"in the pattern {name}: {error.message}", self._outer) from error
        finally:
            self._path = outside
