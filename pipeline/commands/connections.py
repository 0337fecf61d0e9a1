"""``penstock check --connect``: whether servers can be reached, and accept what options say.

Each input and output that talks to a server is opened, connected and closed, all at once, each in a
thread of its own; nothing is read and nothing delivered. The threads are daemons, so that one that
hangs does not keep the command from ending.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import Future, wait

from ...dsl.diagnostics import Diagnostic
from ...plugins.errors import ConnectorError, Misconfigured
from ...plugins.input import Input
from ...plugins.output import Output
from ...plugins.raised import said
from ..compile.instantiate import Assembly, misconfigured, unreachable

log = logging.getLogger("penstock")

SECONDS = 20.0
"""How long a connection may take."""

Connector = Input | Output


def connectors(assembly: Assembly) -> list[Connector]:
    """The inputs and outputs that connect to something, or listen."""
    program = assembly.program
    found = [*assembly.plugins(program.inputs), *assembly.plugins(program.outputs)]
    return [plugin for plugin in found if isinstance(plugin, Connector) and _talks(plugin)]


def _talks(plugin: Connector) -> bool:
    made = type(plugin)
    if made.probe not in (Input.probe, Output.probe):
        return True
    is_local = plugin.local if isinstance(plugin, Input) else plugin.immediate
    return not is_local and made.connect not in (Input.connect, Output.connect)


def try_connections(assembly: Assembly) -> list[Diagnostic]:
    """What stands in the way of each connection, at the option or the plugin that is to blame."""
    tries = {_tried(plugin): plugin for plugin in connectors(assembly)}
    done, late = wait(tries, SECONDS)
    found = [_problem(assembly, tries[each], each.exception()) for each in tries if each in done]
    hanging = TimeoutError(f"no answer in {SECONDS:.0f} seconds")
    found += [_problem(assembly, tries[each], hanging) for each in tries if each in late]
    return [problem for problem in found if problem is not None]


def _tried(plugin: Connector) -> Future[None]:
    """The try of a connection, under way."""
    outcome = Future[None]()

    def answer() -> None:
        try:
            _try(plugin)
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(None)

    threading.Thread(target=answer, name=f"connect {plugin.name}", daemon=True).start()
    return outcome


def _try(plugin: Connector) -> None:
    plugin.open()
    try:
        plugin.probe()
    finally:
        plugin.close()


def _problem(
    assembly: Assembly, plugin: Connector, error: BaseException | None
) -> Diagnostic | None:
    if error is None:
        return None
    log.debug("%s: %s", plugin.context.where, plugin.name, exc_info=error)
    if isinstance(error, Misconfigured):
        error.plugin = plugin
        return misconfigured(assembly, error)
    return unreachable(assembly, plugin, _reason(error))


def _reason(error: BaseException) -> str:
    """What an error says; with its kind only where it is not one of a connection."""
    text = str(error)
    if isinstance(error, OSError):
        text = error.strerror or text
    return text if text and isinstance(error, ConnectorError | OSError) else said(error)
