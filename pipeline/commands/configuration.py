"""What commands share: the options that name a configuration and settings, and how findings are
shown.
"""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import click

from ...dsl.diagnostics import ConfigError, Diagnostic, render
from ...dsl.settings import settled, without_effect
from ...dsl.source import Source
from ..compile.sources import load_sources, text_source
from .findings import report
from .settings_files import FileSettings, SettingsDirectory, read_settings
from .settings_flags import complete_setting, complete_values_of

PATH = click.Path()
"""The type of arguments that are paths: they complete, and are looked at when they are read."""

setting_option = click.option(
    "-S",
    "--setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting, with Logstash's key; also as a flag: --KEY VALUE.",
    shell_complete=complete_setting,
)
ecs_option = click.option(
    "--pipeline.ecs_compatibility",
    "ecs",
    metavar="MODE",
    shell_complete=complete_values_of("pipeline.ecs_compatibility"),
    help="disabled, v1 or v8 (default v8).",
)
path_settings_option = click.option(
    "--path.settings",
    "path_settings",
    envvar="LS_SETTINGS_DIR",
    type=PATH,
    metavar="DIR",
    help="The directory of penstock.yml and pipelines.yml.",
)
_OPTIONS = (
    click.option(
        "-f",
        "--path.config",
        "paths",
        multiple=True,
        type=PATH,
        metavar="FILE|DIR|GLOB",
        help="The configuration; all parts make one pipeline.",
    ),
    click.option(
        "-e", "--config.string", "text", metavar="TEXT", help="The configuration as a string."
    ),
    setting_option,
    ecs_option,
    click.option(
        "--field-reference-escape-style",
        "escape_style",
        metavar="STYLE",
        shell_complete=complete_values_of("config.field_reference.escape_style"),
        help="none, percent or ampersand.",
    ),
    path_settings_option,
)


@dataclass(frozen=True, slots=True)
class Selected:
    """A pipeline that the command line names; ``sources`` reads its texts, anew each time."""

    id: str
    settings: dict[str, Any]
    sources: Callable[[], list[Source]]
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The configuration and the settings that the options of a command name."""

    paths: tuple[str, ...]
    text: str | None
    given: dict[str, Any]
    directory: str | None

    @property
    def named(self) -> bool:
        """Whether a configuration is named on the command line."""
        return bool(self.paths) or self.text is not None

    @property
    def is_listed(self) -> bool:
        """Whether the pipelines are those of a file that may change, ``pipelines.yml``."""
        return not self.named and bool(self.given.get("path.settings") or self.directory)

    def also(self, paths: Sequence[str] = (), **given: Any) -> Chosen:
        """The same with more paths, and with flags that were given."""
        flags = {key: value for key, value in given.items() if value is not None}
        return replace(self, paths=(*self.paths, *paths), given={**self.given, **flags})

    def pipelines(self) -> list[Selected]:
        """The pipelines that are named, or those of ``pipelines.yml``; raises ConfigError."""
        found = self._directory()
        if self.named:
            return [self._selected(found.shared)]
        several = [found.shared.under(one) for one in found.pipelines] or [found.shared]
        if not found.pipelines and not _names_one(found.shared.given(self.given)):
            self._none()
        return [self._selected(one) for one in several]

    def pipeline(self) -> Selected:
        """The one pipeline that is named; of several, that of the id ``pipeline.id``."""
        wanted = self.given.get("pipeline.id")
        without_id = {key: value for key, value in self.given.items() if key != "pipeline.id"}
        several = replace(self, given=without_id).pipelines() if not self.named else []
        found = [one for one in several if one.id == wanted] or several or self.pipelines()
        if len(found) > 1:
            names = ", ".join(one.id for one in found)
            raise click.UsageError(f"there are several pipelines: name one with -f ({names})")
        return found[0]

    def settings(self) -> dict[str, Any]:
        """The settings alone, where a command needs no configuration."""
        return self._settled(self._directory(pipelines=False).shared)

    def _directory(self, pipelines: bool = True) -> SettingsDirectory:
        """The settings in files; those of the command line are judged first."""
        try:
            settled(self.given)
        except ConfigError as error:
            refuse_call(error)
        directory = self.given.get("path.settings") or self.directory
        found = SettingsDirectory()
        if directory:
            found = read_settings(str(directory), pipelines and not self.named)
        every = [found.shared, *found.pipelines]
        keys = dict.fromkeys(key for one in every for key in one.given(self.given).values)
        places = {key: span for one in every for key, span in one.places.items()}
        show_findings(without_effect(keys, places), brief=True)
        return found

    def _settled(self, found: FileSettings) -> dict[str, Any]:
        merged = found.given(self.given)
        settings = settled(merged.values, merged.places)
        if self.directory and not settings["path.settings"]:
            settings["path.settings"] = self.directory  # where the keystore is
        return settings

    def _selected(self, found: FileSettings) -> Selected:
        settings = self._settled(found)
        if self.named:
            sources_of(self.paths, self.text)
            name, load = settings["pipeline.id"], lambda: sources_of(self.paths, self.text)
            return Selected(name, settings, load, self.text is not None)
        return _of_settings(settings)

    def _none(self) -> NoReturn:
        directory = self.given.get("path.settings") or self.directory
        also = f", or put pipelines.yml into `{directory}`" if directory else ""
        raise click.UsageError(f"no configuration: give -f FILE, or -e TEXT{also}")


def _names_one(settings: FileSettings) -> bool:
    return bool(settings.values.get("path.config") or settings.values.get("config.string"))


def _of_settings(settings: dict[str, Any]) -> Selected:
    """A pipeline whose configuration its settings name."""
    name = settings["pipeline.id"]
    if settings["config.string"]:
        return Selected(name, settings, lambda: [text_source(settings["config.string"], name)])
    return Selected(name, settings, lambda: sources_of([settings["path.config"]], None))


def configuration_options(command: Callable[..., None]) -> Callable[..., None]:
    """-f, -e, -S and their like; the command gets them as one argument, ``chosen``."""

    @functools.wraps(command)
    def called(**given: Any) -> None:
        chosen = Chosen(
            given.pop("paths"),
            given.pop("text"),
            settings_pairs(given.pop("settings")),
            given.pop("path_settings"),
        )
        flags = {
            "pipeline.ecs_compatibility": given.pop("ecs"),
            "config.field_reference.escape_style": given.pop("escape_style"),
        }
        command(chosen=chosen.also(**flags), **given)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called


def settings_pairs(pairs: Sequence[str]) -> dict[str, Any]:
    """Settings given as ``KEY=VALUE``."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"`{pair}` is not a setting: write KEY=VALUE")
        settings[key] = value
    return settings


