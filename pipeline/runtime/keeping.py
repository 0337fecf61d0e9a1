"""Whether, and where, a pipeline keeps what its filters of event time hold.

State is durable where an input can give its events again, or the disk queue stands before the
filters: then positions and state are committed together, and events are acknowledged after that.
Elsewhere state is in memory, and an ordered stop emits it as parts.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ...dsl.source import Source
from ...plugins.data_paths import STATE_FILE, state_directory
from ...plugins.epoch import Participant
from ...plugins.errors import Misconfigured
from ...plugins.event_time import KeepsState
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from ...plugins.records.lock import InUse
from ..compile.instantiate import Assembly, assemble
from .partitions import filters_kept_by_key, filters_of_event_time

if TYPE_CHECKING:
    from ..state.filter_states import FilterStates, Rebuild, States, Text
    from ..state.partition_states import PartitionStates
    from ..storage.state_store import Held

log = logging.getLogger("penstock")


def participant_of(
    assembly: Assembly, inputs: Sequence[Input]
) -> tuple[States | None, Participant | None]:
    """Who commits for many batches at once: what keeps the state of filters, or a plugin."""
    plugins = assembly.made.values()
    owners = list({id(p.participant): p for p in plugins if p.participant is not None}.values())
    states: FilterStates | PartitionStates | None = partition_states_of(assembly, owners)
    if states is None:
        states = states_of(assembly, inputs, owners)
    if states is None and not owners:
        return None, None
    from ..state.input_names import NamedInputs

    return states, NamedInputs(_only(owners) if states is None else states, inputs)


def partition_states_of(assembly: Assembly, owners: list[Plugin]) -> PartitionStates | None:
    """What keeps the state of a pipeline's filters with the partitions of its input; None where
    none holds any, or where no plugin has a changelog.
    """
    kept = [each for each in filters_of_event_time(assembly) if each.id is not None]
    kept += filters_kept_by_key(assembly)
    if not kept or str(assembly.program.settings["penstock.state"]) == "memory":
        return None
    for each in owners:
        if each.changelog is not None:
            from ..state.partition_states import PartitionStates

            text, rebuild = _ways_back(assembly)
            pause = each.context.stopping.wait
            return PartitionStates(kept, _only(owners), each.changelog, text, rebuild, pause)
    return None


def _only(owners: list[Plugin]) -> Participant:
    """The participant of a pipeline: there is one, since two commits are not one step."""
    first, *others = owners
    if others:
        other = others[0]
        raise OSError(
            f"{first.context.where}: {first.name} and {other.name} ({other.context.where}) each"
            " commit by themselves, and cannot be in one pipeline"
        )
    assert first.participant is not None
    return first.participant


def watch_partitions(assembly: Assembly, inputs: Sequence[Input]) -> None:
    """Have topics whose events are joined refused where they do not have as many partitions each:
    a member of the group would have one side of a key alone. Where state is kept with partitions,
    that holds for all topics. Where it is not, an input must be alone with its source.
    """
    plugins = assembly.plugins(assembly.program.filters)
    is_kept = bool(filters_of_event_time(assembly))
    for each in inputs:
        each.alone = is_kept and not _is_transactional(each, assembly)
    is_kept = is_kept or bool(filters_kept_by_key(assembly))
    is_sharded = is_kept and any(_is_transactional(each, assembly) for each in inputs)
    joins = any(isinstance(plugin, Filter) and plugin.joins for plugin in plugins)
    if not joins and not is_sharded:
        return
    counts: dict[str, int] = {}

    def connected(source: Input) -> None:
        counts.update(source.partition_counts())
        if len(set(counts.values())) > 1:
            raise _unequal(source, counts)

    for each in inputs:
        if each.grouped:
            each.context.connected = partial(connected, each)


def _is_transactional(source: Input, assembly: Assembly) -> bool:
    """Whether state is kept with the input's partitions, unless settings say otherwise."""
    is_memory = str(assembly.program.settings["penstock.state"]) == "memory"
    return source.transactional is not None and not is_memory


def _unequal(source: Input, counts: Mapping[str, int]) -> Misconfigured:
    names, count = sorted(counts), counts.__getitem__
    most, least = max(names, key=count), min(names, key=count)
    reason = (
        f"{most} has {counts[most]} partitions and {least} {counts[least]}: they cannot be joined"
    )
    option = "topics" if "topics" in source.spec.options else "id"
    return Misconfigured(option, reason, "repartition one by the join's key", "E245")


