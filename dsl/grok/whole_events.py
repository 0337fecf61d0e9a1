"""An event written down whole, what was captured in it: the lines of code for one expression.

The hard idea: most lines of a log have the same captures. Matches of a sample tell which captures
nearly always take part, and which never do; a line like that is one test and one literal. Of any
other line the event is made as usual, and the captures are put into it one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ..unmade import Leaf, Shape, literal
from .captures import Tree, indented, numbered, tested
from .expression import Capture, Expression

_SELDOM = 0.02
"""The share of lines below which a capture counts as one that never takes part."""


class Usual(NamedTuple):
    """The captures, by place, that usually take part in a match, and those that usually do not."""

    present: frozenset[int]
    absent: frozenset[int]

    @classmethod
    def of(cls, expression: Expression, matches: Sequence[re.Match[str]]) -> Usual:
        """What is usual among some matches."""
        rows = [expression.read(match) for match in matches]
        shares = [sum(map(bool, texts)) / len(rows) for texts in zip(*rows, strict=True) if rows]
        present = [place for place, share in enumerate(shares) if share > 1 - _SELDOM]
        absent = [place for place, share in enumerate(shares) if share < _SELDOM]
        return cls(frozenset(present), frozenset(absent))


class _Item(NamedTuple):
    """What stands at a key of a map: its code, and the test whether it does; none where it always
    does.
    """

    key: str
    code: str
    test: str = ""

    @property
    def text(self) -> str:
        return f"{self.key!r}: {self.code}"


class NotWholeError(Exception):
    """A capture goes where the event has something that it cannot be written into."""


class WholeEvent:
    """The code of an event with the captures of one expression. ``tree`` has the fields that they
    fill; raises NotWholeError.

    ``test`` tells whether the captures of a match are the usual ones, "" where they always are;
    ``numbers`` convert them, ``before`` makes the maps that ``code``, the literal, is made of, and
    ``after`` sets what could not stand in it.
    """

    def __init__(
        self,
        captures: Sequence[Capture],
        usual: Usual,
        shape: Shape,
        tree: Tree,
        overwrite: Collection[str],
    ) -> None:
        self._captures, self._usual, self._overwrite = captures, usual, overwrite
        self.before: list[str] = []
        self._maps = 0
        self.test = self._guard()
        self.numbers = list(self._conversions())
        items = self._items(shape, tree, overwrite)
        sure = _leading(items)
        self.code = _map(items[:sure])
        self.after = [line for item in items[sure:] for line in _setting("event", item)]

    def _guard(self) -> str:
        tests = []
        for place, capture in enumerate(self._captures):
            test = tested(place, capture)
            if test and place in self._usual.present:
                tests.append(test)
            elif place in self._usual.absent:
                tests.append(f"not g{place}")
        return " and ".join(tests)

    def _conversions(self) -> list[str]:
        usual = self._usual
        lines = []
        for place, capture in enumerate(self._captures):
            if capture.type and place in usual.present:
                lines.append(f"n{place} = {capture.type}(g{place})")
            elif capture.type and place not in usual.absent:
                lines.append(numbered(place, capture))
        return lines

    def _items(self, shape: Shape, tree: Tree, overwrite: Collection[str] = ()) -> list[_Item]:
        """What a map holds: that which is there, with captures in it, and then further captures."""
        items = [
            _Item(
                key, self._held(held, tree[key], key in overwrite) if key in tree else literal(held)
            )
            for key, held in shape.items()
        ]
        for key, node in tree.items():
            item = None if key in shape else self._item(key, node)
            if item is not None:
                items.append(item)
        return items

    def _held(self, held: Leaf | Shape, node: Any, replaces: bool) -> str:
        """What was there, with what is captured there."""
        if isinstance(held, dict) and isinstance(node, dict):
            return self._joined(self._items(held, node))[0]
        if isinstance(held, dict) or isinstance(node, dict) or not held.is_text:
            raise NotWholeError
        item = self._item("", node)
        if item is None:
            return held.code
        both = item.code if replaces else f"[{held.code}, {item.code}]"
        return f"{both} if {item.test} else {held.code}" if item.test else both

    def _item(self, key: str, node: Any) -> _Item | None:
        """What captures make of a field that was not there; None where it never is."""
        if isinstance(node, dict):
            items = self._items({}, node)
            return _Item(key, *self._joined(items)) if items else None
        if node in self._usual.absent:
            return None
        name = f"n{node}" if self._captures[node].type else f"g{node}"
        if node in self._usual.present:
            return _Item(key, name)
        test = tested(node, self._captures[node])
        return _Item(key, name, f"{name} is not None" if test and name[0] == "n" else test)

    def _joined(self, items: Sequence[_Item]) -> tuple[str, str]:
        """The code of a map, and the test whether there is one. Where several of its fields may be
        missing it is made before, and has a name.
        """
        sure = _leading(items)
        if sure == len(items):
            return _map(items), ""
        if len(items) == 1:
            return _map(items), items[0].test
        self._maps += 1
        name = f"w{self._maps}"
        self.before.append(f"{name} = {_map(items[:sure])}")
        self.before += [line for item in items[sure:] for line in _setting(name, item)]
        return name, "" if any(not item.test for item in items) else name


def _leading(items: Sequence[_Item]) -> int:
    """How many items are sure before the first that is not."""
    return next((place for place, item in enumerate(items) if item.test), len(items))


def _map(items: Sequence[_Item]) -> str:
    return f"{{{', '.join(item.text for item in items)}}}"


def _setting(into: str, item: _Item) -> list[str]:
    line = f"{into}[{item.key!r}] = {item.code}"
    return [f"if {item.test}:", f"    {line}"] if item.test else [line]


def making(
    event: WholeEvent, fresh: Sequence[str], one_by_one: str, ordinary: Sequence[str]
) -> list[str]:
    """The lines that make and keep the event of ``match``. ``fresh`` make and keep one without
    captures; ``ordinary`` are the lines that put captures into it, ``one_by_one`` the call that
    does where a number is not one. The first of the ordinary lines reads the match.
    """
    read, *put = ordinary
    usual = [*event.before, f"event = {event.code}", "keep(event)", *event.after]
    if event.numbers:
        usual = [
            "try:",
            *indented(event.numbers, 1),
            "except ValueError:",
            *indented([*fresh, one_by_one], 1),
            "else:",
            *indented(usual, 1),
        ]
    if not event.test:
        return [read, *usual]
    other = [*fresh, *put]
    return [read, f"if {event.test}:", *indented(usual, 1), "else:", *indented(other, 1)]