def sources_of(paths: Sequence[str], text: str | None) -> list[Source]:
    """The sources that the command line names; raises ConfigError, or UsageError where it names
    none or too many.
    """
    if paths and text is not None:
        raise click.UsageError("-f and -e cannot both be given: give one of the two")
    if text is not None:
        return [text_source(text, "(-e)")]
    if not paths:
        raise click.UsageError("no configuration: give -f FILE, or -e TEXT")
    return [source for path in paths for source in load_sources(path)]


def colored(stream: Any = None) -> bool:
    """Whether a stream (by default stderr) takes colours."""
    stream = stream or sys.stderr
    return (
        bool(stream.isatty()) and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    )


def width(stream: Any = None) -> int:
    """The columns of the terminal that a stream (by default stderr) is; 120 where it is none."""
    stream = stream or sys.stderr
    return shutil.get_terminal_size((120, 24)).columns if stream.isatty() else 120


def show_findings(found: Sequence[Diagnostic], brief: bool = False) -> None:
    """Findings on stderr; unless ``brief``, folded, with a table of many and a line that counts
    them.
    """
    if not found:
        return
    if brief:
        click.echo(render(found, colored(), width()), err=True)
        return
    click.echo(report(found, colored(), width()), err=True)
    errors = sum(finding.is_error for finding in found)
    warnings = len(found) - errors
    parts = [
        f"{n} {word}{'s' if n > 1 else ''}"
        for n, word in ((errors, "error"), (warnings, "warning"))
        if n
    ]
    hint = next((finding.code for finding in found if finding.is_error), found[0].code)
    click.echo(f"{' and '.join(parts)}; see `penstock explain {hint}`", err=True)


def os_error_text(error: OSError) -> str:
    """What the operating system refused, with the whole path and what may help."""
    if not error.filename or not error.strerror:
        return str(error)
    path = Path(os.fsdecode(error.filename)).absolute()
    help = ""
    if isinstance(error, PermissionError):
        help = "; check its owner and mode, or name another directory with --path.data"
    elif isinstance(error, FileExistsError | NotADirectoryError):
        help = "; a directory is needed there: name another with --path.data"
    return f"`{path}`: {error.strerror.lower()}{help}"


def refuse(error: ConfigError) -> NoReturn:
    """Show why a configuration is refused, and leave with 1."""
    show_findings(error.diagnostics)
    raise SystemExit(1)


def refuse_call(error: ConfigError) -> NoReturn:
    """Show that the command was called wrongly, and leave with 2."""
    show_findings(error.diagnostics)
    raise SystemExit(2)
