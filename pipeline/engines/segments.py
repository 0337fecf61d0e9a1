"""The filters of a program in segments: cut before each filter that keeps state by a key.

Filters that share their state (``aggregate`` with one ``task_id``) are in one segment, with all
that stands between them: an event that has gone on from one of them to another place would be
missing at the next.
"""

from __future__ import annotations

from typing import Any

from ...dsl.program import PluginUse
from ...plugins.filter import Filter
from ..compile.instantiate import Assembly
from .parts import KeyedFilter, Segment, keyed_in


def segments_of(assembly: Assembly) -> list[Segment]:
    """The segments of a program; a filter with state that cannot be divided is in none's
    ``keyed``.
    """
    filters = assembly.program.filters
    cuts = _cuts(assembly)
    starts = [0, *cuts]
    ends = [*cuts, len(filters)]
    found = [Segment(0, 0, ends[0] - 1)]
    for number, (start, end) in enumerate(zip(starts[1:], ends[1:], strict=True), 1):
        inside = keyed_in(filters[start:end], assembly)
        keyed = tuple(_keyed_filter(use, plugin, use is filters[start]) for use, plugin in inside)
        found.append(Segment(number, start, end - 1, keyed))
    return found


def _cuts(assembly: Assembly) -> list[int]:
    """The statements that begin a segment behind an exchange."""
    keyed = [bool(keyed_in([each], assembly)) for each in assembly.program.filters]
    joined = {at for first, last in _groups(assembly) for at in range(first + 1, last + 1)}
    return [at for at, is_keyed in enumerate(keyed) if is_keyed and at not in joined]


def _groups(assembly: Assembly) -> list[tuple[int, int]]:
    """The first and the last statement with filters that share their state, group by group."""
    found: dict[str, tuple[int, int]] = {}
    for at, statement in enumerate(assembly.program.filters):
        for plugin in assembly.plugins([statement]):
            if isinstance(plugin, Filter) and plugin.group and plugin.by_key:
                first, _ = found.get(plugin.group, (at, at))
                found[plugin.group] = first, at
    return list(found.values())


def _keyed_filter(use: PluginUse, plugin: Any, is_alone: bool) -> KeyedFilter:
    return KeyedFilter(
        use.name,
        use.id,
        tuple(plugin.key_texts()),
        plugin.lateness_millis,
        plugin.meaning(),
        plugin.combines and is_alone,
        use.span.place,
    )
