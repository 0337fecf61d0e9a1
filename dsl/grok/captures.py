"""Putting captures into an event: a function made for one expression, with straight lines where the
event allows it.

Where a map is not there yet it is built whole and set at once; one that is there is filled. A text
that is there becomes a list with the new value, a list grows, any other value stays, as in
Logstash. Where a reference is out of the ordinary, or what stands on its way holds no fields, the
captures go one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from ..generated import CodeWriter, function_of
from ..reference import (
    Event,
    FieldError,
    FieldRef,
    PassedOverError,
    ReferenceSyntaxError,
    parse_keys,
)
from .expression import Capture, Expression

Assign = Callable[[Event, re.Match[str]], None]
Put = Callable[[Event, Any], None]
Tree = dict[str, Any]

_SPECIAL = {"@timestamp", "tags", "@metadata"}


def assigner(
    expression: Expression, target: str, overwrite: Collection[str], keep_empty: bool
) -> Assign:
    """The function that puts a match of the expression into an event.

    ``target``: a reference under which all fields go, or nothing; ``overwrite``: references whose
    old value is replaced.
    """
    lines, scope = assigning(expression, target, overwrite, keep_empty)
    text = ["def assign(event, match):", *indented(lines, 1)]
    assign: Assign = function_of(text, f"grok {expression.text[:60]}", scope)
    return assign


def assigning(
    expression: Expression,
    target: str,
    overwrite: Collection[str],
    keep_empty: bool,
    suffix: str = "",
) -> tuple[list[str], dict[str, Any]]:
    """The lines that put ``match`` into ``event``, and the names that they use, which end in a
    suffix.
    """
    if not expression.captures:
        return ["pass"], {}
    each = f"one_by_one{suffix}"
    scope: dict[str, Any] = {each: _one_by_one(expression, target, overwrite, keep_empty)}
    tree = None if keep_empty else field_tree(expression.captures, target, overwrite)
    if tree is None:
        return [f"{each}(event, match)"], scope
    lines, rests = _at_once(expression, tree, overwrite, suffix)
    the_rest = [_one_by_one(expression, target, overwrite, keep_empty, places) for places in rests]
    scope |= {"add": _add, f"the_rest{suffix}": the_rest}
    return lines, scope


def indented(lines: Sequence[str], depth: int) -> list[str]:
    """Lines of code, so much deeper."""
    return ["    " * depth + line for line in lines]


def _reference(name: str, target: str) -> str:
    if not target:
        return name
    prefix = target if target.startswith("[") else f"[{target}]"
    return prefix + (name if name.startswith("[") else f"[{name}]")


def _one_by_one(
    expression: Expression,
    target: str,
    overwrite: Collection[str],
    keep_empty: bool,
    only: Sequence[int] | None = None,
) -> Assign:
    """``only``: the places of the captures to put, all of them where it is None."""
    puts = [
        (place, _put(_reference(c.name, target), c.name in overwrite), c.convert)
        for place, c in enumerate(expression.captures)
        if only is None or place in only
    ]
    # Those that always fail go last, so that the others are in the event by then.
    puts.sort(key=lambda item: item[1] in _FAILING)
    read = expression.read

    def assign(event: Event, match: re.Match[str]) -> None:
        texts = read(match)
        for place, put, convert in puts:
            text = texts[place]
            if text:
                put(event, text if convert is None else convert(text))
            elif keep_empty:
                put(event, text if convert is None or text is None else convert(text))

    return assign


def _add(into: dict[str, Any], key: str, value: Any) -> None:
    """Set a value beside the one that is there."""
    held = into[key]
    if held is None:
        into[key] = value
    elif type(held) is list:
        held.append(value)
    elif type(held) is str:
        into[key] = [held, value]


def _no_timestamp(event: Event, value: Any) -> None:
    raise PassedOverError(
        "`@timestamp` must be a timestamp: capture into another field and use a date filter"
    )


def _no_metadata(event: Event, value: Any) -> None:
    raise PassedOverError("`@metadata` must be a map: capture into a field of it")


_RESERVED: dict[tuple[str, ...], Put] = {
    ("@timestamp",): _no_timestamp,
    ("@metadata",): _no_metadata,
}


def _refuse(event: Event, value: Any) -> None:
    raise FieldError("`@timestamp` and `@metadata` cannot be overwritten by a capture")


_FAILING = frozenset([*_RESERVED.values(), _refuse])


def _put(name: str, replaces: bool) -> Put:
    try:
        ref = FieldRef(name)
    except ReferenceSyntaxError:
        return lambda event, value: FieldRef(name).set(
            event, value
        )  # fails for every event, and says why
    if ref.keys in _RESERVED:
        return _refuse if replaces else _RESERVED[ref.keys]
    if replaces:
        return ref.set
    get, set_ = ref.get, ref.set

    def put(event: Event, value: Any) -> None:
        held = get(event)
        if held is None:
            set_(event, value)
        elif type(held) is list:
            held.append(value)
        elif type(held) is str:
            set_(event, [held, value])

    return put


def field_tree(captures: Sequence[Capture], target: str, overwrite: Collection[str]) -> Tree | None:
    """The fields as a tree with the places of their captures as leaves; None where they must go one
    by one.
    """
    tree: Tree = {}
    for place, capture in enumerate(captures):
        try:
            keys = parse_keys(_reference(capture.name, target))
        except ReferenceSyntaxError:
            return None
        if keys[0] in _SPECIAL or (capture.name in overwrite and len(keys) > 1):
            return None
        at = tree
        for key in keys[:-1]:
            at = at.setdefault(key, {})
            if not isinstance(at, dict):
                return None
        if keys[-1] in at:
            return None
        at[keys[-1]] = place
    return tree


def _at_once(
    expression: Expression, tree: Tree, overwrite: Collection[str], suffix: str
) -> tuple[list[str], list[list[int]]]:
    """The lines that set all captures, and the captures of each of its calls of ``the_rest``."""
    captures = expression.captures
    names = "".join(f"g{place}, " for place in range(len(captures)))
    read = f"{names.rstrip()} = {expression.reading}"
    numbers = [numbered(place, c) for place, c in enumerate(captures) if c.type]
    writer = _Writer(captures, overwrite, suffix)
    for key, node in tree.items():
        writer.join("event", key, node)
    if not numbers:
        return [read, *writer.texts], writer.rests
    return [
        read,
        "try:",
        *indented(numbers, 1),
        "except ValueError:",
        f"    one_by_one{suffix}(event, match)",
        "else:",
        *indented(writer.texts, 1),
    ], writer.rests


def numbered(place: int, capture: Capture) -> str:
    """The line that converts a capture; None where it has no text."""
    test = tested(place, capture)
    return f"n{place} = {capture.type}(g{place})" + (f" if {test} else None" if test else "")


def tested(place: int, capture: Capture) -> str:
    """What tells whether a text was captured; nothing where there always is one."""
    if capture.full:
        return "" if capture.sure else f"g{place} is not None"
    return f"g{place}"


class _Writer(CodeWriter):
    """Writes the lines that set captures into maps. A map with one capture is written down whole,
    where it is needed.
    """

    def __init__(
        self, captures: Sequence[Capture], overwrite: Collection[str], suffix: str
    ) -> None:
        super().__init__()
        self.captures, self.overwrite, self.suffix = captures, overwrite, suffix
        self.rests: list[list[int]] = []
        self.maps = 0
        self._depth = 0

    def join(self, into: str, key: str, node: Any) -> None:
        """Lines that set what stands at a node of the tree in a map that may have something there:
        a value gets company, a map is joined; where there is no map, captures go one by one.
        """
        if not isinstance(node, dict):
            self._join_value(into, key, node)
            return
        held = f"h{self._depth}"
        self._line(f"if {key!r} not in {into}:")
        self._depth += 1
        self.put(into, key, node)
        self._depth -= 1
        self._line(f"elif type({held} := {into}[{key!r}]) is dict:")
        self._depth += 1
        for name, child in node.items():
            self.join(held, name, child)
        self._depth -= 1
        self._line("else:")
        self._line(f"    the_rest{self.suffix}[{len(self.rests)}](event, match)")
        self.rests.append(list(_places(node)))

    def _join_value(self, into: str, key: str, place: int) -> None:
        name, test = self._leaf(place)
        if into == "event" and key in self.overwrite:
            self._set(f"{into}[{key!r}] = {name}", test)
            return
        depth = self._depth
        if test:
            self._line(f"if {test}:")
            self._depth += 1
        self._line(f"if {key!r} not in {into}:")
        self._line(f"    {into}[{key!r}] = {name}")
        self._line(f"elif type(held := {into}[{key!r}]) is str:")
        self._line(f"    {into}[{key!r}] = [held, {name}]")
        self._line("else:")
        self._line(f"    add({into}, {key!r}, {name})")
        self._depth = depth

    def _line(self, text: str) -> None:
        self.line(self._depth, text)

    def put(self, into: str, key: str, node: Any) -> bool:
        """Lines that set what stands at a node of the tree, if anything was captured there; whether
        there always is something.
        """
        single = _single(node)
        if single is not None:
            before, place, after = single
            name, test = self._leaf(place)
            self._set(f"{into}[{key!r}] = {before}{name}{after}", test)
            return not test
        self.maps += 1
        inner = f"m{self.maps}"
        self._line(f"{inner} = {{}}")
        sure = [self.put(inner, name, child) for name, child in node.items()]
        self._set(f"{into}[{key!r}] = {inner}", "" if any(sure) else inner)
        return any(sure)

    def _set(self, line: str, test: str) -> None:
        for text in (f"if {test}:", f"    {line}") if test else (line,):
            self._line(text)

    def _leaf(self, place: int) -> tuple[str, str]:
        """The name of a capture's value, and what tells whether there is one."""
        test = tested(place, self.captures[place])
        if self.captures[place].type is None:
            return f"g{place}", test
        return f"n{place}", test and f"n{place} is not None"


def _places(node: Any) -> Iterator[int]:
    """The places of all captures below a node."""
    if not isinstance(node, dict):
        yield node
        return
    for child in node.values():
        yield from _places(child)


def _single(node: Any) -> tuple[str, int, str] | None:
    """What is written around the one capture of a node; None where there are several."""
    before = after = ""
    while isinstance(node, dict):
        if len(node) != 1:
            return None
        ((key, node),) = node.items()
        before, after = f"{before}{{{key!r}: ", f"}}{after}"
    return before, node, after
