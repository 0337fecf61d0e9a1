"""Ruby's regular expressions, read into a tree.

The language is Onigmo's (its doc/RE, with the options of Ruby's syntax). It differs from Python's
in what is a literal (an unknown escape, a lone ``{`` or ``]``), in ``{n,m}+`` (not possessive),
``{n}?`` (optional, not lazy), ``{,n}``, ``(?m)`` (dot takes newlines), in flags in the middle of a
group, and in sets in sets. The one hard idea: ``(?i)`` in the middle opens a group that reaches to
the end of the enclosing one, alternatives included.

A grok expression is the same language with ``%{NAME}`` in it: who parses one passes ``refer``,
which turns a reference into a node.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from .regex_classes import read_set
from .regex_escapes import Cursor, RegexError, read_escape
from .regex_tree import (
    NOTHING,
    At,
    Atomic,
    Back,
    Call,
    Capture,
    Choice,
    Condition,
    Dot,
    Folded,
    Look,
    Mode,
    Node,
    Place,
    Repeat,
    Sequence,
    Set,
    Text,
    choice,
    repeated,
    sequence,
    width,
)

_MODES: dict[str, Mode] = {"": "greedy", "?": "lazy", "+": "possessive"}
"""How a quantifier takes, by the sign behind it."""


class Flags(NamedTuple):
    """What is switched on at a place: dot takes newlines, blanks and comments are skipped, and what
    ``\\w`` means.
    """

    newlines: bool = False
    extended: bool = False
    charset: str = "d"


PLAIN_FLAGS = Flags()

#: Turns the reference that stands at a position of a text into a node; gives it with the position
#: behind, or None.
Refer = Callable[[str, int, Flags], tuple[Node, int] | None]

_PLAIN = re.compile(r"[^\\\[\](){}|*+?.^$%]+")
_PLAIN_EXTENDED = re.compile(r"[^\\\[\](){}|*+?.^$%#\s]+")
_QUANTIFIER = re.compile(r"([*+?])([?+]?)|\{(\d*)(,?)(\d*)\}")
_LAZY = re.compile(r"\?")
_FLAGS = re.compile(r"([imxdau]*)(?:-([imx]*))?([:)])")
_NAMED = re.compile(r"<([^>)]+)>|'([^')]+)'")
_GROUP_NAME = re.compile(r"[<'({]([^>')}]+)[>')}]")
_BLANKS = re.compile(r"(?:\s+|#[^\n]*)+")
_LOOKS = (("=", False, False), ("!", False, True), ("<=", True, False), ("<!", True, True))
_NUMBER = re.compile(r"[1-9]\d{0,2}")

_PLACES: dict[str, Place] = {
    "A": "start",
    "G": "start",
    "z": "end",
    "Z": "last line end",
    "b": "boundary",
    "B": "no boundary",
}
_NEWLINE = Atomic(Choice((Text("\r\n"), Set(((0x0A, 0x0D), (0x85, 0x85), (0x2028, 0x2029))))))
_MOST_REPEATS = 100_000


class Parser:
    """Reads one expression; ``named`` and ``groups`` tell afterwards what groups it has."""

    __slots__ = ("calls", "cursor", "flags", "groups", "named", "refer")

    def __init__(self, text: str, flags: Flags = PLAIN_FLAGS, refer: Refer | None = None) -> None:
        self.cursor = Cursor(text)
        self.flags = flags
        self.refer = refer
        self.named = False
        self.calls = False
        self.groups = 0

    def parse(self) -> Node:
        """The tree of the whole text; raises RegexError."""
        node = self._branches()
        if self.cursor.peek():
            self.cursor.fail("a `)` has no matching `(`")
        return node

    def _branches(self) -> Node:
        branches = [self._branch()]
        while self.cursor.take("|"):
            branches.append(self._branch())
        return choice(branches)

    def _branch(self) -> Node:
        items: list[Node] = []
        while (letter := self.cursor.peek()) and letter not in "|)":
            if self.flags.extended and self.cursor.take_match(_BLANKS):
                continue
            items.append(self._quantified(self._atom(letter)))
        return sequence(items)

    def _atom(self, letter: str) -> Node:
        cursor = self.cursor
        plain = _PLAIN_EXTENDED if self.flags.extended else _PLAIN
        if found := plain.match(cursor.text, cursor.position):
            return self._run(found)
        if (
            letter == "%"
            and self.refer
            and (reference := self.refer(cursor.text, cursor.position, self.flags))
        ):
            node, cursor.position = reference
            return node
        if letter in "*+?" or (letter == "{" and _interval(cursor)):
            cursor.fail(f"nothing to repeat before {letter}")
        cursor.position += 1
        if letter == "\\":
            return self._escape()
        if letter == "[":
            return read_set(cursor, self.flags.charset)
        if letter == "(":
            return self._group()
        if letter == ".":
            return Dot(self.flags.newlines)
        if letter in "^$":
            return At("line start" if letter == "^" else "line end")
        return Text(letter)

    def _run(self, found: re.Match[str]) -> Node:
        """Characters that mean themselves; the last one is left for a quantifier that follows."""
        run, end = found[0], found.end()
        if len(run) > 1 and self.cursor.text[end : end + 1] in ("*", "+", "?", "{"):
            run, end = run[:-1], end - 1
        self.cursor.position = end
        return Text(run)

    def _quantified(self, node: Node) -> Node:
        cursor = self.cursor
        while True:
            if self.flags.extended:
                cursor.take_match(_BLANKS)
            start = cursor.position
            found = _QUANTIFIER.match(cursor.text, start)
            if found is None or (found[1] is None and not (found[3] or found[5])):
                return node
            cursor.position = found.end()
            if isinstance(node, Text) and len(node.value) > 1:
                head, node = node.value[:-1], Text(node.value[-1])
                return sequence((Text(head), self._repeated(node, found, start)))
            node = self._repeated(node, found, start)

    def _repeated(self, node: Node, found: re.Match[str], start: int) -> Node:
        if found[1]:
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[found[1]]
            return repeated(node, low, high, _MODES[found[2]])
        low = int(found[3] or 0)
        high = int(found[5]) if found[5] else None
        if not found[4]:
            high = low
        if max(low, high or 0) > _MOST_REPEATS:
            self.cursor.fail("too many repetitions", start)
        if high is not None and high < low:
            self.cursor.fail(f"{found[0]} is reversed", start)
        lazy = found[4] and self.cursor.take_match(_LAZY)
        return Repeat(node, low, high, "lazy" if lazy else "greedy")

    def _escape(self) -> Node:
        cursor = self.cursor
        start = cursor.position - 1
        letter = cursor.peek()
        if letter in _PLACES:
            cursor.position += 1
            return At(_PLACES[letter])
        if letter and letter in "123456789" and (number := self._back_number()):
            return Back(number, start)
        if letter and letter in "kg" and cursor.peek(1) in ("<", "'"):
            return self._back_or_call(letter, start)
        if letter == "R":
            cursor.position += 1
            return _NEWLINE
        if letter and letter in "KX":
            cursor.fail(f"\\{letter} is not supported here", start)
        return read_escape(cursor, self.flags.charset)

    def _back_number(self) -> int:
        found = _NUMBER.match(self.cursor.text, self.cursor.position)
        assert found is not None
        number = int(found[0])
        if number > 9 and number > self.groups:
            return 0
        self.cursor.position = found.end()
        return number

    def _back_or_call(self, letter: str, start: int) -> Node:
        self.cursor.position += 1
        found = self.cursor.take_match(_GROUP_NAME)
        if found is None:
            self.cursor.fail(f"the name after \\{letter} is not closed", start)
        name = found[1]
        if letter == "k":
            return Back(
                self._group_number(name, start) if name.lstrip("-").isdigit() else name, start
            )
        if name.lstrip("+-").isdigit():
            self.cursor.fail("\\g with a number is not supported: use a named group", start)
        self.calls = True
        return Call(name, start)

    def _group_number(self, text: str, start: int) -> int:
        number = int(text)
        number = self.groups + 1 + number if number < 0 else number
        if number < 1:
            self.cursor.fail("no such group", start)
        return number

    def _group(self) -> Node:
        start = self.cursor.position - 1
        if not self.cursor.take("?"):
            self.groups += 1
            return Capture(self._closed(start))
        return self._special(start)

    def _special(self, start: int) -> Node:
        cursor = self.cursor
        if cursor.take("#"):
            cursor.take_until(")", "the comment", start)
            return NOTHING
        for opening, behind, negative in _LOOKS:
            if cursor.take(opening):
                return self._look(start, behind, negative)
        if cursor.take(">"):
            return Atomic(self._closed(start))
        if named := cursor.take_match(_NAMED):
            self.named = True
            self.groups += 1
            return Capture(self._closed(start), named[1] or named[2])
        if cursor.take("("):
            return self._condition(start)
        return self._with_flags(start)

    def _closed(self, start: int) -> Node:
        """What stands in the group, up to and with its closing parenthesis; flags set in it end
        with it.
        """
        flags = self.flags
        node = self._branches()
        self.flags = flags
        if not self.cursor.take(")"):
            self.cursor.fail("the parenthesis is not closed", start)
        return node

    def _look(self, start: int, behind: bool, negative: bool) -> Node:
        node = self._closed(start)
        if not behind:
            return Look(node, behind, negative)
        branches = node.branches if isinstance(node, Choice) else (node,)
        for low, high in map(width, branches):
            if low != high:
                self.cursor.fail("a look-behind must have a fixed length", start)
        looks = [Look(branch, behind, negative) for branch in branches]
        return Sequence(tuple(looks)) if negative else choice(looks)

    def _condition(self, start: int) -> Node:
        name = self.cursor.take_until(")", "the condition", start).strip("<>'")
        group = self._group_number(name, start) if name.lstrip("-").isdigit() else name
        node = self._closed(start)
        branches = node.branches if isinstance(node, Choice) else (node, NOTHING)
        if len(branches) > 2:
            self.cursor.fail("a condition has at most two branches", start)
        return Condition(group, branches[0], branches[1], start)

    def _with_flags(self, start: int) -> Node:
        found = self.cursor.take_match(_FLAGS)
        if found is None:
            self.cursor.fail("unknown group syntax after `(?`", start)
        on, off = found[1], found[2] or ""
        outside = self.flags
        charset = next((letter for letter in reversed(on) if letter in "dau"), outside.charset)
        newlines = ("m" in on or outside.newlines) and "m" not in off
        self.flags = Flags(newlines, ("x" in on or outside.extended) and "x" not in off, charset)
        if found[3] == ":":
            node = self._closed(start)
            self.flags = outside
        else:
            node = self._branches()
        if "i" in off:
            return Folded(node, on=False)
        return Folded(node, on=True) if "i" in on else _isolated(node)


def _isolated(node: Node) -> Node:
    """A group of its own: neither its alternatives nor its last character may melt into what stands
    around it.
    """
    return node if isinstance(node, Choice) else Sequence((node,))


def _interval(cursor: Cursor) -> bool:
    found = _QUANTIFIER.match(cursor.text, cursor.position)
    return bool(found and (found[3] or found[5]))


def parse(text: str, flags: Flags = PLAIN_FLAGS) -> Node:
    """The tree of an expression; raises RegexError."""
    try:
        return Parser(text, flags).parse()
    except RecursionError:
        raise RegexError("the expression is nested too deeply", 0) from None
