"""The loop of a mutate as generated code: its operations as lines, one after the other.

The map that holds a field is looked up once and kept in a variable (``m1``, ``m2`` …) while nothing
on its path changes. The lines do what is ordinary, where each step of a path is a map or is not
there; for anything else (lists on the way, a value that takes no fields, reserved fields) they call
the operation itself, and look up anew what it may have changed. A variable thus holds the map that
stands at its path, or something that sends the next line to the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..dsl.naming import FieldName
from ..dsl.reference import Event, FieldRef
from ..dsl.template import Template
from ..dsl.values import copy as copied
from ..dsl.values import ruby_text
from ..plugins.decoration import decoration
from ._mutations import CONVERSIONS, Operation
from ._references import BrokenReference

Keys = tuple[str, ...]
Write = Callable[["Writer", str], None]
"""Writes the lines of an operation; given the name of the operation itself."""

_BODY = 3  # how deep the lines of an operation stand


class Step(msgspec.Struct, frozen=True):
    """An operation; what writes it as lines, if there is any; the fields that it may change, None
    where that depends on the event.
    """

    run: Operation
    write: Write | None
    changes: tuple[Keys, ...] | None


class Writer:
    """Writes the lines of one loop, and knows which maps its variables hold."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}
        self._maps: dict[Keys, str] = {}
        self._made = 0

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def name(self, wish: str, value: Any) -> str:
        """A name of the generated code for a value."""
        name = f"{wish}_{len(self.scope) + 1}"
        self.scope[name] = value
        return name

    def holder(self, keys: Keys) -> str:
        """The variable with the map that holds a field, looked up in the body of the loop."""
        parents = keys[:-1]
        if not parents:
            return "event"
        if parents not in self._maps:
            self.holder(parents)
            self._made += 1
            self._maps[parents] = f"m{self._made}"
            self._look_up(_BODY, parents)
        return self._maps[parents]

    def _look_up(self, depth: int, parents: Keys) -> None:
        name, above, key = self._maps[parents], self._above(parents), parents[-1]
        if above == "event":
            self.line(depth, f"{name} = event.get({key!r})")
        else:
            self.line(depth, f"{name} = {above}.get({key!r}) if type({above}) is dict else {above}")

    def _above(self, parents: Keys) -> str:
        return self._maps[parents[:-1]] if len(parents) > 1 else "event"

    def call(self, depth: int, step: str, *touched: Keys) -> None:
        """Let an operation do it, and look up again what stands near the fields that it touches."""
        self.line(depth, f"{step}(event)")
        heads = {keys[0] for keys in touched}
        for parents in self._maps:
            if parents[0] in heads:
                self._look_up(depth, parents)

    def changed(self, keys: Keys) -> None:
        """Forget the maps at and below a field."""
        self._maps = {
            parents: name for parents, name in self._maps.items() if parents[: len(keys)] != keys
        }

    def changed_anything(self) -> None:
        self._maps.clear()

    def within(self, step: str, keys: Keys, body: Callable[[int, str], None], *more: Keys) -> None:
        """Lines for where the map of a field is there, written by ``body`` of their depth and the
        map; nothing is done where it is not.
        """
        at = self.holder(keys)
        if at == "event":
            body(_BODY, at)
            return
        self.line(_BODY, f"if type({at}) is dict:")
        body(_BODY + 1, at)
        self.line(_BODY, f"elif {at} is not None:")
        self.call(_BODY + 1, step, keys, *more)

    def put(self, depth: int, step: str, keys: Keys, value: str, *more: Keys) -> None:
        """Lines that set a field whose holder is known; its map is made where only that is not
        there.
        """
        key, parents = keys[-1], keys[:-1]
        if not parents:
            self.line(depth, f"event[{key!r}] = {value}")
            return
        at = self._maps[parents]
        self.line(depth, f"if type({at}) is dict:")
        self.line(depth + 1, f"{at}[{key!r}] = {value}")
        self._put_in_new_map(depth, keys, value)
        self.line(depth, "else:")
        self.call(depth + 1, step, keys, *more)

    def _put_in_new_map(self, depth: int, keys: Keys, value: str) -> None:
        parents, key = keys[:-1], keys[-1]
        at, above, last = self._maps[parents], self._above(parents), parents[-1]
        is_map = "" if above == "event" else f"type({above}) is dict and "
        self.line(depth, f"elif {is_map}{last!r} not in {above}:")
        self.line(depth + 1, f"{at} = {above}[{last!r}] = {{{key!r}: {value}}}")


