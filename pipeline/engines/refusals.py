"""What an engine must refuse of a plan, and what it is warned of: each finding at its place in the
configuration, with what to do instead.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.output import Output
from ..compile.instantiate import uses
from .abilities import AT_LEAST_ONCE, Abilities
from .parts import Plan, Read, Segment, Write, keyed_in, statements_of

_KAFKA_BETWEEN = (
    "put Kafka between: one pipeline with this input writes a topic with `output { kafka { … } }`,"
    " another reads it with `input { kafka { … } }` and"
)


def refusals(plan: Plan, can: Abilities) -> Iterator[Diagnostic]:
    """All findings of a plan."""
    program = plan.assembly.program
    for read, use in zip(plan.reads, uses(program.inputs), strict=True):
        yield from _of_input(plan, read, use, can)
    for statement in program.filters:
        for use in uses([statement]):
            yield from _of_filter(plan, use, can)
    for segment in plan.keyed:
        yield from _of_keys(plan, segment)
    for write, use in zip(plan.writes, uses(program.outputs), strict=True):
        yield from _of_output(plan, write, use)


def _of_input(plan: Plan, read: Read, use: PluginUse, can: Abilities) -> Iterator[Diagnostic]:
    if not read.how:
        *others, last = (f"`{name}`" for name in can.reads)
        some = f"{', '.join(others)} and {last}" if others else last
        message = f"{plan.engine} cannot read the input `{read.kind}`: only {some} can be"
        message += " read there" if can.exchanges else " shared out among processes"
        yield Diagnostic("E260", message, use.name_span, _instead_of(read, can))
        return
    yield from _of_course(plan, read, use, can)
    plugin = plan.assembly.made[use]
    assert isinstance(plugin, Input)
    codec = plugin.new_codec()
    if codec.remembers and not plugin.streams and read.how != "input":
        message = (
            f"the codec `{read.codec}` needs what came before a message, which may come elsewhere"
            f" on {plan.engine}"
        )
        place = use.settings["codec"].span_of() if "codec" in use.settings else use.name_span
        help = "decode them before they are sent, or run this pipeline with `penstock run` alone"
        yield Diagnostic("E261", message, place, help)


def _instead_of(read: Read, can: Abilities) -> str:
    """What to do where an input cannot be read."""
    if "kafka" not in can.reads:
        return 'write the events to files, and read them with file { mode => "read" … }'
    where = "runs on the engine" if can.exchanges else "runs as a group"
    help = f"{_KAFKA_BETWEEN} {where}"
    if read.kind == "stdin" and "file" in can.reads:
        return f'read files with file {{ mode => "read" … }}, or {help}'
    return help


def _of_course(plan: Plan, read: Read, use: PluginUse, can: Abilities) -> Iterator[Diagnostic]:
    """Whether an input ends, or goes on, as the engine can take it."""
    if read.how == "ranges" and read.options.get("mode", "tail") == "tail" and not can.tails:
        place = use.settings["mode"].span_of() if "mode" in use.settings else use.name_span
        message = f"{plan.engine} cannot follow files that grow"
        help = 'add mode => "read" exit_after_read => true, or put Kafka between'
        yield Diagnostic("E260", message, place, help)
    elif not read.bounded and not can.unbounded:
        message = f"{plan.engine} runs inputs that end, and this `{read.kind}` does not"
        help = "add exit_after_read => true, or count => …"
        yield Diagnostic("E260", message, use.name_span, help)
    elif read.how == "ranges" and _deletes(read):
        message = f"{plan.engine} does not delete files that were read"
        help = 'write file_completed_action => "log" and file_completed_log_path'
        yield Diagnostic("E260", message, use.settings["mode"].span_of(), help)


def _deletes(read: Read) -> bool:
    options = read.options
    is_read = options.get("mode") == "read"
    return is_read and "delete" in options.get("file_completed_action", "delete")


def _of_filter(plan: Plan, use: PluginUse, can: Abilities) -> Iterator[Diagnostic]:
    plugin = plan.assembly.made[use]
    assert isinstance(plugin, Filter)
    if plugin.undivided is not None:
        option, message, help = plugin.undivided
        place = use.settings[option].span_of() if option in use.settings else use.name_span
        yield Diagnostic("E262", message, place, help)
    elif (plugin.stateful or plugin.flushes) and not (plugin.event_time or plugin.by_key):
        message = f"the state of `{use.name}` cannot be divided by keys on {plan.engine}"
        help = "use `window`, `join`, `dedupe`, `correlate` or `trend`, or `penstock run` alone"
        yield Diagnostic("E262", message, use.name_span, help)
    if plan.engine != "kafka":
        yield from _of_time(plan, use, plugin)


def _of_time(plan: Plan, use: PluginUse, plugin: Filter) -> Iterator[Diagnostic]:
    """What goes by the clock, and cannot on an engine."""
    if plugin.event_time and "idle" in use.settings:
        message = f"`idle` has no effect on {plan.engine}: time goes on by events alone there"
        place = use.settings["idle"].span_of()
        yield Diagnostic("W332", message, place, "remove it, or let a source send heartbeats")
    elif plugin.by_key and plugin.reckons_by_clock:
        option = plugin.reckons_by_clock
        place = use.settings[option].span_of() if option in use.settings else use.name_span
        message = f"`{use.name}`: `{option}` goes by the time of events on {plan.engine}"
        help = "expect time-outs when later events come, not when the clock has gone on"
        yield Diagnostic("W332", message, place, help)


def _of_keys(plan: Plan, segment: Segment) -> Iterator[Diagnostic]:
    """Whether the filters of a segment that keep state have the same key."""
    statements = statements_of(plan.assembly.program, segment)
    (lead, first), *others = keyed_in(statements, plan.assembly)
    wanted = first.key_texts()
    for use, plugin in others:
        given = plugin.key_texts()
        if given == wanted:
            continue
        if any({use, lead} <= set(uses([each])) for each in statements):
            message = (
                f"`{use.name}` has another key ({_listed(given)}) than the filter before it in this"
                f" branch ({_listed(wanted)})"
            )
            help = "put each into a branch of its own, one behind the other"
        else:
            message = (
                f"`{use.name}` has another key ({_listed(given)}) than the filters that it stands"
                f" between, which share their tasks ({_listed(wanted)})"
            )
            help = "put it before the first of them, or behind the last"
        yield Diagnostic("E263", message, use.name_span, help)


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"


def _of_output(plan: Plan, write: Write, use: PluginUse) -> Iterator[Diagnostic]:
    plugin = plan.assembly.made[use]
    assert isinstance(plugin, Output)
    option = plugin.identified_by
    if option and option not in use.settings and write.guarantee == AT_LEAST_ONCE:
        message = f"`{use.name}` has no `{option}`: events that {plan.engine} repeats come twice"
        help = f'{option} => "%{{[event][id]}}", or another field that is the same each time'
        yield Diagnostic("W330", message, use.name_span, help)
    if str(plan.shipment.settings.get("pipeline.ordered")) == "true" and len(plan.writes) == 1:
        message = f"order is kept within a partition of the input only on {plan.engine}"
        yield Diagnostic("W331", message, use.name_span, "sort by a field where it is read")
