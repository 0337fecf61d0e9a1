"""Pipelines that run side by side in one process and can be exchanged while they run.

To reload, the new configuration is read, checked and assembled beside the running one. Only if it
has no errors is the old pipeline told to stop: it delivers what it has read, and the new one goes
on from there. One that cannot start is rolled back to what ran before. A single pipeline runs in
the main thread, several in a thread each.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ...dsl.diagnostics import ConfigError, Diagnostic, render
from ...dsl.source import Source
from ..compile.instantiate import Assembly, assemble, inspect, uses
from .pipeline import Pipeline

log = logging.getLogger("penstock")

_CANNOT_RELOAD = ("stdin",)


class Member(msgspec.Struct, eq=False):
    """A pipeline of the fleet: how its configuration is loaded, and what runs of it."""

    id: str
    settings: dict[str, Any]
    load: Callable[[], list[Source]]
    sources: list[Source] = msgspec.field(default_factory=list)
    assembly: Assembly | None = None
    following: tuple[list[Source], Assembly] | None = None
    pipeline: Pipeline | None = None
    refused: str = ""
    error: BaseException | None = None

    def inspect(self) -> list[Diagnostic]:
        """Load and assemble; what was found. Raises ConfigError where it cannot even be read."""
        self.sources = self.load()
        self.assembly, found = inspect(self.sources, self.settings)
        return found

    @property
    def reloads(self) -> bool:
        """Whether it can be exchanged while it runs: what stdin gave cannot be asked for again."""
        if not self.settings["pipeline.reloadable"] or self.assembly is None:
            return False
        return not any(use.name in _CANNOT_RELOAD for use in uses(self.assembly.program.inputs))


class Fleet:
    """Runs members until their inputs end or ``stop`` is called; ``make`` makes the pipeline of an
    assembly.
    """

    def __init__(
        self,
        members: Sequence[Member],
        make: Callable[[Assembly], Pipeline],
        interval: float | None = None,
    ) -> None:
        self.members = members
        self._make = make
        self._interval = interval
        self._stopping = threading.Event()
        self._look = threading.Event()
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Let all inputs end; what was read is still delivered."""
        self._stopping.set()
        self._look.set()
        with self._lock:
            for member in self.members:
                if member.pipeline is not None:
                    member.pipeline.stop()

    def reload(self) -> None:
        """Look for changed configurations now."""
        self._look.set()

    def run(self) -> None:
        """Run all; raises what made a pipeline end."""
        watcher = threading.Thread(target=self._watch, daemon=True)
        watcher.start()
        if len(self.members) == 1:
            self._live(self.members[0])
        else:
            self._live_together()
        self._stopping.set()
        self._look.set()
        watcher.join()
        errors = [member.error for member in self.members if member.error is not None]
        if errors:
            raise errors[0]

    def _live_together(self) -> None:
        threads = [
            threading.Thread(target=self._live, args=(member,), name=member.id)
            for member in self.members
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.25)  # so that signals are seen

    def _live(self, member: Member) -> None:
        """One pipeline after the other, as its configuration changes."""
        assert member.assembly is not None
        sources, assembly, before = member.sources, member.assembly, list[Source]()
        while True:
            try:
                self._run_one(member, assembly)
            except BaseException as error:
                if not before or member.pipeline is None or member.pipeline.opened:
                    member.error = error
                    return
                log.error(
                    "the new configuration of the pipeline %s cannot start, the old one goes"
                    " on: %s",
                    member.id,
                    error,
                )
                sources, assembly, before = before, assemble(before, member.settings), []
                continue
            following, member.following = member.following, None
            if following is None or self._stopping.is_set():
                return
            before, (sources, assembly) = sources, following
            log.info("the pipeline %s goes on with its new configuration", member.id)

    def _run_one(self, member: Member, assembly: Assembly) -> None:
        with self._lock:
            if self._stopping.is_set():
                return
            member.assembly, member.pipeline = assembly, self._make(assembly)
        member.pipeline.run()

    def _watch(self) -> None:
        while not self._stopping.is_set():
            asked = self._look.wait(self._interval)
            self._look.clear()
            if self._stopping.is_set():
                return
            for member in self.members:
                if member.following is None:
                    self._exchange(member, asked)

    def _exchange(self, member: Member, asked: bool) -> None:
        """Put a changed configuration in the place of the one that runs, if it has no errors."""
        if not member.reloads:
            if asked:
                log.warning(
                    "the pipeline %s cannot be reloaded: it reads stdin, or pipeline.reloadable is"
                    " false",
                    member.id,
                )
            return
        try:
            sources = member.load()
            if _texts(sources) == _texts(member.sources) or not self._is_settled(member, sources):
                return
            member.sources = sources
            assembly = assemble(sources, member.settings)
        except ConfigError as error:
            self._refuse(member, render(error.diagnostics))
            return
        if not assembly.program.inputs:
            self._refuse(member, "it has no input")
            return
        member.refused = ""
        with self._lock:
            member.following = sources, assembly
            if member.pipeline is not None:
                member.pipeline.stop()

    def _refuse(self, member: Member, why: str) -> None:
        """Say, once, why a new configuration is not taken."""
        if why != member.refused:
            log.error(
                "the new configuration of the pipeline %s is refused, the old one goes on:\n%s",
                member.id,
                why,
            )
        member.refused = why

    def _is_settled(self, member: Member, sources: list[Source]) -> bool:
        """Whether files are not just being written: a moment later they say the same."""
        self._stopping.wait(0.05)
        return _texts(member.load()) == _texts(sources)


def _texts(sources: Sequence[Source]) -> list[tuple[str, str]]:
    return [(source.name, source.text) for source in sources]
