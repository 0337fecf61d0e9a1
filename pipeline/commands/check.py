"""``penstock check``: every problem of a configuration at once."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.secrets import masked
from ..compile.claims import double_claims
from ..compile.instantiate import Assembly, inspect
from .configuration import PATH, Chosen, configuration_options, show_findings
from .settings_flags import SettingsCommand


@click.command(cls=SettingsCommand)
@configuration_options
@click.argument("files", nargs=-1, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Findings as JSON on stdout.")
@click.option(
    "--lenient",
    is_flag=True,
    help="Only warn of inputs and outputs of Logstash that Penstock does not have.",
)
@click.option("--strict", is_flag=True, help="Let warnings fail, too.")
@click.option(
    "--connect",
    is_flag=True,
    help="Also connect to every server, and try every port, without reading or writing anything.",
)
def check(
    chosen: Chosen,
    files: tuple[str, ...],
    as_json: bool,
    lenient: bool,
    strict: bool,
    connect: bool,
) -> None:
    """Find every problem of a configuration: syntax, names, types, patterns, formats, files that
    must exist.

    Without a configuration, those of pipelines.yml are checked. Exits with 1 if there is an error.
    """
    found: list[Diagnostic] = []
    names, assemblies, refused = list[str](), list[Assembly](), False
    reached: list[str] = []
    try:
        for one in chosen.also(files, **_lenient(lenient)).pipelines():
            assembly, findings = inspect(sources := one.sources(), one.settings)
            refused = refused or assembly is None
            assemblies += [assembly] if assembly is not None else []
            found += findings
            names.append(sources[0].name if len(sources) == 1 else f"{len(sources)} files")
    except ConfigError as error:
        found, refused = [*found, *error.diagnostics], True
    clashes = double_claims(assemblies)
    found, refused = found + clashes, refused or bool(clashes)
    if connect and not refused:
        problems, reached = _tried(assemblies)
        found, refused = found + problems, bool(problems)
    if as_json:
        click.echo(json.dumps([_as_data(finding) for finding in found], indent=1))
    else:
        show_findings(found)
    if refused or (strict and found):
        raise SystemExit(1)
    if as_json:
        return
    if connect:
        click.echo(f"connected: {', '.join(reached) or 'nothing to connect to'}", err=True)
    click.echo(f"{', '.join(names)}: OK", err=True)


def _tried(assemblies: Sequence[Assembly]) -> tuple[list[Diagnostic], list[str]]:
    """What could not be connected, and the names of what was tried."""
    from .connections import connectors, try_connections

    problems = [problem for assembly in assemblies for problem in try_connections(assembly)]
    tried = [plugin.name for assembly in assemblies for plugin in connectors(assembly)]
    return problems, tried


def _lenient(lenient: bool) -> dict[str, bool]:
    return {"penstock.lenient": True} if lenient else {}


def _as_data(finding: Diagnostic) -> dict[str, object]:
    span = finding.span
    place = (
        {
            "file": span.source.name,
            "line": span.line,
            "column": span.column,
            "text": masked(span.text),
        }
        if span
        else {}
    )
    message, help = masked(finding.message), masked(finding.help)
    return {"code": finding.code, "message": message, "remedy": help, **place}
