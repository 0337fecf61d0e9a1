"""``penstock check``: every problem of a configuration at once."""

from __future__ import annotations

import json

import click

from ...dsl.diagnostics import ConfigError, Diagnostic
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
def check(
    chosen: Chosen, files: tuple[str, ...], as_json: bool, strict: bool, lenient: bool
) -> None:
    """Find every problem of a configuration: syntax, names, types, patterns, formats, files that
    must exist.

    Without a configuration, those of pipelines.yml are checked. Exits with 1 if there is an error.
    """
    found: list[Diagnostic] = []
    names, assemblies, refused = list[str](), list[Assembly](), False
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
    if as_json:
        click.echo(json.dumps([_as_data(finding) for finding in found], indent=1))
    else:
        show_findings(found)
    if refused or (strict and found):
        raise SystemExit(1)
    if not as_json:
        click.echo(f"{', '.join(names)}: OK", err=True)


def _lenient(lenient: bool) -> dict[str, bool]:
    return {"penstock.lenient": True} if lenient else {}


def _as_data(finding: Diagnostic) -> dict[str, object]:
    span = finding.span
    place = (
        {"file": span.source.name, "line": span.line, "column": span.column, "text": span.text}
        if span
        else {}
    )
    return {"code": finding.code, "message": finding.message, "remedy": finding.help, **place}
