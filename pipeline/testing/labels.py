"""The names by which tests, traces and mocks know plugins, each of which stands for one plugin.

A plugin that has an id answers to it. Others answer to their name where nothing else is called so,
else to name and line (``file:3``), with the file where they stand in several
(``file:20-audit.conf:3``) and with the column where two share a line (``file:3:12``). All plugins
of a name are told apart in the same way, and only by where they stand themselves: an edit of
another file renames none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath
from typing import Protocol

from ...dsl.source import Span


class Placed(Protocol):
    """A plugin as it is written, or one that was bound."""

    @property
    def name(self) -> str: ...

    @property
    def span(self) -> Span: ...


Label = Callable[[Placed], str]


def labels(plugins: Sequence[Placed], ids: Sequence[str | None]) -> list[str]:
    """A label for each plugin, no two alike; ``ids`` has their ids, None where none is given."""
    taken = {given for given in ids if given is not None}
    names = dict.fromkeys(p.name for p, given in zip(plugins, ids, strict=True) if given is None)
    found: dict[int, str] = {}
    for name in names:
        group = [
            number
            for number, plugin in enumerate(plugins)
            if plugin.name == name and ids[number] is None
        ]
        found |= dict(zip(group, _told_apart([plugins[n] for n in group], taken), strict=True))
    return [found[n] if given is None else given for n, given in enumerate(ids)]


def _told_apart(group: Sequence[Placed], taken: set[str]) -> list[str]:
    made: list[str] = []
    for label in _ways(group):
        made = [label(plugin) for plugin in group]
        if len(set(made)) == len(made) and not taken & set(made):
            return made
    return [f"{label}#{number}" for number, label in enumerate(made, 1)]


def _ways(group: Sequence[Placed]) -> Iterator[Label]:
    """The ways to name plugins that share a name, the shortest first."""
    if len(group) == 1:
        yield lambda plugin: plugin.name
    names = {plugin.span.source.name for plugin in group}
    if len(names) == 1:
        yield lambda plugin: f"{plugin.name}:{plugin.span.line}"
        yield lambda plugin: f"{plugin.name}:{plugin.span.line}:{plugin.span.column}"
    shared = Counter(PurePath(name).name for name in names)

    def file(plugin: Placed) -> str:
        name = plugin.span.source.name
        return PurePath(name).name if shared[PurePath(name).name] == 1 else name

    yield lambda plugin: f"{plugin.name}:{file(plugin)}:{plugin.span.line}"
    yield lambda plugin: f"{plugin.name}:{plugin.span.place}"
