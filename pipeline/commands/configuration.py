"""What commands share: the options that name a configuration and settings, and how findings are
shown.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

import click

from ...dsl.diagnostics import ConfigError, Diagnostic, render
from ...dsl.settings import settled
from ...dsl.source import Source
from ..compile.sources import load_sources, text_source

F = TypeVar("F", bound=Callable[..., Any])


def configuration_options(command: F) -> F:
    """-f, -e and -S: where the configuration is and what its settings are."""
    options = [
        click.option(
            "-f",
            "--path.config",
            "paths",
            multiple=True,
            metavar="FILE|DIR|GLOB",
            help="The configuration; all parts make one pipeline.",
        ),
        click.option(
            "-e", "--config.string", "text", metavar="TEXT", help="The configuration as text."
        ),
        click.option(
            "-S",
            "--setting",
            "settings",
            multiple=True,
            metavar="KEY=VALUE",
            help="A setting, with Logstash's key.",
        ),
        click.option(
            "--pipeline.ecs_compatibility",
            "ecs",
            metavar="MODE",
            help="disabled, v1 or v8 (default v8).",
        ),
        click.option(
            "--field-reference-escape-style",
            "escape_style",
            metavar="STYLE",
            help="none, percent or ampersand.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def settings_of(pairs: Sequence[str], **given: Any) -> dict[str, Any]:
    """The settings of a command line: ``KEY=VALUE`` pairs, then flags that were given; raises
    ConfigError.
    """
    return settled(
        {
            **settings_pairs(pairs),
            **{key: value for key, value in given.items() if value is not None},
        }
    )


def settings_pairs(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings given as ``KEY=VALUE``."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"`{pair}` is no setting: write KEY=VALUE")
        settings[key] = value
    return settings


def sources_of(paths: Sequence[str], text: str | None) -> list[Source]:
    """The sources that the command line names; raises ConfigError, or UsageError where it names
    none or too many.
    """
    if paths and text is not None:
        raise click.UsageError("-f and -e exclude each other: give one of the two")
    if text is not None:
        return [text_source(text, "(-e)")]
    if not paths:
        raise click.UsageError("no configuration: give -f FILE, or -e TEXT")
    return [source for path in paths for source in load_sources(path)]


def colored(stream: Any = None) -> bool:
    """Whether a stream (stderr unless given) takes colours."""
    stream = stream or sys.stderr
    return (
        bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    )


def show_findings(found: Sequence[Diagnostic]) -> None:
    """Findings on stderr, with a line that counts them."""
    if not found:
        return
    click.echo(render(found, colored()), err=True)
    errors = sum(finding.is_error for finding in found)
    warnings = len(found) - errors
    parts = [
        f"{n} {word}{'s' if n > 1 else ''}"
        for n, word in ((errors, "error"), (warnings, "warning"))
        if n
    ]
    hint = next((finding.code for finding in found if finding.is_error), found[0].code)
    click.echo(f"{' and '.join(parts)}; `penstock explain {hint}` tells more", err=True)


def refuse(error: ConfigError) -> NoReturn:
    """Show why a configuration is refused, and leave with 1."""
    show_findings(error.diagnostics)
    raise SystemExit(1)
