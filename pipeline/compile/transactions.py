"""What a pipeline that is exactly once may have: one input and one output that share a transaction,
and nothing beside them that would keep events elsewhere; filters whose state can go along with the
partitions that their events come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse, Program
from ...plugins.context import OptionProblem
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from .decorations import diagnosed


def transaction_problems(program: Program, made: dict[PluginUse, Plugin]) -> list[Diagnostic]:
    """What stands in the way of the plugins that take part in a transaction."""
    asking = {use: plugin for use, plugin in made.items() if plugin.transactional is not None}
    found: list[Diagnostic] = []
    for use, plugin in asking.items():
        option = str(plugin.transactional)
        for message, help in _obstacles(program, use, made, asking):
            found.append(diagnosed(OptionProblem(option, f"`{option}` {message}", help), use))
    is_kept = str(program.settings.get("penstock.state", "auto")) != "memory"
    filters = {use: plugin for use, plugin in made.items() if isinstance(plugin, Filter)}
    if is_kept and any(map(_goes_along, filters.values())):
        found += _scattered(asking)
    if asking:
        found += [each for item in filters.items() for each in _left_behind(*item, is_kept)]
    return found


def _scattered(asking: dict[PluginUse, Plugin]) -> Iterator[Diagnostic]:
    """Partitions that must go to one process together, and may not."""
    for use, plugin in asking.items():
        if isinstance(plugin, Input) and plugin.scattered is not None:
            message = "partitions with one number, of several topics, may go to two processes"
            help = 'filters keep state with them: set partition_assignment_strategy => "range"'
            yield diagnosed(OptionProblem(plugin.scattered, message, help, (), "E247"), use)


def _goes_along(plugin: Filter) -> bool:
    """Whether its state is kept with the partitions."""
    held: Any = plugin
    return plugin.event_time or (plugin.by_key and held.holder.keeps_elsewhere)


def _left_behind(use: PluginUse, plugin: Filter, is_kept: bool) -> Iterator[Diagnostic]:
    """State that does not go along when a partition goes to another process."""
    if plugin.event_time and plugin.id is None and is_kept:
        message = f"`{use.name}` has no `id`, by which its state is kept with the partitions"
        help = 'give it one, such as id => "orders", or set `penstock.state: memory`'
        yield diagnosed(OptionProblem("id", message, help, (), "E247"), use)
    if not is_kept or not _goes_along(plugin):
        if plugin.event_time or not (plugin.shares or plugin.keyed_by):
            return
        message = f"`{use.name}` holds what it knows in this process: another one begins without it"
        help = "use a filter of event time, such as `window`, or one process with all partitions"
        if plugin.by_key and is_kept:
            help = 'give it an id, such as id => "orders", by which it is kept with the partitions'
        yield Diagnostic("W325", message, use.name_span, help)


def _obstacles(
    program: Program,
    use: PluginUse,
    made: dict[PluginUse, Plugin],
    asking: dict[PluginUse, Plugin],
) -> list[tuple[str, str]]:
    section = use.spec.section
    other = "output" if section == "input" else "input"
    found = []
    if not any(each.spec.section == other for each in asking):
        message = f"requires an {other} `{use.name}` with the same option"
        found.append((message, f"add {made[use].transactional} => true to both"))
    beside = [each for each in made if each.spec.section == section and each is not use]
    if beside:
        message = f"cannot hold beside another {section}, `{beside[0].name}`"
        help = f"give it a pipeline of its own; the other one is at {beside[0].span.place}"
        found.append((message, help))
    if section == "input" and program.settings.get("queue.type") == "persisted":
        message = "cannot hold with a disk queue, which acknowledges what was not written yet"
        found.append((message, "set queue.type to memory for this pipeline"))
    return found
