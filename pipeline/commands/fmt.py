"""``penstock fmt``: lay configurations out."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.formatter import format, same  # noqa: A004 - it is what the command is called
from ...dsl.parser import parse
from ...dsl.source import Source
from ..compile.sources import read_source
from .configuration import show_findings


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(), metavar="[FILE|DIR|-]…")
@click.option(
    "--check", is_flag=True, help="Change nothing; exit with 1 if a file is not formatted."
)
@click.option(
    "--diff",
    is_flag=True,
    help="Change nothing; show what would change, and exit with 1 if anything would.",
)
def fmt(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Format configurations: files in place, directories with all *.conf below them, `-` from stdin
    to stdout.

    Comments and blank lines are kept, and the meaning: nothing is written that would be read
    otherwise.
    """
    if not paths:
        raise click.UsageError("name files or directories, or - for stdin")
    changed, bad = 0, 0
    for path in paths:
        for source in _sources(path):
            try:
                text = laid_out(source)
            except ConfigError as error:
                show_findings(error.diagnostics)
                bad += 1
                continue
            changed += _shown(path, source, text, check, diff)
    _end(changed, bad, check or diff)


def laid_out(source: Source) -> str:
    """The text of a source, laid out; raises ConfigError where it does not parse."""
    text = format(source)
    assert same(parse(source).sections, parse(Source(source.name, text)).sections), (
        "the meaning would change"
    )
    return text


def _sources(path: str) -> Iterator[Source]:
    if path == "-":
        yield Source("(stdin)", sys.stdin.read())
        return
    found = sorted(Path(path).rglob("*.conf")) if Path(path).is_dir() else [Path(path)]
    for file in found:
        try:
            yield read_source(file)
        except ConfigError as error:
            show_findings(error.diagnostics)
            raise SystemExit(1) from None


def _shown(path: str, source: Source, text: str, check: bool, diff: bool) -> bool:
    """Write, show or only tell; whether the text is another one."""
    changed = text != source.text
    if diff and changed:
        lines = difflib.unified_diff(
            source.text.splitlines(True), text.splitlines(True), source.name, source.name
        )
        click.echo("".join(lines), nl=False)
    elif path == "-" and not check:
        click.echo(text, nl=False)
    elif changed and check:
        click.echo(f"{source.name} is not formatted", err=True)
    elif changed:
        Path(source.name).write_bytes(text.encode())
        click.echo(f"{source.name}", err=True)
    return changed


def _end(changed: int, bad: int, only_looked: bool) -> None:
    if bad or (only_looked and changed):
        raise SystemExit(1)
