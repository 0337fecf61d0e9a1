"""Matches of lines written as the JSON of their events, which are not made.

The hard idea: the JSON of an event differs from that of its neighbours in a few texts only, so it
is one f-string of generated code, with its captures in it. A line is quoted by msgspec, once for
all fields that hold it. As every quote of a line is one character longer then, its length tells
whether its captures have any: where a line grew by no more than what its expression has outside of
them, they are written as they are.

A match with other captures than the usual ones, and a line without a match, go the long way: their
events are made and written one by one. Where there are many of those, the next batches are made.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from ...dsl.generated import function_of
from ...dsl.grok.captures import indented, numbered, tested
from ...dsl.grok.rows import RowLayout
from ...dsl.grok.whole_events import guard
from ...dsl.unmade import Change, Leaf, Rows, Shape, UnmadeEvents
from ...dsl.values import SMALL_INTEGERS
from ._json import encode, encoder

Write = Callable[..., list[str]]

_MOST_ODD = 0.1
"""The share of rows without an event from which on their events are better made."""
_PAUSE = 50
"""So many batches are made then, before it is tried again."""

_MOST_QUOTED = 0.5
"""The same for quotes in captures, a row: to write these captures costs more than to make events,
where a quarter of the rows has two of them.
"""

_json = msgspec.json.encode


def rows_as_json(events: UnmadeEvents, rows: Rows) -> bytes | None:
    """The JSON lines of events that have rows; None where they are to be made."""
    if not isinstance(rows.layout, RowLayout):
        return None
    layout, lines = rows.layout, events.lines()
    if len(rows.events) > _MOST_ODD * len(lines):
        layout.pause = _PAUSE
        return None
    texts = encoder.encode_lines(lines).decode()
    quotes = len(texts) - sum(map(len, lines)) - (_grown(layout) + 1) * len(lines)
    if quotes > _MOST_QUOTED * len(lines):
        layout.pause = _PAUSE
        return None
    key = "json", rows.changes
    write = layout.writers.get(key)
    if write is None:
        write = layout.writers[key] = _Writer(layout, rows.changes, events.pattern.shape).made()
    odd = _Odd(rows, lines)
    values = [_json(value).decode() for value in events.pattern.values]
    given = lines, texts.split("\n"), _text(events.now), values, rows.columns
    written = write(rows.items, *given, odd.text)
    if odd.count > _MOST_ODD * len(lines):
        layout.pause = _PAUSE
    return "".join(written).encode()


def _grown(layout: RowLayout) -> int:
    """By how much a line grows that has no quotes within its captures."""
    return layout.least_escapes + 2


def _text(value: str) -> str:
    return _json(str(value)).decode()


class _Odd:
    """Writes rows by their events, and counts them."""

    def __init__(self, rows: Rows, lines: Sequence[str]) -> None:
        self._rows, self._lines, self.count = rows, lines, 0

    def text(self, place: int) -> str:
        """The line of a row."""
        self.count += 1
        return encode(self._rows.one(self._lines, place)).decode() + "\n"


def _escaped(texts: Sequence[str | None]) -> list[str | None]:
    """Captures as they stand between quotes."""
    return [None if text is None else _text(text)[1:-1] for text in texts]


class _Item(NamedTuple):
    """What stands at a key: a part of an f-string, and the test whether it does; none where it
    always does.
    """

    key: str
    code: str
    test: str = ""

    @property
    def text(self) -> str:
        return f"{_literal(_text(self.key))}:{self.code}"


def _literal(text: str) -> str:
    """A text as a part of an f-string between single quotes."""
    shown = text.encode("unicode_escape").decode()
    return shown.replace("'", r"\'").replace("{", "{{").replace("}", "}}")


class _Writer:
    """Generates the function that writes rows of one layout, after some changes."""

    def __init__(self, layout: RowLayout, changes: Sequence[Change], shape: Shape) -> None:
        self._layout, self._changes, self._shape = layout, changes, shape
        self._captures, self._usual = layout.captures, layout.usual
        self._before: list[str] = []
        self._names = 0

    def made(self) -> Write:
        """The function: from rows, their lines, these as JSON, the time, the values of the shape
        and the columns to lines of JSON; ``odd(place)`` writes a row that is out of the ordinary.
        """
        items = self._changed(self._items(self._shape, self._layout.tree, self._layout.overwrite))
        whole = self._map(items)
        names = "".join(f"g{place}, " for place in range(len(self._captures))).rstrip()
        columns = "".join(f", s{place}" for place in range(self._columns))
        values = "".join(f"o{place}, " for place in range(self._values))
        test = guard(self._captures, self._usual)
        put = [*self._numbers(), *self._before, f"keep(f'{whole}\\n')"]
        if any(capture.type for capture in self._captures):
            put = ["try:", *indented(put, 1), "except ValueError:", "    keep(odd(len(written)))"]
        if test:
            put = [f"if {test}:", *indented(put, 1), "else:", "    keep(odd(len(written)))"]
        text = [
            "def write(rows, lines, texts, now, values, columns, odd):",
            *([f"    {values}= values"] if values else []),
            "    written = []",
            "    keep = written.append",
            f"    for match, value, text{columns} in zip(rows, lines, texts"
            f"{', *columns' if columns else ''}):",
            "        if type(match) is dict:",
            "            keep(odd(len(written)))",
            "            continue",
            f"        {names} = {self._layout.reading}",
            f"        if len(text) - len(value) != {_grown(self._layout)}:",
            f"            {names} = escaped(({names}))",
            *indented(put, 2),
            "    return written",
        ]
        scope: dict[str, Any] = {"escaped": _escaped, "small": SMALL_INTEGERS}
        write: Write = function_of(text, "json of rows", scope)
        return write

    @property
    def _columns(self) -> int:
        return sum(change.is_set for change in self._changes)

    @property
    def _values(self) -> int:
        return _values_of(self._shape)

    def _numbers(self) -> list[str]:
        lines = []
        for place, capture in enumerate(self._captures):
            if not capture.type or place in self._usual.absent:
                continue
            if place not in self._usual.present:
                lines.append(numbered(place, capture))
            elif place in self._usual.small:
                lines.append(f"n{place} = g{place} if g{place} in small else int(g{place})")
            else:
                lines.append(f"n{place} = int(g{place})")
        return lines

    def _items(self, shape: Shape, tree: Any, overwrite: Any = ()) -> list[_Item]:
        """What a map holds: that which is there, with captures in it, and then further captures."""
        items = [
            _Item(key, self._held(held, tree.get(key), key in overwrite))
            for key, held in shape.items()
        ]
        added = [self._item(key, node) for key, node in tree.items() if key not in shape]
        return items + [item for item in added if item is not None]

    def _held(self, held: Leaf | Shape, node: Any, replaces: bool) -> str:
        """What was there, with what is captured there; it is known to go."""
        if isinstance(held, dict):
            return self._map(self._items(held, node or {}))
        there = _leaf(held.code)
        item = None if node is None else self._item("", node)
        if item is None:
            return there
        both = item.code if replaces else f"[{there},{item.code}]"
        if not item.test:
            return both
        name = self._name()
        self._before.append(f"{name} = f'{both}' if {item.test} else f'{there}'")
        return f"{{{name}}}"

    def _item(self, key: str, node: Any) -> _Item | None:
        """What captures make of a field that was not there; None where it never is."""
        if isinstance(node, dict):
            items = self._items({}, node)
            if not items:
                return None
            if len(items) == 1:
                return _Item(key, f"{{{{{items[0].text}}}}}", items[0].test)
            whole = self._map(items)
            sure = any(not item.test for item in items)
            return _Item(key, whole, "" if sure else f"{whole[1:-1]} != '{{}}'")
        if node in self._usual.absent:
            return None
        capture = self._captures[node]
        code = f"{{n{node}}}" if capture.type else f'"{{g{node}}}"'
        if node in self._usual.present:
            return _Item(key, code)
        test = tested(node, capture)
        return _Item(key, code, f"n{node} is not None" if test and capture.type else test)

    def _map(self, items: Sequence[_Item]) -> str:
        """The part of an f-string that is a map. One that may be empty is made before."""
        if not items:
            return "{{}}"
        if items[0].test:
            name = self._name()
            parts = "".join(self._optional(item) for item in items)
            self._before.append(f"{name} = f'{parts}'")
            self._before.append(f"{name} = f'{{{{{{{name}[1:]}}}}}}'")
            return f"{{{name}}}"
        first, *more = items
        return f"{{{{{first.text}{''.join(map(self._optional, more))}}}}}"

    def _optional(self, item: _Item) -> str:
        """A further part of a map, with the comma before it."""
        if not item.test:
            return f",{item.text}"
        name = self._name()
        self._before.append(f"{name} = f',{item.text}' if {item.test} else ''")
        return f"{{{name}}}"

    def _name(self) -> str:
        self._names += 1
        return f"w{self._names}"

    def _changed(self, items: Sequence[_Item]) -> list[_Item]:
        """The items after all changes, without metadata."""
        held = {item.key: item for item in items}
        column = 0
        for key, is_set in self._changes:
            if is_set:
                held[key] = _Item(key, f'"{{s{column}}}"')
                column += 1
            else:
                held.pop(key, None)
        held.pop("@metadata", None)
        return list(held.values())


def _leaf(code: str) -> str:
    """A value of the shape, by its code, as a part of an f-string."""
    if code == "value":
        return "{text}"
    return (
        f"{{{code}}}" if code.isidentifier() else _literal(_json(ast.literal_eval(code)).decode())
    )


def _values_of(node: Leaf | Shape) -> int:
    """How many values of its own a shape has."""
    if isinstance(node, dict):
        return sum(map(_values_of, node.values()))
    return int(node.code[0] == "o" and node.code[1:].isdigit())
