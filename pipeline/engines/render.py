"""A plan for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ...dsl.program import Branch, PluginUse, Statement
from ..compile.instantiate import uses
from .abilities import Abilities
from .parts import SHARDS, KeyedFilter, Plan, Read, Segment, statements_of
from .repartition import repartition_of

_HOW = {
    "ranges": "in ranges, as tasks",
    "engine": "by the engine's own source",
    "input": "by the input itself, in one task",
}
_WHERE = {
    "task": "delivered in the tasks",
    "engine": "written by the engine's own sink",
    "driver": "written by the driver",
}


def as_text(plan: Plan, can: Abilities) -> str:
    """The plan as lines of text."""
    return "\n".join(_lines(plan, can)) + "\n"


def _lines(plan: Plan, can: Abilities) -> Iterator[str]:
    ends = "ends with its inputs" if plan.is_bounded else "goes on"
    yield f"plan for {plan.engine}: {ends}"
    for read in plan.reads:
        yield ""
        yield f"read {read.number}: {read.kind} ({read.place})"
        how = f"{_HOW[read.how]}; codec {read.codec}, {_cut(read)}" if read.how else "not at all"
        yield f"  {how}"
    for segment in plan.segments:
        yield ""
        yield from _segment(plan, segment, can)
    for write in plan.writes:
        yield ""
        yield f"write {write.number}: {write.kind} ({write.place})"
        where = _WHERE[write.where] if can.exchanges else "delivered by each process"
        yield f"  {where}, {write.guarantee}"
    for file in plan.shipment.files:
        yield ""
        verb = "send along" if can.exchanges else "each process reads"
        yield f"{verb}: {file.path} ({file.place})"
    yield ""
    yield f"position and state: {can.position}"
    yield from _repartition(plan, can)


def _cut(read: Read) -> str:
    if read.splittable:
        return "cut between lines"
    return "each file one stream" if read.kind == "file" else "each message by itself"


def _segment(plan: Plan, segment: Segment, can: Abilities) -> Iterator[str]:
    if segment.keyed:
        yield from _exchange(segment, can)
    place = "in the shard of each key" if can.exchanges else "where the partition is"
    where = place if segment.keyed else "where it is read"
    yield f"segment {segment.number}: {where}"
    states = {each.place: each for each in segment.keyed}
    for statement in statements_of(plan.assembly.program, segment):
        for use, depth in _named(statement, 1):
            keyed = states.get(use.span.place) if isinstance(use, PluginUse) else None
            name = use.name if isinstance(use, PluginUse) else use
            yield f"{'  ' * depth}{name}{_state(keyed)}"
    if segment.last_filter < segment.first_filter:
        yield "  (no filters)"


def _state(keyed: KeyedFilter | None) -> str:
    if keyed is None:
        return ""
    return f": state `{keyed.id}`, lateness {keyed.lateness_ms} ms"


def _exchange(segment: Segment, can: Abilities) -> Iterator[str]:
    keyed = segment.keyed[0]
    fields = ", ".join(keyed.by) or "nothing (all events are one key)"
    if not can.exchanges:
        yield f"keyed by {fields}: a key must come in one partition"
        return
    yield f"exchange by {fields}: {SHARDS} shards"
    if keyed.combines:
        yield "  results are made in parts before it and merged behind it"


def _named(statement: Statement, depth: int) -> Iterator[tuple[PluginUse | str, int]]:
    if isinstance(statement, PluginUse):
        yield statement, depth
        return
    assert isinstance(statement, Branch)
    for number, arm in enumerate(statement.arms):
        kind = "if" if number == 0 else "else if"
        yield ("else" if arm.condition is None else kind), depth
        for inner in arm.body:
            yield from _named(inner, depth + 1)


def _repartition(plan: Plan, can: Abilities) -> Iterator[str]:
    found = None if can.exchanges else repartition_of(plan)
    if found is None:
        return
    yield ""
    yield "Where the topic is keyed otherwise, run these pipelines instead, each as a group:"
    for number, text in enumerate(found.pipelines):
        yield ""
        yield f"# pipeline {number + 1} of {len(found.pipelines)}"
        yield text.rstrip()


def as_data(plan: Plan, can: Abilities) -> dict[str, Any]:
    """The plan as plain data."""
    program = plan.assembly.program
    data: dict[str, Any] = msgspec.to_builtins(
        {
            "engine": plan.engine,
            "bounded": plan.is_bounded,
            "reads": [_without_secrets(plan, read) for read in plan.reads],
            "segments": plan.segments,
            "writes": [_without_secrets(plan, write) for write in plan.writes],
            "files": plan.shipment.files,
            "position": can.position,
        }
    )
    for segment, made in zip(plan.segments, data["segments"], strict=True):
        statements = statements_of(program, segment)
        made["filters"] = [use.name for use in uses(statements)]
    data["diagnostics"] = [
        {"code": d.code, "place": d.place, "message": d.message, "help": d.help}
        for d in plan.diagnostics
    ]
    found = None if can.exchanges else repartition_of(plan)
    if found is not None:
        data["repartition"] = msgspec.to_builtins(found)
    return data


def _without_secrets(plan: Plan, part: Any) -> dict[str, Any]:
    """A read or a write; values of passwords are left out."""
    section = plan.assembly.program.inputs if isinstance(part, Read) else None
    found = uses(plan.assembly.program.outputs if section is None else section)
    use = list(found)[part.number]
    data: dict[str, Any] = msgspec.to_builtins({**msgspec.structs.asdict(part), "boundary": None})
    del data["boundary"]
    for name in data["options"]:
        if use.spec.options[name].kind.name == "password":
            data["options"][name] = "<password>"
    return data
