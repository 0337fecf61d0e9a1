"""What filters of event time want of the inputs before them: that they end, and that they can give
again what was lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse
from ...plugins.context import OptionProblem
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from .decorations import diagnosed

Made = Sequence[tuple[PluginUse, Plugin | None]]
"""The plugins of a section by their uses; None for one that could not be made."""


def stream_findings(inputs: Made, filters: Made, settings: Mapping[str, Any]) -> list[Diagnostic]:
    """What is wrong between the inputs of a configuration and its filters of event time."""
    sources = [(use, each) for use, each in inputs if isinstance(each, Input)]
    ours = [(use, each) for use, each in filters if isinstance(each, Filter) and each.event_time]
    found: list[Diagnostic] = []
    for use, each in ours:
        found += _endless(use, each, [source for _, source in sources])
    if any(each.id is not None for _, each in ours):
        found += _lost_at_a_kill(sources, settings)
    return found


def _endless(use: PluginUse, plugin: Filter, sources: Sequence[Input]) -> Iterator[Diagnostic]:
    endless = [source for source in sources if not _ends(source)]
    if plugin.needs_end is not None and endless:
        message = f"`{plugin.needs_end}` needs inputs that end, and `{endless[0].name}` does not"
        help = "use `size`, or an input in read mode that ends (`exit_after_read`)"
        yield diagnosed(OptionProblem(plugin.needs_end, message, help, (), "E243"), use)


def _ends(source: Input) -> bool:
    """Whether an input ends; one whose options are wrong may not know."""
    try:
        return source.bounded
    except Exception:
        return True


def _lost_at_a_kill(
    sources: Sequence[tuple[PluginUse, Input]], settings: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    is_said = settings.get("penstock.state", "auto") != "auto"
    if is_said or settings.get("queue.type", "memory") == "persisted":
        return
    for use, source in sources:
        if not source.replays:
            yield Diagnostic(
                "W321",
                f"`{use.name}` gives nothing twice: after a kill, what windows held is lost",
                use.name_span,
                "set `queue.type: persisted`, or `penstock.state: memory` to say so",
            )