def can_replay(inputs: Sequence[Input], settings: Mapping[str, Any]) -> bool:
    """Whether all that is not acknowledged comes again after a kill."""
    return settings["queue.type"] == "persisted" or all(each.replays for each in inputs)


def states_of(
    assembly: Assembly, inputs: Sequence[Input], owners: Sequence[Plugin]
) -> FilterStates | None:
    """What keeps the state of a pipeline's filters; None where it is in memory alone.

    ``owners``: plugins that commit by themselves. Raises OSError where state is to be durable and
    cannot be. State that an earlier run left is taken up to let it go on, unless another process
    works with it at this moment.
    """
    settings = assembly.program.settings
    filters = filters_of_event_time(assembly)
    kept = [each for each in filters if each.id is not None]
    wanted = str(settings["penstock.state"])
    reason = _why_not(kept, inputs, settings, owners)
    if wanted == "durable" and kept and reason:
        raise OSError(f"penstock.state is `durable`, but {reason}")
    if wanted == "memory" or reason:
        kept = []
    directory = state_directory(settings)
    if not kept and (owners or not (directory / STATE_FILE).exists()):
        return None
    from ..state.filter_states import FilterStates
    from ..storage.state_store import StateStore

    try:
        store = StateStore(directory)
    except InUse:
        if kept:
            raise
        return None
    if store.was_damaged:
        for each in kept:
            each.begins_partial = True
    return FilterStates(kept, store, *_ways_back(assembly))


def _ways_back(assembly: Assembly) -> tuple[Text, Rebuild]:
    """The text of a filter, and a filter made of what is known of it."""
    uses = {id(plugin): use for use, plugin in assembly.made.items()}

    def text(plugin: KeepsState) -> str:
        return uses[id(plugin)].span.text

    def rebuild(held: Held) -> KeepsState:
        source = Source(f"(state of {held.id})", f"filter {{ {held.text} }}")
        made = assemble([source], assembly.program.settings)
        (plugin,) = cast(list[Any], made.plugins(made.program.filters))
        if not plugin.by_key:
            return cast(KeepsState, plugin)
        plugin.divide()
        return cast(KeepsState, plugin.open_shard(""))

    return text, rebuild


def _why_not(
    kept: Sequence[KeepsState],
    inputs: Sequence[Input],
    settings: Mapping[str, Any],
    owners: Sequence[Plugin],
) -> str:
    """Why state cannot be durable; empty where it can."""
    if owners:
        return f"`{owners[0].name}` commits by itself, and two commits are not one step"
    if not kept:
        return ""
    if not can_replay(inputs, settings):
        source = next(each for each in inputs if not each.replays)
        return f"`{source.name}` gives nothing twice: set queue.type to persisted"
    return ""


def say_ending(
    assembly: Assembly, is_end: bool, states: States | None, successor: Assembly | None
) -> None:
    """Tell filters of event time what becomes of what they hold when a run ends: ``is_end``, the
    inputs have ended by themselves; ``successor`` goes on after a reload.
    """
    follow = {} if successor is None else _by_id(successor)
    for each in [*filters_of_event_time(assembly), *filters_kept_by_key(assembly)]:
        if is_end:
            each.ending = "end"
        elif states is not None and states.keeps(each):
            each.ending = "keep"
        else:
            after = follow.get(each.id or "")
            goes_on = after is not None and same_meaning(each, after)
            each.ending = "keep" if goes_on else "stop"


def hand_over(old: Assembly, new: Assembly) -> None:
    """Give filters what those held that they follow at a reload, where that means the same."""
    before = _by_id(old)
    for name, after in _by_id(new).items():
        held = before.get(name)
        if held is None or held is after or held.ending != "keep":
            continue
        if same_meaning(held, after):
            held.forget_changes()
            after.restore(held.snapshot())


def same_meaning(one: KeepsState, other: KeepsState) -> bool:
    """Whether the state of a filter means the same for another one."""
    return one.name == other.name and one.meaning() == other.meaning()


def _by_id(assembly: Assembly) -> dict[str, KeepsState]:
    return {each.id: each for each in filters_of_event_time(assembly) if each.id is not None}
