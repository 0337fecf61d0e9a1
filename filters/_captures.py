"""Putting captures into an event: a function made for one expression, with straight lines where the event allows it.

Most events have none of the fields that an expression fills. For them the maps are built whole and set at once, with no look at
what was there. Where a field is there already, or a reference is out of the ordinary, the captures go one by one: a text becomes a
list with the new value, a list grows, any other value stays, as in Logstash.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..dsl.grok import Capture, Expression
from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError, parse_keys

Assign = Callable[[Event, re.Match[str]], None]
Put = Callable[[Event, Any], None]
Tree = dict[str, Any]

_SPECIAL = {"@timestamp", "tags", "@metadata"}


def assigner(expression: Expression, target: str, overwrite: Collection[str], keep_empty: bool) -> Assign:
    """The function that puts a match of the expression into an event.

    ``target``: a reference under which all fields go, or nothing; ``overwrite``: references whose old value is replaced.
    """
    one_by_one = _one_by_one(expression, target, overwrite, keep_empty)
    if not expression.captures:
        return lambda event, match: None
    if keep_empty:
        return one_by_one
    tree = _tree(expression.captures, target, overwrite)
    return one_by_one if tree is None else _at_once(expression, tree, overwrite, one_by_one)


def _reference(name: str, target: str) -> str:
    if not target:
        return name
    prefix = target if target.startswith("[") else f"[{target}]"
    return prefix + (name if name.startswith("[") else f"[{name}]")


def _one_by_one(expression: Expression, target: str, overwrite: Collection[str], keep_empty: bool) -> Assign:
    puts = [_put(_reference(c.name, target), c.name in overwrite) for c in expression.captures]
    converts = [c.convert for c in expression.captures]
    read = expression.read

    def assign(event: Event, match: re.Match[str]) -> None:
        for put, convert, text in zip(puts, converts, read(match), strict=True):
            if text:
                put(event, text if convert is None else convert(text))
            elif keep_empty:
                put(event, text if convert is None or text is None else convert(text))

    return assign


def _put(name: str, replaces: bool) -> Put:
    try:
        ref = FieldRef(name)
    except ReferenceSyntaxError:
        return lambda event, value: FieldRef(name).set(event, value)  # fails for every event, and says why
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


def _tree(captures: Sequence[Capture], target: str, overwrite: Collection[str]) -> Tree | None:
    """The fields as a tree with the places of their captures as leaves; None where they must go one by one."""
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


def _at_once(expression: Expression, tree: Tree, overwrite: Collection[str], one_by_one: Assign) -> Assign:
    names = [f"g{place}" for place in range(len(expression.captures))]
    writer = _Writer(expression.captures)
    for key, node in tree.items():
        writer.top(key, node)
    guarded = frozenset(key for key in tree if key not in overwrite)
    text = "\n".join(
        [
            "def assign(event, match):",
            f"    {', '.join(names)}, = read(match)",
            "    if not fields.isdisjoint(event):",
            "        return one_by_one(event, match)",
            "    try:",
            *(f"        {line}" for line in writer.building or ["pass"]),
            "    except ValueError:",
            "        return one_by_one(event, match)",
            *(f"    {line}" for line in writer.setting),
        ]
    )
    scope: dict[str, Any] = {"read": expression.read, "fields": guarded, "one_by_one": one_by_one}
    exec(compile(text, f"<grok {expression.text[:60]}>", "exec"), scope)
    assign: Assign = scope["assign"]
    return assign


class _Writer:
    """Writes the lines that build the maps, and those that set them into the event."""

    def __init__(self, captures: Sequence[Capture]) -> None:
        self.captures = captures
        self.building: list[str] = []
        self.setting: list[str] = []
        self.maps = 0

    def top(self, key: str, node: Any) -> None:
        name = self.value(node)
        self.setting += [f"if {name}:" if not self._number(node) else f"if {name} is not None:", f"    event[{key!r}] = {name}"]

    def value(self, node: Any) -> str:
        if isinstance(node, dict):
            return self.map(node)
        capture = self.captures[node]
        if capture.type is None:
            return f"g{node}"
        self.building.append(f"n{node} = {capture.type}(g{node}) if g{node} else None")
        return f"n{node}"

    def map(self, node: Tree) -> str:
        self.maps += 1
        name = f"m{self.maps}"
        self.building.append(f"{name} = {{}}")
        for key, child in node.items():
            inner = self.value(child)
            self.building.append(f"if {inner}:" if not self._number(child) else f"if {inner} is not None:")
            self.building.append(f"    {name}[{key!r}] = {inner}")
        return name

    def _number(self, node: Any) -> bool:
        return not isinstance(node, dict) and self.captures[node].type is not None
