"""``penstock keystore``: secrets for ``${NAME}``, encrypted beside the settings."""

from __future__ import annotations

import re
import sys

import click

from ...dsl.diagnostics import did_you_mean
from ..storage.keystore import PASSPHRASES, Keystore, KeystoreError, passphrase, path_in

_NAME = re.compile(r"[a-zA-Z_.][a-zA-Z0-9_.]*")

directory_option = click.option(
    "--path.settings",
    "directory",
    required=True,
    envvar="LS_SETTINGS_DIR",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="The directory of settings; the keystore is a file in it.",
)


@click.group()
def keystore() -> None:
    """Keep secrets for ${NAME} in configurations, encrypted beside the settings.

    A passphrase in PENSTOCK_KEYSTORE_PASS locks the keystore; it must then be set for `run` too.
    """


@keystore.command()
@directory_option
@click.option("-y", "--yes", is_flag=True, help="Replace a keystore that is there.")
def create(directory: str, yes: bool) -> None:
    """Make an empty keystore."""
    path = path_in(directory)
    if path.exists() and not yes:
        raise click.UsageError(f"there is a keystore `{path}` already: --yes replaces it")
    made = Keystore.create(path)
    _save(made)
    click.echo(f"made {path}")
    if passphrase() is None:
        click.echo(
            f"It has no passphrase: whoever can read the file can read its secrets. Set"
            f" {PASSPHRASES[0]} and make it again to lock it.",
            err=True,
        )


@keystore.command()
@directory_option
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value from stdin, to its end.")
@click.option("-y", "--yes", is_flag=True, help="Replace a secret that is there.")
def add(directory: str, names: tuple[str, ...], from_stdin: bool, yes: bool) -> None:
    """Add secrets: the value of each is asked for, and not shown."""
    opened = _open(directory)
    for name in names:
        if not _NAME.fullmatch(name):
            raise click.UsageError(
                f"`{name}` is not a valid name: letters, digits, `_` and `.`, no digit first"
            )
        if name in opened.values and not yes:
            raise click.UsageError(f"there is a secret `{name}` already: --yes replaces it")
        opened.values[name] = _value(name, from_stdin)
    _save(opened)


@keystore.command("list")
@directory_option
def list_(directory: str) -> None:
    """List the names of the secrets."""
    for name in sorted(_open(directory).values):
        click.echo(name)


@keystore.command()
@directory_option
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
def remove(directory: str, names: tuple[str, ...]) -> None:
    """Remove secrets."""
    opened = _open(directory)
    for name in names:
        if name not in opened.values:
            raise click.UsageError(_unknown(name, opened))
        del opened.values[name]
    _save(opened)


def _unknown(name: str, opened: Keystore) -> str:
    help = did_you_mean(name, opened.values) or "`penstock keystore list` shows the names"
    return f"unknown secret `{name}`: {help}"


def _value(name: str, from_stdin: bool) -> str:
    if from_stdin:
        value = sys.stdin.read().removesuffix("\n")
    else:
        value = click.prompt(name, hide_input=True, err=True)
    if not value:
        raise click.UsageError(f"the value of `{name}` is empty")
    return str(value)


def _open(directory: str) -> Keystore:
    try:
        return Keystore.open(path_in(directory))
    except KeystoreError as error:
        raise click.ClickException(str(error)) from error


def _save(opened: Keystore) -> None:
    try:
        opened.save()
    except (KeystoreError, OSError) as error:
        raise click.ClickException(f"`{opened.path}` cannot be written: {error}") from error
