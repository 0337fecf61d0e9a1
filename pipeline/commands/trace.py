"""``penstock trace``: events on their way through a pipeline, step by step."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.values import copy
from ..testing.cases import Given, Mock, Setup
from ..testing.harness import Harness
from ..testing.trace import Trace
from ..testing.trace_report import Tale, as_data
from ..testing.trace_report import text as as_text
from .configuration import (
    PATH,
    Chosen,
    colored,
    configuration_options,
    refuse,
    show_findings,
)
from .settings_flags import SettingsCommand


@click.command(cls=SettingsCommand)
@configuration_options
@click.argument("files", nargs=-1, type=PATH, metavar="[FILE]…")
@click.option(
    "-i",
    "--input",
    "lines",
    multiple=True,
    metavar="LINE",
    help="A line to trace (default: the lines of stdin).",
)
@click.option(
    "--file",
    "logs",
    multiple=True,
    type=PATH,
    metavar="LOG",
    help="A file whose lines are traced.",
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
    type=PATH,
    metavar="FILE",
    help="Mocks for filters: a list of id and mock.",
)
@click.option("--json", "as_json", is_flag=True, help="The steps as JSON.")
def trace(
    chosen: Chosen,
    files: tuple[str, ...],
    lines: tuple[str, ...],
    logs: tuple[str, ...],
    events: tuple[str, ...],
    codec: str,
    through: str,
    mocks: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show each step that events take through a pipeline, with the branches taken and what changed.

    FILEs are the configuration; behind -f or -e, they are logs whose lines are traced. Filters run
    as they would; outputs are not opened: which of them an event would go to is shown at its end.
    """
    chosen, logs = (chosen, (*logs, *files)) if chosen.named else (chosen.also(files), logs)
    try:
        one = chosen.pipeline()
        overrides = _mocks(mocks)
        setup = Setup((), "", one.settings, {}, overrides, frozenset(overrides))
        harness = Harness(setup, one.sources())
        show_findings(harness.assembly.warnings)
        tale = _told(
            harness,
            Given(
                (*_lines((*lines, *_lines_of(logs)), events), *map(_event, events)),
                through=through,
                codec=codec,
            ),
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
        raise click.UsageError(
            "no input: give --input LINE, --file LOG or --event JSON, or lines on stdin"
        )
    return tuple(sys.stdin.read().splitlines())


def _lines_of(logs: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for log in logs:
        try:
            found += Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError as error:
            raise click.UsageError(f"`{log}` cannot be read: {error.strerror}") from None
    return found


def _event(text: str) -> dict[str, object]:
    try:
        event = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--event: this is not valid JSON: {error}") from None
    if not isinstance(event, dict):
        raise click.UsageError("--event: a JSON object is expected")
    return event


def _told(harness: Harness, given: Given) -> Tale:
    observer = Trace()
    arrived = harness.arrivals(given)
    for event in arrived:
        observer.number(event)
    copies = [copy(event) for event in arrived]
    return Tale(observer, copies, harness.push(arrived, harness.compiled(observer), final=True))
