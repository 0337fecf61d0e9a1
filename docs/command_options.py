"""The options of all commands as the page ``commands.md`` shows them: a heading, the usage and a
table for each command.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from penstock.pipeline.commands.main import COMMANDS, main


def sections() -> str:
    """The sections of all commands, in the order of their names."""
    return "\n".join(_command(name) for name in sorted(COMMANDS))


def cell(text: str) -> str:
    """A text for a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _command(name: str) -> str:
    # With main's settings: a command keeps the option for help that its first context has made.
    context = click.Context(main, info_name="penstock", **main.context_settings)
    command = main.get_command(context, name)
    assert command is not None
    return "\n".join(_usage(command, click.Context(command, context, info_name=name)))


def _usage(command: click.Command, context: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _usage(inner, click.Context(inner, context, info_name=name))
        return
    yield f"### {context.command_path}\n"
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield f"```console\n{' '.join([context.command_path, '[OPTIONS]', *pieces])}\n```\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield (
            "| Option | Description |\n|---|---|\n"
            + "\n".join(_option_row(option) for option in options)
            + "\n"
        )


def _option_row(option: click.Option) -> str:
    takes = "" if option.is_flag else " " + (option.metavar or _choices(option))
    return f"| `{', '.join(option.opts)}{takes}` | {cell(option.help or '')} |".replace(
        "|DIR|", "\\|DIR\\|"
    )


def _choices(option: click.Option) -> str:
    return (
        "\\|".join(option.type.choices)
        if isinstance(option.type, click.Choice)
        else option.type.name.upper()
    )
