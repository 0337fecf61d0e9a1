"""``penstock migrate``: a report for a team that moves over from Logstash."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ...dsl.diagnostics import ConfigError
from .configuration import PATH, Chosen, ecs_option, os_error_text, refuse, setting_option
from .configuration import settings_pairs as pairs
from .migration import migration
from .migration_reports import as_data, page, text
from .settings_flags import SettingsCommand


@click.command(cls=SettingsCommand)
@click.argument("directory", type=PATH, metavar="DIR")
@setting_option
@ecs_option
@click.option("--json", "as_json", is_flag=True, help="The report as JSON on stdout.")
@click.option("--html", "html_path", type=PATH, metavar="FILE", help="Write the report as a page.")
@click.option("--all", "every", is_flag=True, help="Show all rows of all tables.")
def migrate(
    directory: str,
    settings: tuple[str, ...],
    ecs: str | None,
    as_json: bool,
    html_path: str | None,
    every: bool,
) -> None:
    """Report what the configurations below a directory need to run here: plugins that are missing,
    what to write instead, settings without effect, deprecated options, how Ruby runs.

    Each file with a section is looked at by itself, in directories below, too. Exits with 1 if
    anything would not run.
    """
    given = pairs(settings) | ({"pipeline.ecs_compatibility": ecs} if ecs else {})
    try:
        made = migration(directory, Chosen((), None, given, None).settings())
    except ConfigError as error:
        refuse(error)
    if html_path is not None:
        try:
            Path(html_path).write_text(page(made), "utf-8")
        except OSError as error:
            raise click.UsageError(os_error_text(error)) from None
    if as_json:
        click.echo(json.dumps(as_data(made), indent=1, ensure_ascii=False))
    else:
        click.echo(text(made, every))
    if not made.runs:
        raise SystemExit(1)
