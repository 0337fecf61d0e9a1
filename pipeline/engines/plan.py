"""The plan of a configuration: what is read, worked and written where, so that many machines do
what one would.

The filters are cut into *segments*. The first one runs where the input is read. Each further one
begins with a filter that keeps state by a key: before it events go to the shard of their key, and
it runs there, with what stands behind it. A filter in a branch cuts before the whole branch, whose
conditions are looked at behind the exchange.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ...dsl.diagnostics import Diagnostic, in_order
from ...dsl.program import PluginUse, Program, Statement
from ...dsl.reference import FieldRef
from ...dsl.source import Source
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.output import Output
from ..compile.instantiate import Assembly, assemble, uses
from .abilities import ABILITIES, Abilities
from .shipping import Shipment, shipment_of

SHARDS = 256
"""Into how many shards the keys of a filter are divided, by crc32 of the key."""

Where = Literal["task", "engine", "driver"]


class Read(msgspec.Struct, frozen=True):
    """An input. ``options`` are those given, typed; ``how``: in ``ranges`` of files, as messages of
    the ``engine``'s source, or by the ``input`` itself in one task. ``splittable``: whether its
    bytes may be cut at ``boundary``; else all of a file, or of a partition, is one stream.
    """

    number: int
    kind: str
    id: str
    options: dict[str, Any]
    codec: str
    splittable: bool
    bounded: bool
    how: str
    place: str
    boundary: bytes | None = None
    longest: int = 0


class KeyedFilter(msgspec.Struct, frozen=True):
    """A filter that keeps state by ``by``. ``meaning``: the options that say what its state means;
    ``lateness_ms``: how long its watermark waits; ``combines``: whether results are made in parts
    before the exchange and merged behind it.
    """

    kind: str
    id: str
    by: tuple[str, ...]
    lateness_ms: int
    meaning: dict[str, str]
    combines: bool
    place: str


class Segment(msgspec.Struct, frozen=True):
    """Statements ``first_filter`` to ``last_filter`` of the filters, both included; none where the
    last is before the first. ``keyed``: the filters with state that its first statement holds, all
    with the same key; empty for the segment that is run where the input is read.
    """

    number: int
    first_filter: int
    last_filter: int
    keyed: tuple[KeyedFilter, ...] = ()

    @property
    def lateness_ms(self) -> int:
        """How far the watermark stays behind the latest event."""
        return max((each.lateness_ms for each in self.keyed), default=0)


class Write(msgspec.Struct, frozen=True):
    """An output, and where it is delivered: in the ``task`` that packed it, by the ``engine``'s own
    sink, or at the ``driver``.
    """

    number: int
    kind: str
    id: str
    options: dict[str, Any]
    where: Where
    guarantee: str
    place: str


class Plan(msgspec.Struct):
    """A configuration laid out for an engine. ``shipment`` is what travels; ``assembly`` is the
    configuration as compiled here, and stays here.
    """

    engine: str
    shipment: Shipment
    assembly: Assembly
    reads: list[Read]
    segments: list[Segment]
    writes: list[Write]
    diagnostics: list[Diagnostic]

    @property
    def is_bounded(self) -> bool:
        """Whether all inputs end by themselves."""
        return all(read.bounded for read in self.reads)

    @property
    def keyed(self) -> list[Segment]:
        """The segments behind an exchange."""
        return [segment for segment in self.segments if segment.keyed]


def plan_of(
    sources: Sequence[Source],
    settings: Mapping[str, Any],
    engine: str,
    abilities: Abilities | None = None,
) -> Plan:
    """The plan of a configuration on an engine; ``abilities`` of one that is not Penstock's own.
    Raises ConfigError where the configuration is wrong by itself; what the engine refuses stands in
    ``diagnostics``.
    """
    can = abilities or ABILITIES[engine]
    assembly = assemble(sources, settings)
    program = assembly.program
    plan = Plan(
        engine,
        shipment_of(sources, settings),
        assembly,
        [_read(n, use, assembly, can) for n, use in enumerate(uses(program.inputs))],
        segments_of(assembly),
        [_write(n, use, assembly, can) for n, use in enumerate(uses(program.outputs))],
        [],
    )
    from .refusals import refusals

    plan.diagnostics = in_order(refusals(plan, can))
    return plan


def _read(number: int, use: PluginUse, assembly: Assembly, can: Abilities) -> Read:
    plugin = assembly.made[use]
    assert isinstance(plugin, Input)
    decoder = plugin.decoder()
    boundary = None if decoder is None else decoder.boundary()
    return Read(
        number,
        use.name,
        use.id,
        _options(use),
        _codec(use, plugin.default_codec),
        boundary is not None,
        plugin.bounded,
        can.reads.get(use.name, ""),
        use.span.place,
        boundary,
        0 if decoder is None else decoder.longest,
    )


def _write(number: int, use: PluginUse, assembly: Assembly, can: Abilities) -> Write:
    where: Any = can.writes.get(use.name, "task")
    guarantee = can.guarantees.get(use.name) or can.guarantees["*"]
    return Write(number, use.name, use.id, _options(use), where, guarantee, use.span.place)


def _codec(use: PluginUse, default: str) -> str:
    given = use.settings.get("codec")
    return given.value.name if given and isinstance(given.value, PluginUse) else default


def _options(use: PluginUse) -> dict[str, Any]:
    """The options given, as plain data; of a codec its name."""
    return {name: _plain(setting.value) for name, setting in use.settings.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, PluginUse):
        return value.name
    if isinstance(value, FieldRef):
        return value.canonical
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(getattr(value, "text", value))


def segments_of(assembly: Assembly) -> list[Segment]:
    """The segments of a program; a filter with state that cannot be divided is in none's
    ``keyed``.
    """
    filters = assembly.program.filters
    cuts = [number for number, each in enumerate(filters) if keyed_in(each, assembly)]
    starts = [0, *cuts]
    ends = [*cuts, len(filters)]
    found = [Segment(0, 0, ends[0] - 1)]
    for number, (start, end) in enumerate(zip(starts[1:], ends[1:], strict=True), 1):
        keyed = tuple(_keyed_filter(use, p) for use, p in keyed_in(filters[start], assembly))
        found.append(Segment(number, start, end - 1, keyed))
    return found


def statements_of(program: Program, segment: Segment) -> Sequence[Statement]:
    """The filters of a segment."""
    return program.filters[segment.first_filter : segment.last_filter + 1]


def keyed_in(statement: Statement, assembly: Assembly) -> list[tuple[PluginUse, Any]]:
    """The filters of a statement whose state is divided by keys."""
    return [(use, plugin) for use, plugin in _filters(statement, assembly) if plugin.event_time]


def _filters(statement: Statement, assembly: Assembly) -> Iterator[tuple[PluginUse, Filter]]:
    for use in uses([statement]):
        plugin = assembly.made[use]
        assert isinstance(plugin, Filter)
        yield use, plugin


def _keyed_filter(use: PluginUse, plugin: Any) -> KeyedFilter:
    return KeyedFilter(
        use.name,
        use.id,
        tuple(plugin.key_texts()),
        plugin.lateness_millis,
        plugin.meaning(),
        False,
        use.span.place,
    )
