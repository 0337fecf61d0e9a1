"""The filters of a program in segments: cut before each filter that keeps state by a key."""

from __future__ import annotations

from typing import Any

from ...dsl.program import PluginUse, Statement
from ..compile.instantiate import Assembly
from .parts import KeyedFilter, Segment, keyed_in


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
        keyed = tuple(
            _keyed_filter(filters[start], use, p) for use, p in keyed_in(filters[start], assembly)
        )
        found.append(Segment(number, start, end - 1, keyed))
    return found


def _keyed_filter(statement: Statement, use: PluginUse, plugin: Any) -> KeyedFilter:
    return KeyedFilter(
        use.name,
        use.id,
        tuple(plugin.key_texts()),
        plugin.lateness_millis,
        plugin.meaning(),
        plugin.combines and statement is use,
        use.span.place,
    )
