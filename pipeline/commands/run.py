"""``penstock run``: run a configuration until its inputs end or a signal comes."""
from __future__ import annotations

import contextlib
import logging
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.source import Source
from ..assembly import Assembly, inspect, uses
from ..delivery import Undelivered
from ..logs import start_logging
from ..profile import Profile
from ..progress import end_progress_line, progress_line
from ..run import Counts, Pipeline
from ..sources import text_source
from .configuration import configuration_options, refuse, settings_of, show_findings, sources_of

log = logging.getLogger("penstock")

DEFAULT_INPUT = "input { stdin { type => stdin } }"
DEFAULT_OUTPUT = "output { stdout { codec => rubydebug } }"


@click.command()
@configuration_options
@click.option("-t", "--config.test_and_exit", "test", is_flag=True, help="Check the configuration and exit.")
@click.option("-w", "--pipeline.workers", "workers", type=int, metavar="N", help="How many workers filter at once.")
@click.option("-b", "--pipeline.batch.size", "batch", type=int, metavar="N", help="The most events that are worked on at once.")
@click.option("-u", "--pipeline.batch.delay", "delay", type=int, metavar="MS", help="How long to wait for a batch to fill.")
@click.option("-r", "--config.reload.automatic", "reload", is_flag=True, help="Reload (comes later).")
@click.option("--pipeline.id", "pipeline_id", metavar="ID", help="The pipeline's name.")
@click.option("--path.data", "path_data", metavar="DIR", help="Where positions and queues are kept.")
@click.option("--profile", is_flag=True, help="At the end, show what each filter and output cost.")
@click.option("--flame", type=click.Path(dir_okay=False), metavar="FILE", help="Write a flame graph (needs penstock[profile]).")
@click.option("--log.level", "level", metavar="LEVEL", help="fatal, error, warn, info, debug or trace.")
@click.option("--log.format", "form", metavar="FORM", help="plain or json.")
def run(
    paths: tuple[str, ...], text: str | None, settings: tuple[str, ...], ecs: str | None, escape_style: str | None, **flags: Any
) -> None:
    """Run a configuration: -f FILE, or -e TEXT.

    With -e, a missing input is stdin and a missing output is stdout, as in Logstash. Ctrl-C or SIGTERM lets what was
    read be delivered; a second one leaves at once.
    """
    if flags["reload"]:
        raise click.UsageError("-r comes later: for now stop the pipeline and start it again")
    try:
        settled = settings_of(settings, **_keys(flags, ecs, escape_style))
        start_logging(settled["log.level"], settled["log.format"])
        sources = _with_defaults(sources_of(paths, text), text)
    except ConfigError as error:
        refuse(error)
    assembly, found = inspect(sources, settled)
    show_findings(found)
    if assembly is None:
        raise SystemExit(1)
    if flags["test"] or settled["config.test_and_exit"]:
        click.echo("Configuration OK", err=True)
        return
    if not assembly.program.inputs:
        raise click.UsageError("the configuration has no input: add input { stdin { } }, or run it with -e")
    with _flame_graph(flags["flame"]):
        _run(assembly, Profile() if flags["profile"] else None)


def _keys(flags: dict[str, Any], ecs: str | None, escape_style: str | None) -> dict[str, Any]:
    return {
        "pipeline.ecs_compatibility": ecs,
        "config.field_reference.escape_style": escape_style,
        "pipeline.workers": flags["workers"],
        "pipeline.batch.size": flags["batch"],
        "pipeline.batch.delay": flags["delay"],
        "pipeline.id": flags["pipeline_id"],
        "path.data": flags["path_data"],
        "log.level": flags["level"],
        "log.format": flags["form"],
    }


def _with_defaults(sources: list[Source], text: str | None) -> list[Source]:
    """What ``-e`` leaves out, as Logstash adds it."""
    if text is None:
        return sources
    from ...dsl.parser import parse

    try:
        kinds = {section.kind for source in sources for section in parse(source).sections}
    except ConfigError:
        return sources
    missing = [default for kind, default in (("input", DEFAULT_INPUT), ("output", DEFAULT_OUTPUT)) if kind not in kinds]
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
        raise click.UsageError("--flame needs the package pyinstrument: pip install 'penstock[profile]'") from None
    with Profiler() as profiler:
        yield
    Path(path).write_text(profiler.output_html(), encoding="utf-8")


def _run(assembly: Assembly, profile: Profile | None) -> None:
    line = progress_line(_stdin_size(assembly))
    pipeline = _pipeline(assembly, line, profile)
    _stop_on_signals(pipeline)
    try:
        pipeline.run()
    except BrokenPipeError:
        _leave_quietly()
    except Undelivered as error:
        click.echo(f"stopped with events that were not delivered: {error}", err=True)
        raise SystemExit(1) from None
    finally:
        end_progress_line(line)
    if profile is not None:
        click.echo(profile.report(), err=True)


def _pipeline(assembly: Assembly, line: Callable[[Counts], None] | None, profile: Profile | None) -> Pipeline:
    workers = int(assembly.program.settings["pipeline.workers"])
    if workers < 2 or profile is not None:
        return Pipeline(assembly, line, profile)
    from ..workers import ParallelPipeline, alone

    keeper = alone(assembly)
    if keeper is None:
        return ParallelPipeline(assembly, workers, line)
    log.warning("%s: the filter %s holds what it saw of other events: one worker does it all", keeper.context.where, keeper.name)
    return Pipeline(assembly, line)


def _stop_on_signals(pipeline: Pipeline) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        pipeline.stop()
        for again in (signal.SIGINT, signal.SIGTERM):
            signal.signal(again, _leave_at_once)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _leave_at_once(number: int, frame: FrameType | None) -> NoReturn:
    os._exit(128 + number)


def _leave_quietly() -> None:
    """The reader of stdout has gone: nothing more can be said there, and Python must not try when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stdin_size(assembly: Assembly) -> int | None:
    names = [use.name for use in uses(assembly.program.inputs)]
    if names != ["stdin"]:
        return None
    found = os.fstat(sys.stdin.fileno())
    return found.st_size if stat.S_ISREG(found.st_mode) else None
