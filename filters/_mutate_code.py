"""The loop of a mutate as generated code: its operations as lines, one after the other.

The lines do what is ordinary, where each step of a path is a map or is not there; for anything else
(lists on the way, a value that takes no fields, reserved fields) they call the operation itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..dsl.generated import function_of
from ..dsl.naming import FieldName
from ..dsl.reference import Event, FieldRef
from ..dsl.template import Template
from ..dsl.values import SMALL_INTEGERS, ruby_text
from ..dsl.values import copy as copied
from ..plugins.decoration import decoration
from ._map_variables import BODY, Keys, MapWriter
from ._mutations import CONVERSIONS, TRUTH, Operation
from ._references import BrokenReference

Write = Callable[[MapWriter, str], None]
"""Writes the lines of an operation; given the name of the operation itself."""


class Within(msgspec.Struct, frozen=True):
    """An operation on a field where the map that holds it is there: ``write`` writes its lines,
    given their depth, the map and the name of the operation; ``target`` is another field that it
    sets.
    """

    keys: Keys
    write: Callable[[MapWriter, int, str, str], None]
    target: Keys | None = None

    @property
    def targets(self) -> list[Keys]:
        """The fields that are set."""
        return [] if self.target is None else [self.target]


class Step(msgspec.Struct, frozen=True):
    """An operation; what writes it as lines, if there is any; the fields that it may change, None
    where that depends on the event.
    """

    run: Operation
    write: Write | Within | None
    changes: tuple[Keys, ...] | None


def compiled(
    steps: Iterable[Step], decorations: Iterable[Step], failed: Callable[[Event, Exception], None]
) -> Callable[[Sequence[Event]], None]:
    """The loop over a batch; ``failed`` is called for an event with what an operation raised."""
    writer = MapWriter()
    for head in ("def loop(events):", "    for event in events:", "        try:"):
        writer.line(0, head)
    for group in _groups([*steps, *decorations]):
        _write(writer, group)
    writer.line(BODY, "pass")
    failing = writer.name("failed", failed)
    writer.line(2, "except Exception as error:")
    writer.line(3, f"{failing}(event, error)")
    loop: Callable[[Sequence[Event]], None] = function_of(writer.texts, "mutate", writer.scope)
    return loop


def _groups(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """The steps, those together that follow each other on fields of one map, none of which changes
    what stands there or where the others put something.
    """
    group: list[Step] = []
    for step in steps:
        if group and not _joins(group, step):
            yield group
            group = []
        group.append(step)
    if group:
        yield group


def _joins(group: Sequence[Step], step: Step) -> bool:
    first, within = group[0].write, step.write
    if not isinstance(first, Within) or not isinstance(within, Within):
        return False
    parents = within.keys[:-1]
    if not parents or first.keys[:-1] != parents:
        return False
    paths = [parents, *(target[:-1] for target in within.targets)]
    changed = [keys for each in group for keys in each.changes or ()]
    return not any(path[: len(keys)] == keys for path in paths for keys in changed)


def _write(writer: MapWriter, group: Sequence[Step]) -> None:
    names = [writer.name("step", step.run) for step in group]
    withins = [step.write for step in group if isinstance(step.write, Within)]
    write = group[0].write
    if withins:
        keys = withins[0].keys
        targets = [target for within in withins for target in within.targets]
        with writer.within(keys, targets, names) as depth:
            for within, name in zip(withins, names, strict=True):
                within.write(writer, depth, writer.holder(keys), name)
    elif write is None or isinstance(write, Within):
        writer.line(BODY, f"{names[0]}(event)")
    else:
        write(writer, names[0])
    for step in group:
        _forget(writer, step)


def _forget(writer: MapWriter, step: Step) -> None:
    """Forget the maps that a step may have changed."""
    if step.changes is None:
        writer.changed_anything()
        return
    for keys in step.changes:
        writer.changed(keys if step.write is not None else keys[:1])


def step(run: Operation, write: Write | Within | None, *changed: FieldRef) -> Step:
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


def _rendered(writer: MapWriter, template: Template) -> str:
    """The expression that fills in a template."""
    if template.is_constant:
        return repr(template.render({}))
    return f"{writer.name('render', template.render)}(event)"


def rename(run: Operation, old: FieldName, new: FieldRef | Template) -> Step:
    """A field moved to another place."""
    if old.constant is None or isinstance(new, Template):
        return Step(run, None, None)
    source, target = old.constant.keys, new.keys

    def move(writer: MapWriter, depth: int, at: str, name: str) -> None:
        writer.line(depth, f"if {source[-1]!r} in {at}:")
        writer.put(depth + 1, name, target, f"{at}.pop({source[-1]!r})", source)

    if _overlap(source, target) or not _takes_any(new):
        return Step(run, None, (source, target))
    return Step(run, Within(source, move, target), (source, target))


def replace(run: Operation, target: FieldRef, template: Template) -> Step:
    """A field set."""
    keys = target.keys

    def write(writer: MapWriter, name: str) -> None:
        writer.holder(keys)
        writer.put(BODY, name, keys, _rendered(writer, template))

    return step(run, write, target)


def update(run: Operation, target: FieldRef, template: Template, only_null: bool = False) -> Step:
    """A field set that is there; ``only_null``: and null."""
    keys = target.keys
    key = keys[-1]

    def put(writer: MapWriter, depth: int, at: str, name: str) -> None:
        is_null = f" and {at}[{key!r}] is None" if only_null else ""
        writer.line(depth, f"if {key!r} in {at}{is_null}:")
        writer.line(depth + 1, f"{at}[{key!r}] = {_rendered(writer, template)}")

    return step(run, Within(keys, put), target)


def changing(
    run: Operation, target: FieldRef, tests: Mapping[str, str], names: Mapping[str, Any]
) -> Step:
    """A field whose value ``v`` becomes another: of each test of ``v`` the expression for the new
    value, nothing where the operation does it. ``names``: the values that these use.
    """
    keys = target.keys

    def change(writer: MapWriter, depth: int, at: str, name: str) -> None:
        named = {wish: writer.name(wish, value) for wish, value in names.items()}
        writer.line(depth, f"v = {at}.get({keys[-1]!r})")
        for number, (test, expression) in enumerate(tests.items()):
            holds = test.format_map(named)
            writer.line(depth, f"{'elif' if number else 'if'} {holds}:")
            value = expression.format_map(named)
            done = f"{at}[{keys[-1]!r}] = {value}" if expression else f"{name}(event)"
            writer.line(depth + 1, done)

    return step(run, Within(keys, change), target)


_IS_TEXT, _IS_LIST = "type(v) is str", "type(v) is list"
_KINDS = {"integer": "int", "float": "float", "string": "str", "boolean": "bool"}


def convert(run: Operation, target: FieldRef, kind: str) -> Step:
    """A field converted; one that is of the type already is left as it is."""
    tests = {_IS_LIST: ""}
    if kind == "integer":
        known = "type(v) is str and (number := {small}(v)) is not None"
        digits = "type(v) is str and v.isdecimal() and v.isascii()"
        tests = {known: "number", digits: "int(v)", **tests}
    settled = f" and type(v) is not {_KINDS[kind]}" if kind in _KINDS else ""
    tests[f"v is not None{settled} and type(v) is not dict"] = "{convert}(v)"
    if kind == "float":
        digits = "type(v) is str and v.isascii() and v.replace('.', '', 1).isdecimal()"
        tests = {digits: "float(v)", **tests}
    if kind == "boolean":
        tests = {"type(v) is str and (truth := {truth}(v)) is not None": "truth", **tests}
    names = {"convert": CONVERSIONS[kind], "small": SMALL_INTEGERS.get, "truth": TRUTH.get}
    return changing(run, target, tests, names)


def on_text(run: Operation, target: FieldRef, expression: str, **names: Any) -> Step:
    """A text changed by an expression of ``v``; the operation does lists."""
    return changing(run, target, {_IS_TEXT: expression, _IS_LIST: ""}, names)


def on_type(run: Operation, target: FieldRef, kind: str, expression: str, **names: Any) -> Step:
    """A field of one type changed by an expression of ``v``."""
    return changing(run, target, {f"type(v) is {kind}": expression}, names)


def split(run: Operation, target: FieldRef, separator: Any) -> Step:
    """A text cut at a separator; of what is not printable the operation knows which is blank."""
    if separator == " ":
        tests = {f"{_IS_TEXT} and v.isascii() and v.isprintable()": "v.split()", _IS_TEXT: ""}
        return changing(run, target, tests, {})
    if not separator or not isinstance(separator, str):
        return changing(run, target, {_IS_TEXT: ""}, {})
    is_plain = f"{_IS_TEXT} and (parts := v.split({{separator}}))[-1]"
    tests = {is_plain: "parts", _IS_TEXT: ""}
    return changing(run, target, tests, {"separator": separator})


def copy(run: Operation, source: FieldRef, target: FieldRef) -> Step:
    """A field copied to another place."""
    origin, keys = source.keys, target.keys

    def put(writer: MapWriter, depth: int, at: str, name: str) -> None:
        copying = writer.name("copied", copied)
        writer.line(depth, f"v = {at}.get({origin[-1]!r})")
        writer.line(depth, "if v is not None:")
        value = f"v if type(v) is str else {copying}(v)"
        writer.put(depth + 1, name, keys, value, origin)

    is_apart = origin == ("@metadata",) or isinstance(source, BrokenReference)
    within = Within(origin, put, keys)
    return step(run, None if is_apart or _overlap(origin, keys) else within, target)


def merge(run: Operation, target: FieldRef, sources: Sequence[FieldRef]) -> Step:
    """A field added to a list; lines for one text, the operation does the rest."""
    keys, origin = target.keys, sources[0].keys if sources else ()

    def write(writer: MapWriter, name: str) -> None:
        at, source = writer.holder(keys), writer.holder(origin)
        for variable, holder, key in (("v", source, origin[-1]), ("held", at, keys[-1])):
            is_there = "" if holder == "event" else f" if type({holder}) is dict else None"
            writer.line(BODY, f"{variable} = {holder}.get({key!r}){is_there}")
        writer.line(BODY, "if type(v) is str and type(held) is list:")
        writer.line(BODY + 1, f"{at}[{keys[-1]!r}] = [*held, v]")
        writer.line(BODY, "elif type(v) is str and held is None:")
        writer.put(BODY + 1, name, keys, "[v]")
        writer.line(BODY, "elif type(v) is list and type(held) is list:")
        writer.line(BODY + 1, f"{at}[{keys[-1]!r}] = [*held, *{writer.name('copied', copied)}(v)]")
        writer.line(BODY, "elif type(v) is str and type(held) is str:")
        writer.line(BODY + 1, f"{at}[{keys[-1]!r}] = [held, v]")
        writer.line(BODY, "else:")
        writer.call(BODY + 1, name, keys)

    is_apart = any(isinstance(source, BrokenReference) for source in sources)
    is_simple = len(sources) == 1 and origin != ("@metadata",) and not _overlap(origin, keys)
    return step(run, write if is_simple and not is_apart else None, target)


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

    def write(writer: MapWriter, step_name: str) -> None:
        writer.add(step_name, keys, _rendered(writer, template))

    return step(run, write, field)


def _removing(name: str) -> Step:
    run = _done(remove_field=[name])
    field = FieldName(name).constant
    if field is None:
        return Step(run, None, None)
    keys = field.keys

    def remove(writer: MapWriter, depth: int, at: str, _: str) -> None:
        writer.line(depth, f"{at}.pop({keys[-1]!r}, None)")

    return Step(run, Within(keys, remove), (keys,))


def _tagging(tags: Sequence[Any]) -> Step:
    run = _done(add_tag=tags)
    templates = [Template(ruby_text(tag)) for tag in tags]

    def write(writer: MapWriter, name: str) -> None:
        given = ", ".join(_rendered(writer, template) for template in templates)
        writer.line(BODY, "v = event.get('tags')")
        writer.line(BODY, "if v is None:")
        writer.line(BODY + 1, f"event['tags'] = [{given}]")
        writer.line(BODY, "elif type(v) is list:")
        writer.line(BODY + 1, f"event['tags'] = [*v, {given}]")
        writer.line(BODY, "else:")
        writer.line(BODY + 1, f"{name}(event)")

    return Step(run, write, (("tags",),))
