"""What a plan is made of: reads, segments of the filters, writes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse, Program, Statement
from ...plugins.filter import Filter
from ..compile.instantiate import Assembly, uses
from .shipping import Shipment

SHARDS = 256
"""Into how many shards the keys of a filter are divided, by crc32 of the key."""

Where = Literal["task", "engine", "driver"]


class Read(msgspec.Struct, frozen=True):
    """An input. ``options`` are those given, typed; ``how``: in ``ranges`` of files, as messages of
    the ``engine``'s source, or by the ``input`` itself in one task. ``splittable``: whether its
    bytes may be cut; else all of a file, or of a partition, is one stream.
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


def statements_of(program: Program, segment: Segment) -> Sequence[Statement]:
    """The filters of a segment."""
    return program.filters[segment.first_filter : segment.last_filter + 1]


def keyed_in(statements: Iterable[Statement], assembly: Assembly) -> list[tuple[PluginUse, Any]]:
    """The filters of statements whose state is divided by keys."""
    found: list[tuple[PluginUse, Any]] = []
    for use in uses(statements):
        plugin = assembly.made[use]
        assert isinstance(plugin, Filter)
        if plugin.event_time or plugin.by_key:
            found.append((use, plugin))
    return found


def holders_in(statements: Iterable[Statement], assembly: Assembly) -> list[tuple[PluginUse, Any]]:
    """Those of them that hold state: of several that share it, one."""
    return [each for each in keyed_in(statements, assembly) if each[1].holder is each[1]]
