"""A section compiled: its parts run in turn, under a guard that ends matches that take too long."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from ...dsl.guard import Guard, signals_reach
from ...dsl.program import Branch, PluginUse
from ...dsl.source import Span
from ...plugins.contract import Filter, Plugin
from .merging import Events
from .searches import Make

Run = Callable[..., Events]


class Observer(Protocol):
    """Sees the events of a section go by. Where none is given, the generated code has no trace of
    it.
    """

    def step(self, use: PluginUse, run: Callable[..., Any]) -> Callable[..., Any]:
        """What is called in the place of a plugin's own function, which takes and gives a batch (an
        output gives None).
        """
        ...

    def flush(self, use: PluginUse, run: Callable[[bool], Events]) -> Callable[[bool], Events]:
        """What is called in the place of a filter's ``flush``."""
        ...

    def arm(self, branch: Branch, number: int) -> Callable[[Events], None]:
        """What is called with the events that take an arm, or, after the last one, with those that
        take none.
        """
        ...


@runtime_checkable
class Clock(Observer, Protocol):
    """An observer that counts time, and does not mind which arms events take: the code is as it
    would be without one, with a mark before and after whatever sorts events.
    """

    def sorting(self, span: Span) -> Callable[[Events | None], None]:
        """What is called with None before a batch is sorted by conditions, and with it after."""
        ...

    def section(self, name: str, run: Callable[..., Events]) -> Callable[..., Events]:
        """What is called in the place of a whole section."""
        ...

    def watch(self, plugins: Iterable[tuple[PluginUse, Plugin]]) -> None:
        """Told of all plugins before they are opened."""
        ...


class Part(msgspec.Struct, frozen=True):
    """A function that was generated, its text, the names that it uses, and what makes searches
    among them anew (see ``Expressions``).
    """

    run: Callable[[Events, bool | None], Events]
    text: str
    names: dict[str, Any]
    searches: Mapping[str, Make]

    def limit_matches(self, seconds: float) -> None:
        """Let every search end its matches itself."""
        for name, make in self.searches.items():
            self.names[name] = make(seconds)


class Generated:
    """A section compiled: ``run(events, flush)`` and the text it was made of.

    A guard ends matches that take too long where signals reach. Before its first batch in another
    thread every search is made anew, so that it ends its matches itself, wherever it is compiled.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        one_by_one: bool = False,
        guard: Guard | None = None,
        matching: Sequence[Filter] = (),
        observed: Callable[[Run], Run] | None = None,
    ) -> None:
        self.parts = [part.run for part in parts]
        self.guard = guard
        self.text = "\n".join(part.text for part in parts)
        self.one_by_one = one_by_one
        self._parts = parts
        self._matching = matching
        self._is_limited = False
        self._through = self._pass if observed is None else observed(self._pass)

    def run(self, events: Events, flush: bool | None = None) -> Events:
        """The batch through all parts. ``flush``: None, or whether what is held is due as a whole
        (True) or by time (False).
        """
        if self.guard is None:
            return self._through(events, flush)
        if signals_reach():
            with self.guard:
                return self._through(events, flush)
        if not self._is_limited:
            self._limit_matches(self.guard.seconds)
        return self._through(events, flush)

    def _limit_matches(self, seconds: float) -> None:
        for part in self._parts:
            part.limit_matches(seconds)
        for plugin in self._matching:
            plugin.limit_matches()
        self._is_limited = True

    def _pass(self, events: Events, flush: bool | None) -> Events:
        if self.one_by_one and len(events) > 1:
            return [out for event in events for out in self._pass([event], flush)]
        for part in self.parts:
            events = part(events, flush)
        return events
