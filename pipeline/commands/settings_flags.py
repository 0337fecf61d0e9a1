"""Settings on the command line: ``-S KEY=VALUE``, and a flag for each setting that there is.

``--queue.type persisted`` is read as ``-S queue.type=persisted``, so that no command declares some
fifty options; Logstash's short flags that mean such a setting are read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click
from click.shell_completion import CompletionItem

from ...dsl.diagnostics import did_you_mean
from ...dsl.settings_table import SETTINGS, is_inert

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

_SHORT = {
    "-l": "path.logs",
    "-n": "node.name",
    "-p": "path.plugins",
    "-u": "pipeline.batch.delay",
    "--plugin-classloaders": "pipeline.plugin_classloaders",
}


class SettingsCommand(click.Command):
    """A command that takes any setting as a flag of the same name."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.params for name in parameter.opts}
        try:
            return super().parse_args(context, list(_translated(args, own)))
        except click.NoSuchOption as error:
            key = error.option_name.removeprefix("--")
            help = did_you_mean(key, SETTINGS) if "." in key else ""
            if not help:
                raise
            raise click.UsageError(
                f"unknown option {error.option_name}: {help.replace('`', '`--', 1)}", context
            ) from None


def _translated(args: list[str], own: set[str]) -> Iterator[str]:
    """The arguments with flags of settings as ``-S KEY=VALUE``."""
    left = iter(args)
    for argument in left:
        if argument == "--":
            yield argument
            yield from left
            return
        flag, equals, value = argument.partition("=")
        key = _SHORT.get(flag, flag.removeprefix("--"))
        if flag in own or not flag.startswith("-") or not (key in SETTINGS or is_inert(key)):
            yield argument
            continue
        if not equals:
            value = _value(key, left)
        yield from ("-S", f"{key}={value}")


def _value(key: str, left: Iterator[str]) -> str:
    """The argument behind a flag; ``true`` where a boolean has none."""
    is_boolean = key in SETTINGS and SETTINGS[key].kind == "boolean"
    if is_boolean:
        return "true"
    value = next(left, None)
    if value is None:
        raise click.UsageError(f"--{key} needs a value")
    return value


def complete_setting(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """``KEY=`` for what was typed of a key, and behind it the values of a closed set."""
    key, equals, value = incomplete.partition("=")
    if not equals:
        return [
            CompletionItem(f"{name}=", help=setting.doc)
            for name, setting in SETTINGS.items()
            if name.startswith(key)
        ]
    setting = SETTINGS.get(key)
    if setting is None:
        return []
    choices = ("true", "false") if setting.kind == "boolean" else setting.choices
    return [CompletionItem(f"{key}={one}") for one in choices if one.startswith(value)]


def complete_values_of(key: str) -> Complete:
    """Completion for a flag of its own that gives a setting."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = complete_setting(context, parameter, f"{key}={incomplete}")
        return [CompletionItem(item.value.partition("=")[2]) for item in found]

    return complete
