"""The plan of a configuration: what is read, worked and written where, so that many machines do
what one would.

The filters are cut into *segments*. The first one runs where the input is read. Each further one
begins with a filter that keeps state by a key: before it events go to the shard of their key, and
it runs there, with what stands behind it. A filter in a branch cuts before the whole branch, whose
conditions are looked at behind the exchange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...dsl.diagnostics import in_order
from ...dsl.program import PluginUse
from ...dsl.reference import FieldRef
from ...dsl.source import Source
from ...plugins.input import Input
from ..compile.instantiate import Assembly, assemble, uses
from .abilities import ABILITIES, Abilities
from .parts import (
    SHARDS,
    KeyedFilter,
    Plan,
    Read,
    Segment,
    Write,
    statements_of,
)
from .ranges import boundary_of
from .refusals import refusals
from .segments import segments_of
from .shipped_files import shipped_files
from .shipping import shipment_of

__all__ = [
    "SHARDS",
    "KeyedFilter",
    "Plan",
    "Read",
    "Segment",
    "Write",
    "plan_of",
    "segments_of",
    "statements_of",
]


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
    files, unshipped = shipped_files(assembly)
    plan = Plan(
        engine,
        shipment_of(sources, settings, files),
        assembly,
        [_read(n, use, assembly, can) for n, use in enumerate(uses(program.inputs))],
        segments_of(assembly),
        [_write(n, use, assembly, can) for n, use in enumerate(uses(program.outputs))],
        [],
    )
    shipping = unshipped if can.exchanges else []  # each process of a group has files of its own
    plan.diagnostics = in_order([*refusals(plan, can), *shipping])
    return plan


def _read(number: int, use: PluginUse, assembly: Assembly, can: Abilities) -> Read:
    plugin = assembly.made[use]
    assert isinstance(plugin, Input)
    return Read(
        number,
        use.name,
        use.id,
        _options(use),
        _codec(use, plugin.default_codec),
        boundary_of(plugin) is not None,
        plugin.bounded,
        can.reads.get(use.name, ""),
        use.span.place,
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
