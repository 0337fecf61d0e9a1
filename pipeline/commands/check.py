"""``penstock check``: every problem of a configuration at once."""

from __future__ import annotations

import json

import click

from ...dsl.diagnostics import ConfigError, Diagnostic
from ..compile.instantiate import inspect
from .configuration import configuration_options, refuse, settings_of, show_findings, sources_of


@click.command()
@configuration_options
@click.argument("files", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON on stdout.")
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
def check(
    paths: tuple[str, ...],
    text: str | None,
    settings: tuple[str, ...],
    ecs: str | None,
    escape_style: str | None,
    files: tuple[str, ...],
    as_json: bool,
    strict: bool,
) -> None:
    """Find every problem of a configuration: syntax, names, types, patterns, formats, files that
    must exist.

    Exits with 1 if there is an error.
    """
    try:
        settled = settings_of(
            settings,
            **{
                "pipeline.ecs_compatibility": ecs,
                "config.field_reference.escape_style": escape_style,
            },
        )
        sources = sources_of((*paths, *files), text)
    except ConfigError as error:
        refuse(error)
    assembly, found = inspect(sources, settled)
    if as_json:
        click.echo(json.dumps([_as_data(finding) for finding in found], indent=1))
    else:
        show_findings(found)
    if assembly is None or (strict and found):
        raise SystemExit(1)
    if not as_json:
        names = sources[0].name if len(sources) == 1 else f"{len(sources)} files"
        click.echo(f"{names}: OK", err=True)


def _as_data(finding: Diagnostic) -> dict[str, object]:
    span = finding.span
    place = (
        {"file": span.source.name, "line": span.line, "column": span.column, "text": span.text}
        if span
        else {}
    )
    return {"code": finding.code, "message": finding.message, "remedy": finding.remedy, **place}
