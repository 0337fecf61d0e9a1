"""``penstock run``: run a configuration until its inputs end or a signal comes."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.options import read
from ...dsl.settings import settled
from ...dsl.source import Source
from ...dsl.spec import Kind
from ..compile.instantiate import Assembly
from ..compile.profile import Profile
from ..compile.sources import text_source
from ..delivery.sender import Undelivered
from ..observe.counters import table
from ..observe.logging import start_logging
from ..runtime.passthrough import RelayPipeline, can_relay
from ..runtime.pipeline import Counts, Pipeline
from ..runtime.supervisor import Fleet, Member
from .configuration import configuration_options, refuse, settings_pairs, show_findings, sources_of
from .progress import end_progress_line, progress_line

log = logging.getLogger("penstock")

DEFAULT_INPUT = "input { stdin { type => stdin } }"
DEFAULT_OUTPUT = "output { stdout { codec => rubydebug } }"


@click.command()
@configuration_options
@click.argument("files", nargs=-1)
@click.option(
    "-t", "--config.test_and_exit", "test", is_flag=True, help="Check the configuration and exit."
)
@click.option(
    "-w",
    "--pipeline.workers",
    "workers",
    type=int,
    metavar="N",
    help="How many workers filter at once.",
)
@click.option(
    "-b",
    "--pipeline.batch.size",
    "batch",
    type=int,
    metavar="N",
    help="The most events that are worked on at once.",
)
@click.option(
    "-u",
    "--pipeline.batch.delay",
    "delay",
    type=int,
    metavar="MS",
    help="How long to wait for a batch to fill.",
)
@click.option(
    "-r",
    "--config.reload.automatic",
    "reload",
    is_flag=True,
    help="Reload a configuration that changes.",
)
@click.option("--pipeline.id", "pipeline_id", metavar="ID", help="The pipeline's name.")
@click.option(
    "--config.reload.interval", "reload_interval", metavar="TIME", help="How often to look (3s)."
)
@click.option(
    "--path.settings",
    "path_settings",
    envvar="LS_SETTINGS_DIR",
    metavar="DIR",
    help="Where penstock.yml is.",
)
@click.option(
    "--path.data", "path_data", metavar="DIR", help="Where positions and queues are kept."
)
@click.option("--profile", is_flag=True, help="At the end, show what each part cost, by place.")
@click.option(
    "--flame",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a flame graph (needs penstock[profile]).",
)
@click.option(
    "--log.level", "level", metavar="LEVEL", help="fatal, error, warn, info, debug or trace."
)
@click.option("--log.format", "form", metavar="FORM", help="plain or json.")
def run(
    paths: tuple[str, ...],
    text: str | None,
    settings: tuple[str, ...],
    ecs: str | None,
    escape_style: str | None,
    files: tuple[str, ...],
    **flags: Any,
) -> None:
    """Run a configuration: FILES, folders or globs, or -e TEXT.

    With -e, a missing input is stdin and a missing output is stdout, as in Logstash. Ctrl-C or
    SIGTERM lets what was read be delivered; a second one leaves at once.
    """
    try:
        given = _keys(flags, ecs, escape_style)
        members = _members(
            (*paths, *files), text, {**settings_pairs(settings), **given}, flags["path_settings"]
        )
        start_logging(members[0].settings["log.level"], members[0].settings["log.format"])
        found = [finding for member in members for finding in member.inspect()]
    except ConfigError as error:
        refuse(error)
    show_findings(found)
    if any(member.assembly is None for member in members):
        raise SystemExit(1)
    if flags["test"] or members[0].settings["config.test_and_exit"]:
        click.echo("Configuration OK", err=True)
        return
    for member in members:
        _complete_enough(member)
    with _flame_graph(flags["flame"]):
        _run(members, Profile() if flags["profile"] else None)


def _members(
    paths: tuple[str, ...], text: str | None, given: dict[str, Any], folder: str | None
) -> list[Member]:
    """The pipelines that the command line names, or, where it names none, those of
    ``pipelines.yml``.
    """
    from .settings_files import pipelines_file, settings_file

    shared = settings_file(folder) if folder else {}
    if text is not None:
        sources_of(paths, text)
        settings = settled({**shared, **given})
        return [
            Member(
                settings["pipeline.id"],
                settings,
                lambda: _with_defaults([text_source(text, "(-e)")]),
            )
        ]
    if paths or not folder:
        sources_of(paths, text)
        settings = settled({**shared, **given})
        return [Member(settings["pipeline.id"], settings, lambda: sources_of(paths, None))]
    found = pipelines_file(folder)
    if not found and "path.config" not in shared:
        raise click.UsageError(
            f"no configuration: give -f FILE, -e TEXT, or put pipelines.yml into `{folder}`"
        )
    return [_member({**shared, **one, **given}) for one in found or [{}]]


def _member(given: dict[str, Any]) -> Member:
    settings = settled(given)
    if settings["config.string"]:
        return Member(
            settings["pipeline.id"],
            settings,
            lambda: [text_source(settings["config.string"], settings["pipeline.id"])],
        )
    return Member(
        settings["pipeline.id"], settings, lambda: sources_of([settings["path.config"]], None)
    )


def _complete_enough(member: Member) -> None:
    """A pipeline without an input is a mistake; one without an output perhaps."""
    assert member.assembly is not None
    if not member.assembly.program.inputs:
        raise click.UsageError(
            "the configuration has no input: add input { stdin { } }, or run it with -e"
        )
    if not member.assembly.program.outputs:
        log.warning("the pipeline %s has no output: its events go nowhere", member.id)


def _keys(flags: dict[str, Any], ecs: str | None, escape_style: str | None) -> dict[str, Any]:
    keys = {
        "pipeline.ecs_compatibility": ecs,
        "config.field_reference.escape_style": escape_style,
        "pipeline.workers": flags["workers"],
        "pipeline.batch.size": flags["batch"],
        "pipeline.batch.delay": flags["delay"],
        "pipeline.id": flags["pipeline_id"],
        "config.reload.automatic": flags["reload"] or None,
        "config.reload.interval": flags["reload_interval"],
        "path.data": flags["path_data"],
        "log.level": flags["level"],
        "log.format": flags["form"],
    }
    return {key: value for key, value in keys.items() if value is not None}


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


def _run(members: list[Member], profile: Profile | None) -> None:
    lead = members[0]
    assert lead.assembly is not None
    line = progress_line(_total_bytes(lead.assembly)) if len(members) == 1 else None
    interval = (
        _seconds(lead.settings["config.reload.interval"])
        if lead.settings["config.reload.automatic"]
        else None
    )
    fleet = Fleet(members, lambda assembly: _pipeline(assembly, line, profile), interval)
    _listen_to_signals(fleet, float(lead.settings["penstock.shutdown_timeout"]))
    try:
        fleet.run()
    except BrokenPipeError:
        _leave_quietly()
    except Undelivered as error:
        click.echo(f"stopped with events that were not delivered: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        click.echo(f"stopped: {error}", err=True)
        raise SystemExit(1) from None
    finally:
        end_progress_line(line)
    if profile is not None:
        click.echo(profile.report(), err=True)


def _seconds(span: Any) -> float:
    return float(read(Kind("duration"), span))


def _pipeline(
    assembly: Assembly, line: Callable[[Counts], None] | None, profile: Profile | None
) -> Pipeline:
    workers = int(assembly.program.settings["pipeline.workers"])
    if profile is not None:
        return Pipeline(assembly, line, profile)
    if can_relay(assembly):
        return RelayPipeline(assembly, line)
    if workers < 2:
        return Pipeline(assembly, line)
    from ..runtime.worker_pool import ParallelPipeline, alone

    keeper = alone(assembly)
    if keeper is None:
        return ParallelPipeline(assembly, workers, line)
    log.warning(
        "%s: the filter %s holds what it saw of other events: one worker does it all",
        keeper.context.where,
        keeper.name,
    )
    return Pipeline(assembly, line)


def _listen_to_signals(fleet: Fleet, timeout: float) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        for again in (signal.SIGINT, signal.SIGTERM):
            signal.signal(again, _leave_at_once)
        fleet.stop()
        limit = threading.Timer(timeout, _leave_undrained, (timeout, number))
        limit.daemon = True
        limit.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda number, frame: fleet.reload())
    _show_figures_on_signal(fleet)


def _show_figures_on_signal(fleet: Fleet) -> None:
    """On SIGUSR1 log the figures of all outputs; in a thread, since the signal may come while the
    log is written.
    """
    process = os.getpid()

    def show(number: int, frame: FrameType | None) -> None:
        if os.getpid() == process:  # workers have this handler too
            threading.Thread(target=_log_figures, args=(fleet,), daemon=True).start()

    signal.signal(signal.SIGUSR1, show)


def _log_figures(fleet: Fleet) -> None:
    for member in fleet.members:
        if member.pipeline is not None:
            log.info(
                "the outputs of the pipeline %s:\n%s",
                member.id,
                "\n".join(table(member.pipeline.figures())),
            )


def _leave_undrained(timeout: float, number: int) -> NoReturn:
    log.error(
        "what was read could not be delivered within %.0f s (penstock.shutdown_timeout): left"
        " undelivered",
        timeout,
    )
    os._exit(128 + number)


def _leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def _leave_quietly() -> None:
    """The reader of stdout has gone: nothing more can be said there, and Python must not try when
    it ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _total_bytes(assembly: Assembly) -> int | None:
    """How much there is to read, where that is known."""
    inputs = assembly.plugins(assembly.program.inputs)
    if [plugin.name for plugin in inputs] == ["stdin"]:
        found = os.fstat(sys.stdin.fileno())
        return found.st_size if stat.S_ISREG(found.st_mode) else None
    sizes: list[int | None] = [getattr(plugin, "total_bytes", lambda: None)() for plugin in inputs]
    known = [size for size in sizes if size]
    return sum(known) if len(known) == len(sizes) else None
