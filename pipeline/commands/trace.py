"""``penstock trace``: events on their way through a pipeline, step by step."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.values import copy
from ..testing.harness import Rig
from ..testing.suite import Given, Mock, Setup
from ..testing.trace import Trace
from ..testing.trace_report import Tale, as_data
from ..testing.trace_report import text as as_text
from .configuration import (
    colored,
    configuration_options,
    refuse,
    settings_of,
    show_findings,
    sources_of,
)


@click.command()
@configuration_options
@click.argument("files", nargs=-1, metavar="[FILE]…")
@click.option(
    "-i",
    "--input",
    "lines",
    multiple=True,
    metavar="LINE",
    help="A line to trace; lines of stdin, unless given.",
)
@click.option(
    "--event", "events", multiple=True, metavar="JSON", help="An event to trace, as a JSON object."
)
@click.option(
    "--codec", default="", metavar="CODEC", help="The codec that reads lines, with its options."
)
@click.option(
    "--from",
    "through",
    default="",
    metavar="ID",
    help="The input through whose codec, type and tags lines come.",
)
@click.option(
    "--mock",
    "mocks",
    multiple=True,
    metavar="FILE",
    help="Mocks for filters: a list of id and mock.",
)
@click.option("--json", "as_json", is_flag=True, help="The steps as JSON.")
def trace(
    paths: tuple[str, ...],
    text: str | None,
    settings: tuple[str, ...],
    ecs: str | None,
    escape_style: str | None,
    files: tuple[str, ...],
    lines: tuple[str, ...],
    events: tuple[str, ...],
    codec: str,
    through: str,
    mocks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show each step that events take through a pipeline, with the branches taken and what changed.

    Filters run as they would; outputs are not opened: which of them an event would go to is shown
    at its end.
    """
    try:
        settled = settings_of(
            settings,
            **{
                "pipeline.ecs_compatibility": ecs,
                "config.field_reference.escape_style": escape_style,
            },
        )
        stand_ins = _mocks(mocks)
        setup = Setup((), "", settled, {}, stand_ins, frozenset(stand_ins))
        rig = Rig(setup, sources_of((*paths, *files), text))
        show_findings(rig.assembly.warnings)
        tale = _told(
            rig, Given((*_lines(lines, events), *map(_event, events)), through=through, codec=codec)
        )
    except ConfigError as error:
        refuse(error)
    click.echo(json.dumps(as_data(tale), indent=1, ensure_ascii=False) if as_json else _text(tale))


def _text(tale: Tale) -> str:
    return as_text(tale, colored(sys.stdout))


def _mocks(paths: tuple[str, ...]) -> dict[str, Mock]:
    from ..testing.verifier import mocks_of

    found: dict[str, Mock] = {}
    for path in paths:
        found |= mocks_of(Path(path))
    return found


def _lines(given: tuple[str, ...], events: tuple[str, ...]) -> tuple[str, ...]:
    if given or events:
        return given
    if sys.stdin.isatty():
        raise click.UsageError("no input: give --input LINE or --event JSON, or lines on stdin")
    return tuple(sys.stdin.read().splitlines())


def _event(text: str) -> dict[str, object]:
    try:
        event = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--event: this is no JSON: {error}") from None
    if not isinstance(event, dict):
        raise click.UsageError("--event: a JSON object is wanted")
    return event


def _told(rig: Rig, given: Given) -> Tale:
    observer = Trace()
    arrived = rig.arrivals(given)
    for event in arrived:
        observer.number(event)
    copies = [copy(event) for event in arrived]
    return Tale(observer, copies, rig.push(arrived, rig.compiled(observer), final=True))
