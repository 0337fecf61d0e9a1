"""An event written down whole, what was captured in it: the lines of code for one expression.

The hard idea: most lines of a log have the same captures. Matches of a sample tell which captures
nearly always take part, and which never do; a line like that is one test and one literal. Of any
other line the event is made as usual, and the captures are put into it one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ..diagnostics import PenstockError
from ..unmade import Leaf, Shape, literal
from ..values import SMALL_INTEGERS
from .captures import Tree, indented, numbered, tested
from .expression import Capture, Expression

_SELDOM = 0.02
"""The share of lines below which a capture counts as one that never takes part."""

_MOSTLY = 0.6
"""The share of small integers from which on it is worth to look for one."""

_MOST_WAYS = 3
"""So many captures that take part in some lines, and not in others, have literals of their own: one
for each combination.
"""


class Usual(NamedTuple):
    """The captures, by place, that usually take part in a match, those that usually do not, and
    those whose texts are mostly small integers.
    """

    present: frozenset[int]
    absent: frozenset[int]
    small: frozenset[int]

    def ways(self, place: int) -> tuple[Usual, Usual]:
        """What is usual of the matches in which a capture takes part, and of the others."""
        return (
            self._replace(present=self.present | {place}),
            self._replace(absent=self.absent | {place}),
        )

    @classmethod
    def of(cls, expression: Expression, matches: Sequence[re.Match[str]]) -> Usual:
        """What is usual among some matches."""
        columns = list(zip(*map(expression.read, matches), strict=True))
        shares = [sum(map(bool, texts)) / len(texts) for texts in columns]
        small = [sum(map(SMALL_INTEGERS.__contains__, texts)) / len(texts) for texts in columns]
        return cls(
            frozenset(place for place, share in enumerate(shares) if share > 1 - _SELDOM),
            frozenset(place for place, share in enumerate(shares) if share < _SELDOM),
            frozenset(place for place, share in enumerate(small) if share > _MOSTLY),
        )


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


class NotWholeError(PenstockError):
    """A capture goes where the event has something that it cannot be written into."""


class WholeEvent:
    """The code of an event with the captures of one expression. ``tree`` has the fields that they
    fill; raises NotWholeError.

    ``numbers`` convert captures, ``before`` makes the maps that ``code``, the literal, is made of,
    and ``after`` sets what could not stand in it.
    """

    def __init__(
        self,
        captures: Sequence[Capture],
        usual: Usual,
        shape: Shape,
        tree: Tree,
        overwrite: Collection[str],
    ) -> None:
        self._captures, self._usual = captures, usual
        self.before: list[str] = []
        self._maps = 0
        self.numbers = self._conversions()
        items = self._items(shape, tree, overwrite)
        sure = _leading(items)
        self.code = _map(items[:sure])
        self.after = [line for item in items[sure:] for line in _setting("event", item)]

    def _conversions(self) -> list[str]:
        lines = []
        for place, capture in enumerate(self._captures):
            if not capture.type or place in self._usual.absent:
                continue
            if place not in self._usual.present:
                lines.append(numbered(place, capture))
            elif capture.type == "int" and place in self._usual.small:
                lines += [
                    f"n{place} = small(g{place})",
                    f"if n{place} is None:",
                    f"    n{place} = int(g{place})",
                ]
            else:
                lines.append(f"n{place} = {capture.type}(g{place})")
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


class Making:
    """The lines that make and keep the event of ``match``. ``fresh`` make and keep one without
    captures; ``ordinary`` are the lines that put captures into it, the first of which reads the
    match; ``one_by_one`` is the call that does so where a number is not one.
    """

    def __init__(
        self,
        captures: Sequence[Capture],
        shape: Shape,
        tree: Tree,
        overwrite: Collection[str],
        fresh: Sequence[str],
        ordinary: Sequence[str],
        one_by_one: str,
    ) -> None:
        self._captures = captures
        self._given = shape, tree, overwrite
        self._fresh, self._ordinary, self._one_by_one = fresh, ordinary, one_by_one

    def lines(self, usual: Usual) -> list[str]:
        """The lines; raises NotWholeError."""
        read, *put = self._ordinary
        test, known = guard(self._captures, usual), usual.present | usual.absent
        open_ = [place for place in range(len(self._captures)) if place not in known]
        made = self._ways(usual, open_ if len(open_) <= _MOST_WAYS else [])
        if any(capture.type for capture in self._captures):
            other = [*self._fresh, self._one_by_one]
            made = ["try:", *indented(made, 1), "except ValueError:", *indented(other, 1)]
        if not test:
            return [read, *made]
        return [
            read,
            f"if {test}:",
            *indented(made, 1),
            "else:",
            *indented([*self._fresh, *put], 1),
        ]

    def _ways(self, usual: Usual, places: Sequence[int]) -> list[str]:
        """The lines by whether captures take part."""
        if not places:
            return self._made(usual)
        (place, *more), (with_it, without) = places, usual.ways(places[0])
        return [
            f"if {tested(place, self._captures[place]) or 'True'}:",
            *indented(self._ways(with_it, more), 1),
            "else:",
            *indented(self._ways(without, more), 1),
        ]

    def _made(self, usual: Usual) -> list[str]:
        event = WholeEvent(self._captures, usual, *self._given)
        literal = f"event = {event.code}"
        return [*event.numbers, *event.before, literal, "keep(event)", *event.after]


def guard(captures: Sequence[Capture], usual: Usual) -> str:
    """The test whether the captures of a match are the usual ones, "" where they always are."""
    tests = []
    for place, capture in enumerate(captures):
        test = tested(place, capture)
        if test and place in usual.present:
            tests.append(test)
        elif place in usual.absent:
            tests.append(f"not g{place}")
    return " and ".join(tests)
