"""``penstock top``: a live view of a running process, over its API."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import click

from ..top.client import ApiClient, Unreachable
from ..top.model import frame
from ..top.view import lines


@click.command()
@click.argument("url", default="http://127.0.0.1:9600")
@click.option("--user", metavar="NAME", help="The user of the API.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The authority of its certificate, a PEM file. Default: those of the system.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to ask.",
)
@click.option("--once", is_flag=True, help="Print one screen of figures and exit.")
def top(url: str, user: str | None, ca: Path | None, interval: float, once: bool) -> None:
    """Show what a running process does: pipelines, plugins by cost, rates, lags, circuits.

    URL is that of its API (`api.enabled: true`). The password comes from the environment variable
    PENSTOCK_API_PASSWORD, or is asked for.
    """
    try:
        client = ApiClient(url, _login(user), ca)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if once:
        _print(client, interval)
        return
    try:
        from ..top.app import TopApp
    except ModuleNotFoundError:
        raise click.UsageError(
            "the live view needs the package textual: pip install 'penstock[top]'; --once works"
            " without it"
        ) from None
    TopApp(client.read, interval).run()


def _login(user: str | None) -> str:
    if user is None:
        return ""
    password = os.environ.get("PENSTOCK_API_PASSWORD")
    if password is None:
        password = click.prompt("Password", hide_input=True, err=True)
    return f"{user}:{password}"


def _print(client: ApiClient, interval: float) -> None:
    """One screen, of what happens during one interval."""
    try:
        first = client.read()
        time.sleep(interval)
        found = frame(first, client.read())
    except Unreachable as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(1) from None
    for line in lines(found, shutil.get_terminal_size((80, 24)).columns):
        click.echo(line.text)
