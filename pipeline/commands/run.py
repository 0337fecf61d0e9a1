"""``penstock run``: run a configuration until its inputs end or a signal comes."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.options import read
from ...dsl.source import Source
from ...dsl.spec import Kind
from ...plugins.input import Input
from ..compile.claims import double_claims
from ..compile.instantiate import Assembly
from ..compile.profile import Profile
from ..compile.sources import text_source
from ..observe.counters import Counts
from ..observe.logging import start_logging
from ..runtime.passthrough import PassthroughPipeline, passes_through
from ..runtime.pipeline import Pipeline
from ..runtime.signals import SignalThread
from ..runtime.supervisor import ManagedPipeline, Reread, Supervisor
from ..runtime.turns import short_turns
from .configuration import (
    PATH,
    Chosen,
    Selected,
    configuration_options,
    refuse,
    show_findings,
)
from .progress import progress_line
from .run_endings import endings_said
from .run_service import ServiceManager
from .run_signals import actions
from .run_watched import Watched
from .settings_flags import SettingsCommand, complete_values_of

if TYPE_CHECKING:
    from ..runtime.worker_parent import WorkerParent

log = logging.getLogger("penstock")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGVTALRM)
"""The last ticks while a guard watches matches: by default it would end the process, should a tick
come after the guard was left, as it can under valgrind.
"""

DEFAULT_INPUT = "input { stdin { type => stdin } }"
DEFAULT_OUTPUT = "output { stdout { codec => rubydebug } }"


@click.command(cls=SettingsCommand)
@configuration_options
@click.argument("files", nargs=-1, type=PATH)
@click.option(
    "-t", "--config.test_and_exit", "test", is_flag=True, help="Check the configuration and exit."
)
@click.option(
    "-w",
    "--pipeline.workers",
    "workers",
    type=int,
    metavar="N",
    help="How many worker processes run the filters.",
)
@click.option(
    "-b",
    "--pipeline.batch.size",
    "batch",
    type=int,
    metavar="N",
    help="The largest number of events in one batch.",
)
@click.option(
    "-r",
    "--config.reload.automatic",
    "reload",
    is_flag=True,
    help="Reload automatically when the configuration changes.",
)
@click.option("--pipeline.id", "pipeline_id", metavar="ID", help="The pipeline's name.")
@click.option(
    "--config.reload.interval",
    "reload_interval",
    metavar="TIME",
    help=("How often to check for changes (default: 3s)."),
)
@click.option(
    "--path.data",
    "path_data",
    type=PATH,
    metavar="DIR",
    help="Where positions and queues are kept.",
)
@click.option(
    "--profile",
    is_flag=True,
    help=("At the end, show the CPU cost of each part of the configuration."),
)
@click.option(
    "--flame",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a flame graph (needs penstock[profile]).",
)
@click.option(
    "--log.level",
    "level",
    shell_complete=complete_values_of("log.level"),
    metavar="LEVEL",
    help="fatal, error, warn, info, debug or trace.",
)
@click.option(
    "--log.format",
    "form",
    shell_complete=complete_values_of("log.format"),
    metavar="FORM",
    help="plain or json.",
)
@click.option(
    "--engine",
    metavar="NAME",
    help="Run it on an engine: local, spark or flink.",
)
@click.option(
    "--engine-option",
    "engine_options",
    multiple=True,
    metavar="K=V",
    help="An option of the engine.",
)
@click.option(
    "--checkpoint",
    type=PATH,
    metavar="DIR",
    help="Where the engine keeps positions and state.",
)
def run(
    chosen: Chosen,
    files: tuple[str, ...],
    **flags: Any,
) -> None:
    """Run a configuration: FILES, directories or globs, or -e TEXT.

    With -e, a missing input is stdin and a missing output is stdout, as in Logstash. Ctrl-C or
    SIGTERM lets what was read be delivered; a second one leaves at once.
    """
    with SignalThread(_SIGNALS) as signals:
        _run_command(chosen, files, flags, signals)


def _run_command(
    chosen: Chosen, files: tuple[str, ...], flags: dict[str, Any], signals: SignalThread
) -> None:
    try:
        named = chosen.also(files, **_keys(flags), **{"penstock.lenient": False})
        if flags["engine"]:
            _run_on_engine(named, flags, signals)
            return
        _needs_engine(flags)
        members = [_member(one) for one in named.pipelines()]
        start_logging(members[0].settings["log.level"], members[0].settings["log.format"])
        found = [finding for member in members for finding in member.inspect()]
        clashes = double_claims(member.assembly for member in members if member.assembly)
    except ConfigError as error:
        refuse(error)
    show_findings(found + clashes)
    if clashes or any(member.assembly is None for member in members):
        raise SystemExit(1)
    if flags["test"] or members[0].settings["config.test_and_exit"]:
        click.echo("Configuration OK", err=True)
        return
    for member in members:
        _complete_enough(member)
    reread = (lambda: [_member(one) for one in named.pipelines()]) if named.is_listed else None
    with _flame_graph(flags["flame"]):
        _run(members, Profile() if flags["profile"] else None, reread, signals)


def _needs_engine(flags: dict[str, Any]) -> None:
    for name, flag in (("engine_options", "--engine-option"), ("checkpoint", "--checkpoint")):
        if flags[name]:
            raise click.UsageError(f"{flag} requires --engine")


def _run_on_engine(named: Chosen, flags: dict[str, Any], signals: SignalThread) -> None:
    from .run_engine import run_on_engine

    pipelines = [_with_default_sections(one) for one in named.pipelines()]
    settings = pipelines[0].settings
    start_logging(settings["log.level"], settings["log.format"])
    given = flags["engine_options"], flags["checkpoint"]
    only_checks = flags["test"] or settings["config.test_and_exit"]
    run_on_engine(flags["engine"], pipelines, *given, signals, only_checks)


def _member(one: Selected) -> ManagedPipeline:
    whole = _with_default_sections(one)
    return ManagedPipeline(whole.id, whole.settings, whole.sources)


def _with_default_sections(one: Selected) -> Selected:
    if not one.is_text:
        return one
    return replace(one, sources=lambda: _with_defaults(one.sources()))


def _complete_enough(member: ManagedPipeline) -> None:
    """A pipeline without an input is a mistake; one without an output perhaps."""
    assert member.assembly is not None
    if not member.assembly.program.inputs:
        click.echo(
            f"error: the pipeline {member.id} has no input: add input {{ stdin {{ }} }}, or run it"
            " with -e",
            err=True,
        )
        raise SystemExit(1)
    if not member.assembly.program.outputs:
        log.warning("the pipeline %s has no output: its events are discarded", member.id)


def _keys(flags: dict[str, Any]) -> dict[str, Any]:
    """The settings that have flags of their own; None where one was not given."""
    return {
        "pipeline.workers": flags["workers"],
        "pipeline.batch.size": flags["batch"],
        "pipeline.id": flags["pipeline_id"],
        "config.reload.automatic": flags["reload"] or None,
        "config.reload.interval": flags["reload_interval"],
        "path.data": flags["path_data"],
        "log.level": flags["level"],
        "log.format": flags["form"],
    }


def _with_defaults(sources: list[Source]) -> list[Source]:
    """What ``-e`` leaves out, as Logstash adds it."""
    from ...dsl.parser import parse

    try:
        kinds = {section.kind for source in sources for section in parse(source).sections}
    except ConfigError:
        return sources
    missing = [
        default
        for kind, default in (("input", DEFAULT_INPUT), ("output", DEFAULT_OUTPUT))
        if kind not in kinds
    ]
    return [*sources, *(text_source(default, "(default)") for default in missing)]


@contextlib.contextmanager
def _flame_graph(path: str | None) -> Iterator[None]:
    """Sample where the time goes, and write it as a page with a flame graph."""
    if path is None:
        yield
        return
    try:
        from pyinstrument import Profiler
    except ModuleNotFoundError:
        raise click.UsageError(
            "--flame needs the package pyinstrument: pip install 'penstock[profile]'"
        ) from None
    with Profiler() as profiler:
        yield
    Path(path).write_text(profiler.output_html(), encoding="utf-8")


def _run(
    members: list[ManagedPipeline],
    profile: Profile | None,
    reread: Reread | None,
    signals: SignalThread,
) -> None:
    lead = members[0]
    assert lead.assembly is not None
    parent = _worker_parent(members, profile)
    assemblies = [member.assembly for member in members if member.assembly is not None]
    line = progress_line(assemblies, _total_bytes(assemblies))
    draw = None if line is None else line.draw
    settings = lead.settings
    is_watched = settings["config.reload.automatic"]
    interval = _seconds(settings["config.reload.interval"]) if is_watched else None

    try:
        watched = Watched(settings)
    except ConfigError as error:
        refuse(error)

    def make(assembly: Assembly) -> Pipeline:
        made = _pipeline(assembly, draw, profile, parent)
        made.tracer = watched.tracer
        return made

    supervisor = Supervisor(members, make, interval, reread)
    try:
        watched.start(supervisor.members)
    except ConfigError as error:
        refuse(error)
    signals.start(actions(supervisor, float(settings["penstock.shutdown_timeout"])))
    manager = ServiceManager(supervisor)
    manager.start()
    try:
        with endings_said(), short_turns():
            supervisor.run()
    finally:
        if line is not None:
            line.end()
        watched.close()
        manager.end()
        if parent is not None:
            parent.close()
    if profile is not None:
        click.echo(profile.report(), err=True)


def _seconds(span: Any) -> float:
    return float(read(Kind("duration"), span))


def _worker_parent(members: list[ManagedPipeline], profile: Profile | None) -> WorkerParent | None:
    """The process that workers are forked from, started before any thread and any client."""
    wanted = max(int(member.settings["pipeline.workers"]) for member in members)
    if wanted < 2 or profile is not None:
        return None
    from ..runtime.worker_parent import WorkerParent

    return WorkerParent()


def _pipeline(
    assembly: Assembly,
    line: Callable[[Counts], None] | None,
    profile: Profile | None,
    parent: WorkerParent | None,
) -> Pipeline:
    made = _unmeasured(assembly, line, profile, parent)
    made.measure()
    return made


def _unmeasured(
    assembly: Assembly,
    line: Callable[[Counts], None] | None,
    profile: Profile | None,
    parent: WorkerParent | None,
) -> Pipeline:
    workers = int(assembly.program.settings["pipeline.workers"])
    if profile is not None:
        return Pipeline(assembly, line, profile)
    if passes_through(assembly):
        return PassthroughPipeline(assembly, line)
    if workers < 2:
        return Pipeline(assembly, line)
    from ..runtime.split_pipeline import SplitPipeline, head_of
    from ..runtime.worker_pool import ParallelPipeline, stateful_filter

    keeper = stateful_filter(assembly)
    if keeper is None:
        return ParallelPipeline(assembly, workers, line, parent)
    if (head := head_of(assembly)) is not None:
        text = "%s: filter %s and those behind it run in the main process, others in workers"
        log.info(text, keeper.context.where, keeper.name)
        return SplitPipeline(assembly, workers, head, line, parent)
    log.warning(
        "%s: filter %s keeps state across events; running with 1 worker",
        keeper.context.where,
        keeper.name,
    )
    return Pipeline(assembly, line)


def _total_bytes(assemblies: Sequence[Assembly]) -> int | None:
    """How much there is to read, where all inputs know it."""
    inputs = [p for one in assemblies for p in one.plugins(one.program.inputs)]
    sizes = [plugin.total_bytes() for plugin in inputs if isinstance(plugin, Input)]
    known = [size for size in sizes if size]
    return sum(known) if len(known) == len(sizes) else None