def compiled(
    steps: Iterable[Step], decorations: Iterable[Step], failed: Callable[[Event, Exception], None]
) -> Callable[[Sequence[Event]], None]:
    """The loop over a batch; ``failed`` is called for an event with what an operation raised."""
    writer = Writer()
    for head in ("def loop(events):", "    for event in events:", "        try:"):
        writer.line(0, head)
    for step in (*steps, *decorations):
        _write(writer, step)
    writer.line(_BODY, "pass")
    failing = writer.name("failed", failed)
    writer.line(2, "except Exception as error:")
    writer.line(3, f"{failing}(event, error)")
    scope = writer.scope
    exec(compile("\n".join(writer.lines), "<mutate>", "exec"), scope)
    loop: Callable[[Sequence[Event]], None] = scope.pop("loop")
    return loop


def _write(writer: Writer, step: Step) -> None:
    name = writer.name("step", step.run)
    if step.write is None:
        writer.line(_BODY, f"{name}(event)")
    else:
        step.write(writer, name)
    if step.changes is None:
        writer.changed_anything()
        return
    for keys in step.changes if step.write is not None else ():
        writer.changed(keys)
    if step.write is None:
        for keys in step.changes:
            writer.changed(keys[:1])


def step(run: Operation, write: Write | None, *changed: FieldRef) -> Step:
    """A step that changes the fields given, written by ``write`` where all of them are ordinary."""
    is_ordinary = all(map(_takes_any, changed))
    return Step(run, write if is_ordinary else None, tuple(ref.keys for ref in changed))


def _takes_any(ref: FieldRef) -> bool:
    """Whether a field takes any value."""
    keys = ref.keys
    is_reserved = keys[0] in ("tags", "@timestamp") or keys == ("@metadata",)
    return not is_reserved and not isinstance(ref, BrokenReference)


def _overlap(one: Keys, other: Keys) -> bool:
    """Whether a field is the other, or lies in it."""
    return all(a == b for a, b in zip(one, other, strict=False))


def _rendered(writer: Writer, template: Template) -> str:
    """The expression that fills in a template."""
    if template.is_constant:
        return repr(template.render({}))
    return f"{writer.name('render', template.render)}(event)"


def rename(run: Operation, old: FieldName, new: FieldRef | Template) -> Step:
    """A field moved to another place."""
    if old.constant is None or isinstance(new, Template):
        return Step(run, None, None)
    source, target = old.constant.keys, new.keys

    def write(writer: Writer, name: str) -> None:
        writer.holder(target)

        def move(depth: int, at: str) -> None:
            writer.line(depth, f"if {source[-1]!r} in {at}:")
            writer.put(depth + 1, name, target, f"{at}.pop({source[-1]!r})", source)

        writer.within(name, source, move, target)

    if _overlap(source, target) or not _takes_any(new):
        return Step(run, None, (source, target))
    return Step(run, write, (source, target))


def replace(run: Operation, target: FieldRef, template: Template) -> Step:
    """A field set."""
    keys = target.keys

    def write(writer: Writer, name: str) -> None:
        writer.holder(keys)
        writer.put(_BODY, name, keys, _rendered(writer, template))

    return step(run, write, target)


def update(run: Operation, target: FieldRef, template: Template, only_null: bool = False) -> Step:
    """A field set that is there; ``only_null``: and null."""
    keys = target.keys
    key = keys[-1]

    def write(writer: Writer, name: str) -> None:
        value = _rendered(writer, template)

        def put(depth: int, at: str) -> None:
            is_null = f" and {at}[{key!r}] is None" if only_null else ""
            writer.line(depth, f"if {key!r} in {at}{is_null}:")
            writer.line(depth + 1, f"{at}[{key!r}] = {value}")

        writer.within(name, keys, put)

    return step(run, write, target)


def changing(
    run: Operation, target: FieldRef, tests: Mapping[str, str], names: Mapping[str, Any]
) -> Step:
    """A field whose value ``v`` becomes another: of each test of ``v`` the expression for the new
    value, nothing where the operation does it. ``names``: the values that expressions use.
    """
    keys = target.keys

    def write(writer: Writer, name: str) -> None:
        named = {wish: writer.name(wish, value) for wish, value in names.items()}

        def change(depth: int, at: str) -> None:
            writer.line(depth, f"v = {at}.get({keys[-1]!r})")
            for number, (test, expression) in enumerate(tests.items()):
                writer.line(depth, f"{'elif' if number else 'if'} {test}:")
                value = expression.format_map(named)
                done = f"{at}[{keys[-1]!r}] = {value}" if expression else f"{name}(event)"
                writer.line(depth + 1, done)

        writer.within(name, keys, change)

    return step(run, write, target)


