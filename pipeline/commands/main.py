"""The command line. Each command lives in a module beside this one and is imported when it is
called.

Exit codes: 0 all well; 1 the configuration has errors, or a run could not deliver; 2 the command
was called wrongly; 130 and 143 stopped at once, by Ctrl-C or, a run, by the second Ctrl-C or
SIGTERM.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import click

from ..runtime.stack import STACK

COMMANDS = {
    "bench": "Measure the CPU cost of each statement of a configuration on a sample.",
    "check": "Check a configuration and report every problem.",
    "completion": "Print a shell's completion script.",
    "dlq": "Look at dead letters, replay them, delete them.",
    "explain": "Show the page of a diagnostic's code.",
    "fmt": "Lay configurations out.",
    "grok": "Try grok patterns on lines; propose one for them.",
    "keystore": "Keep secrets for ${NAME}, encrypted.",
    "migrate": "Report what a directory of Logstash's configurations needs to run here.",
    "plugins": "List plugins; show the reference page of one.",
    "queue": "Look at a disk queue, drain it, repair it.",
    "run": "Run pipelines.",
    "sigma": "Translate Sigma rules and correlations to filters.",
    "show": "Show the tree, the program or the generated code of a configuration.",
    "state": "Look at what filters keep; forget, export and import it.",
    "test": "Run the tests of pipelines.",
    "top": "Show live what a running process does.",
    "trace": "Show the steps that events take through a pipeline.",
}


@contextlib.contextmanager
def _until_the_reader_goes() -> Iterator[None]:
    """Where the reader of stdout has gone, the command ends, and that is not an error; where there
    is no room for what is written, it is one; at Ctrl-C it ends with the shell's code for it.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
        raise SystemExit(0) from None
    except OSError as error:
        from ...plugins.records.disk import FULL

        if error.errno not in FULL or error.filename is not None:
            raise
        _discard_stdout()
        click.echo(f"error: cannot write the output: {error.strerror}", err=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _discard_stdout() -> None:
    """Send to nowhere what is still to be written: Python flushes once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Lazy(click.Group):
    """A group that imports a command's module when it is asked for it."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f".{name}", __package__)
        command: click.Command = getattr(module, name)
        return command

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(context, args)
        except click.NoSuchOption as error:
            said = error.format_message().rstrip(".")
            raise click.UsageError(
                f"{said}: name a command first, as in `penstock run -f FILE`", context
            ) from None

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from ...dsl.diagnostics import did_you_mean

        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            help = did_you_mean(args[0], COMMANDS) or "`penstock --help` lists the commands"
            raise click.UsageError(f"unknown command `{args[0]}`: {help}", context)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> Any:
        with _until_the_reader_goes():
            return super().invoke(context)

    def make_context(self, *given: Any, **extra: Any) -> click.Context:
        with _until_the_reader_goes():
            return super().make_context(*given, **extra)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


def _version(context: click.Context, parameter: click.Parameter, asked: Any) -> None:
    if asked:
        from ... import __version__

        click.echo(f"penstock {__version__}")
        context.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version.",
)
def main() -> None:
    """A log pipeline that speaks Logstash's configuration language.

    Events go to stdout, everything else to stderr.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), STACK))


if "_PENSTOCK_COMPLETE" in os.environ:
    from . import completion  # noqa: F401 - makes its class for bash known to click
