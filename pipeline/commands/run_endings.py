"""How a run says why it ended, whatever it ran on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ...dsl.diagnostics import ConfigError
from ...plugins.errors import Undelivered
from .configuration import os_error_text, refuse


@contextmanager
def endings_said() -> Iterator[None]:
    """Say what ended a run, in a line, and leave with 1; a reader of stdout that has gone is no
    failure.
    """
    try:
        yield
    except BrokenPipeError:
        _leave_quietly()
    except ConfigError as error:
        refuse(error)
    except Undelivered as error:
        click.echo(f"stopped with events that were not delivered: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        click.echo(f"stopped: {os_error_text(error)}", err=True)
        raise SystemExit(1) from None


def _leave_quietly() -> None:
    """The reader of stdout has gone: nothing more can be said there, and Python must not try when
    it ends.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
