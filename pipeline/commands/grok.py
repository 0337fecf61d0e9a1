"""``penstock grok``: try a pattern on lines, or have one proposed for them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.grok import Expression, GrokError, Library, UnknownPattern, compile_expression, shipped
from ...dsl.regex import RegexError
from ...dsl.source import Source, Span
from ..testing.grok_report import as_data, drawn
from .configuration import PATH, Chosen, colored, ecs_option, refuse, width


@click.command()
@click.argument("pattern", required=False)
@click.argument("lines", nargs=-1, metavar="[LINE]…")
@click.option(
    "--suggest",
    "wants_pattern",
    is_flag=True,
    help="Propose a pattern for the lines, PATTERN among them.",
)
@click.option(
    "-p",
    "--patterns-dir",
    "directories",
    multiple=True,
    type=PATH,
    metavar="DIR",
    help="A directory of files with more patterns.",
)
@click.option(
    "-d",
    "--define",
    "definitions",
    multiple=True,
    metavar="NAME=REGEX",
    help="A pattern of your own.",
)
@ecs_option
@click.option("--json", "as_json", is_flag=True, help="The results as JSON, a line each.")
def grok(
    pattern: str | None,
    lines: tuple[str, ...],
    wants_pattern: bool,
    directories: tuple[str, ...],
    definitions: tuple[str, ...],
    ecs: str | None,
    as_json: bool,
) -> None:
    """Try a grok PATTERN on lines (those given, or of stdin): what it captures and where; or how
    far it gets and what fails.

    Exits with 1 if a line does not match.
    """
    try:
        library = _library(directories, definitions, ecs)
        if wants_pattern:
            tried = _lines((pattern, *lines) if pattern is not None else lines)
            pattern = _proposed(tried, library, ecs, as_json)
        elif pattern is None:
            raise click.UsageError("give a pattern, or --suggest and lines")
        else:
            tried = _lines(lines)
        expression = _compiled(pattern, library)
    except ConfigError as error:
        refuse(error)
    if not _show(expression, tried, library, as_json):
        raise SystemExit(1)


def _library(directories: Sequence[str], definitions: Sequence[str], ecs: str | None) -> Library:
    given = {"pipeline.ecs_compatibility": ecs} if ecs is not None else {}
    mode = Chosen((), None, given, None).settings()["pipeline.ecs_compatibility"]
    own = {}
    for pair in definitions:
        name, equals, regex = pair.partition("=")
        if not equals:
            raise click.UsageError(f"`{pair}` defines nothing: write NAME=REGEX")
        own[name] = regex
    library = shipped("legacy" if mode == "disabled" else "ecs-v1")
    try:
        return library.extended(directories, "*", own)
    except OSError as error:
        raise ConfigError(
            [Diagnostic("E100", f"`{error.filename}` cannot be read: {error.strerror}")]
        ) from None


def _lines(given: Sequence[str]) -> list[str]:
    if given:
        return list(given)
    if sys.stdin.isatty():
        raise click.UsageError("no lines: give some, or put them on stdin")
    return sys.stdin.read().splitlines()


def _proposed(lines: Sequence[str], library: Library, ecs: str | None, as_json: bool) -> str:
    from ..testing.grok_suggest import suggest

    if not lines:
        raise click.UsageError("no lines to propose a pattern for")
    pattern = suggest(lines, library, ecs != "disabled")
    click.echo(json.dumps({"pattern": pattern}, ensure_ascii=False) if as_json else pattern + "\n")
    return pattern


def _compiled(pattern: str, library: Library) -> Expression:
    try:
        return compile_expression(pattern, library)
    except (GrokError, RegexError) as error:
        source = Source("(pattern)", pattern)
        at = max(0, min(error.position, len(pattern) - 1))
        help = ""
        if isinstance(error, UnknownPattern) and error.suggestions:
            help = "did you mean " + " or ".join(f"%{{{name}}}" for name in error.suggestions) + "?"
        code = "E221" if isinstance(error, UnknownPattern) else "E208"
        raise ConfigError(
            [Diagnostic(code, error.message, Span(source, at, at + 1), help)]
        ) from None


def _show(expression: Expression, lines: Sequence[str], library: Library, as_json: bool) -> bool:
    """Show what the expression makes of each line; whether it matches all."""
    for line in lines:
        if as_json:
            click.echo(json.dumps(as_data(expression, line, library), ensure_ascii=False))
        else:
            columns = width(sys.stdout) if sys.stdout.isatty() else 0
            click.echo(drawn(expression, line, library, colored(sys.stdout), columns))
    return all(expression.find(line) is not None for line in lines)