_IS_TEXT, _IS_LIST = "type(v) is str", "type(v) is list"
_KINDS = {"integer": "int", "float": "float", "string": "str", "boolean": "bool"}


def convert(run: Operation, target: FieldRef, kind: str) -> Step:
    """A field converted; one that is of the type already is left as it is."""
    tests = {_IS_LIST: ""}
    if kind == "integer":
        tests = {"type(v) is str and v.isdecimal() and v.isascii()": "int(v)", **tests}
    settled = f" and type(v) is not {_KINDS[kind]}" if kind in _KINDS else ""
    tests[f"v is not None{settled} and type(v) is not dict"] = "{convert}(v)"
    return changing(run, target, tests, {"convert": CONVERSIONS[kind]})


def on_text(run: Operation, target: FieldRef, expression: str, **names: Any) -> Step:
    """A text changed by an expression of ``v``; the operation does lists."""
    return changing(run, target, {_IS_TEXT: expression, _IS_LIST: ""}, names)


def on_type(run: Operation, target: FieldRef, kind: str, expression: str, **names: Any) -> Step:
    """A field of one type changed by an expression of ``v``."""
    return changing(run, target, {f"type(v) is {kind}": expression}, names)


def copy(run: Operation, source: FieldRef, target: FieldRef) -> Step:
    """A field copied to another place."""
    origin, keys = source.keys, target.keys

    def write(writer: Writer, name: str) -> None:
        writer.holder(keys)
        copying = writer.name("copied", copied)

        def put(depth: int, at: str) -> None:
            writer.line(depth, f"v = {at}.get({origin[-1]!r})")
            writer.line(depth, "if v is not None:")
            value = f"v if type(v) is str else {copying}(v)"
            writer.put(depth + 1, name, keys, value, origin)

        writer.within(name, origin, put, keys)

    is_apart = origin == ("@metadata",) or isinstance(source, BrokenReference)
    return step(run, None if is_apart or _overlap(origin, keys) else write, target)


def decorations(
    add_field: Mapping[str, Any],
    remove_field: Sequence[str],
    add_tag: Sequence[Any],
    remove_tag: Sequence[str],
) -> list[Step]:
    """The common options as steps, in their order."""
    steps = [
        _adding(name, value)
        for name, values in add_field.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    steps += map(_removing, remove_field)
    tags = [_tagging(add_tag)] if add_tag else []
    untags = [Step(_done(remove_tag=remove_tag), None, (("tags",),))] if remove_tag else []
    return [*steps, *tags, *untags]


def _done(**options: Any) -> Operation:
    run = decoration(**{"add_field": {}, **options})
    assert run is not None
    return run


def _adding(name: str, value: Any) -> Step:
    run = _done(add_field={name: [value] if isinstance(value, list) else value})
    field = FieldName(name).constant
    if field is None:
        return Step(run, None, None)
    keys, template = field.keys, Template(ruby_text(value))

    def write(writer: Writer, step_name: str) -> None:
        at = writer.holder(keys)
        is_map = "" if at == "event" else f"type({at}) is dict and "
        writer.line(_BODY, f"if {is_map}{keys[-1]!r} in {at}:")
        writer.call(_BODY + 1, step_name, keys)
        writer.line(_BODY, "else:")
        writer.put(_BODY + 1, step_name, keys, _rendered(writer, template))

    return step(run, write, field)


def _removing(name: str) -> Step:
    run = _done(remove_field=[name])
    field = FieldName(name).constant
    if field is None:
        return Step(run, None, None)
    keys = field.keys

    def write(writer: Writer, step_name: str) -> None:
        def remove(depth: int, at: str) -> None:
            writer.line(depth, f"{at}.pop({keys[-1]!r}, None)")

        writer.within(step_name, keys, remove)

    return Step(run, write, (keys,))


def _tagging(tags: Sequence[Any]) -> Step:
    run = _done(add_tag=tags)
    templates = [Template(ruby_text(tag)) for tag in tags]

    def write(writer: Writer, name: str) -> None:
        given = ", ".join(_rendered(writer, template) for template in templates)
        writer.line(_BODY, "v = event.get('tags')")
        writer.line(_BODY, "if v is None:")
        writer.line(_BODY + 1, f"event['tags'] = [{given}]")
        writer.line(_BODY, "elif type(v) is list:")
        writer.line(_BODY + 1, f"event['tags'] = [*v, {given}]")
        writer.line(_BODY, "else:")
        writer.line(_BODY + 1, f"{name}(event)")

    return Step(run, write, (("tags",),))
