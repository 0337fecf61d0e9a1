"""Pipelines that run side by side in one process and can be exchanged while they run.

To reload, the new configuration is read, checked and assembled beside the running one. Only if it
has no errors is the old pipeline told to stop: it delivers what it has read, plugins that are
unchanged are carried over, the others are closed before their successors open. A new configuration
that cannot start is rolled back to what ran before. A single pipeline runs in the main thread,
several in a thread each; with ``pipelines.yml`` their list is looked at, too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ...dsl.diagnostics import ConfigError, Diagnostic, render
from ...dsl.source import Source
from ...dsl.timestamp import Timestamp
from ...plugins.errors import Undelivered
from ...plugins.plugin import Plugin
from ..compile.instantiate import Assembly, assemble, inspect
from .carry import can_follow, carry_over
from .keeping import hand_over
from .pipeline import Pipeline

log = logging.getLogger("penstock")


_Pending = tuple[list[Source], Assembly]


class Reloads(msgspec.Struct):
    """How the reloads of a pipeline went; times are texts, in UTC."""

    successes: int = 0
    failures: int = 0
    last_error: str | None = None
    last_success: str | None = None
    last_failure: str | None = None

    def succeeded(self) -> None:
        """A new configuration runs."""
        self.successes += 1
        self.last_success = str(Timestamp.now())

    def failed(self, why: str) -> None:
        """A new configuration was refused, or rolled back."""
        self.failures += 1
        self.last_error, self.last_failure = why, str(Timestamp.now())


class ManagedPipeline(msgspec.Struct, eq=False):
    """One pipeline: how its configuration is loaded, and what runs of it."""

    id: str
    settings: dict[str, Any]
    load: Callable[[], list[Source]]
    sources: list[Source] = msgspec.field(default_factory=list)
    assembly: Assembly | None = None
    pending: _Pending | None = None
    pipeline: Pipeline | None = None
    refused: str = ""
    error: BaseException | None = None
    is_removed: bool = False
    reloads: Reloads = msgspec.field(default_factory=Reloads)

    def inspect(self) -> list[Diagnostic]:
        """Load and assemble; what was found. Raises ConfigError where it cannot even be read."""
        self.sources = self.load()
        self.assembly, found = inspect(self.sources, self.settings)
        return found


Make = Callable[[Assembly], Pipeline]
Reread = Callable[[], list[ManagedPipeline]]


class Supervisor:
    """Runs pipelines until their inputs end or ``stop`` is called.

    ``make`` makes the pipeline of an assembly; ``interval``: seconds between two looks at the
    configurations, None to look only when asked; ``reread`` gives the list of ``pipelines.yml`` as
    it is now.
    """

    def __init__(
        self,
        members: Sequence[ManagedPipeline],
        make: Make,
        interval: float | None = None,
        reread: Reread | None = None,
    ) -> None:
        self.members = list(members)
        self._make, self._interval, self._reread = make, interval, reread
        self._stopping, self._look = threading.Event(), threading.Event()
        # Taken in this order where both are.
        self._comparing, self._lock = threading.Lock(), threading.Lock()
        self._threads: list[threading.Thread] = []

    def stop(self) -> None:
        """Let all inputs end; what was read is still delivered."""
        self._stopping.set()
        self._look.set()
        with self._lock:
            for member in self.members:
                if member.pipeline is not None:
                    member.pipeline.successor = None
                    member.pipeline.stop()

    @property
    def is_ready(self) -> bool:
        """Whether all pipelines have started."""
        pipelines = [member.pipeline for member in self.members]
        return all(pipeline is not None and pipeline.opened for pipeline in pipelines)

    @property
    def is_stopping(self) -> bool:
        """Whether ``stop`` was called, or all has ended."""
        return self._stopping.is_set()

    def reload(self) -> None:
        """Look for changed configurations now."""
        self._look.set()

    def run(self) -> None:
        """Run all; raises what made a pipeline end."""
        watcher = threading.Thread(target=self._watch, name="reload", daemon=True)
        if len(self.members) == 1 and self._reread is None:
            watcher.start()
            self._run_loop(self.members[0])
        else:
            self._run_together(watcher)
        self._stopping.set()
        self._look.set()
        watcher.join()
        errors = [member.error for member in self.members if member.error is not None]
        if errors:
            raise errors[0]

    def _run_together(self, watcher: threading.Thread) -> None:
        for member in self.members:
            self._start(member)
        watcher.start()  # not before: it starts those that it adds to the members
        while (running := self._running()) is not None:
            running.join()

    def _running(self) -> threading.Thread | None:
        """A pipeline's thread that has not ended. Waits while the list is compared: where all of
        its pipelines are exchanged, the old ones may have ended before the first new one starts.
        """
        with self._comparing, self._lock:
            return next((thread for thread in self._threads if thread.is_alive()), None)

    def _start(self, member: ManagedPipeline) -> None:
        thread = threading.Thread(target=self._run_loop, args=(member,), name=member.id)
        thread.start()
        with self._lock:
            self._threads.append(thread)

    def _run_loop(self, member: ManagedPipeline) -> None:
        """Run a pipeline until nothing follows it, and note what ended it."""
        try:
            self._run_in_turn(member)
        except BaseException as error:
            member.error = error

    def _run_in_turn(self, member: ManagedPipeline) -> None:
        """One pipeline after the other, as its configuration changes."""
        assert member.assembly is not None
        sources, assembly, carried = member.sources, member.assembly, set[Plugin]()
        before: tuple[list[Source], Assembly] | None = None
        while True:
            is_delivered = True
            try:
                pending = self._run_one(member, assembly, carried)
            except BaseException as error:
                pending, is_delivered = self._follows(member, error), False
                if pending is None:
                    if before is None or not _could_not_start(member, error):
                        raise
                    _note_rollback(member, error)
                    sources, before = before[0], None
                    assembly, carried = assemble(sources, member.settings), set()
                    continue
            if pending is None:
                return
            before = sources, assembly
            sources, assembly = pending
            member.reloads.succeeded()
            log.info("pipeline %s: reloaded", member.id)
            carried = self._carry(before[1], assembly, member) if is_delivered else set()

    def _follows(self, member: ManagedPipeline, error: BaseException) -> _Pending | None:
        """The configuration for which a pipeline was stopped that could not deliver all it read,
        None where there is none. It begins as a new start does: nothing is carried over, and inputs
        that keep a position read again what was not delivered.
        """
        if not isinstance(error, Undelivered):
            return None
        with self._lock:
            pending, member.pending = member.pending, None
            if pending is None or self._stopping.is_set() or member.is_removed:
                return None
        log.error(
            "pipeline %s: stopped for its reload with events that were not delivered; inputs that"
            " keep a position read them again: %s",
            member.id,
            error,
        )
        return pending

    def _carry(self, old: Assembly, new: Assembly, member: ManagedPipeline) -> set[Plugin]:
        """The plugins that go on; the others of the old pipeline are closed."""
        carried = carry_over(old, new)
        hand_over(old, new)
        if member.pipeline is not None:
            member.pipeline.close_plugins(carried)
        return carried

    def _run_one(
        self, member: ManagedPipeline, assembly: Assembly, carried: set[Plugin]
    ) -> _Pending | None:
        """Run a configuration; what is to follow it. Its plugins are closed if nothing is."""
        with self._lock:
            if self._stopping.is_set() or member.is_removed:
                return None
            member.assembly, member.pipeline = assembly, self._make(assembly)
            pipeline = member.pipeline
            pipeline.carried, pipeline.keeps_open = carried, True
            if member.pending is not None:  # it was changed again while the last one ended
                pipeline.successor = member.pending[1]
                pipeline.stop()
        pending: _Pending | None = None
        try:
            pipeline.run()
            with self._lock:
                pending, member.pending = member.pending, None
                if self._stopping.is_set() or member.is_removed:
                    pending = None
        finally:
            if pending is None:
                pipeline.close_plugins(set())
        return pending

    def _watch(self) -> None:
        while not self._stopping.is_set():
            is_asked = self._look.wait(self._interval)
            self._look.clear()
            if self._stopping.is_set():
                return
            if self._reread is not None:
                with self._comparing:
                    self._compare_lists(self._reread)
            for member in list(self.members):
                if member.pending is None and not member.is_removed:
                    self._exchange(member, is_asked)

    def _compare_lists(self, reread: Reread) -> None:
        """Start the pipelines that are new in the list, stop those that are gone."""
        try:
            wanted = {member.id: member for member in reread()}
        except Exception as error:
            log.error("pipelines.yml refused, nothing changes:\n%s", error)
            return
        running = {member.id: member for member in self.members if not member.is_removed}
        for name, member in running.items():
            if name not in wanted or wanted[name].settings != member.settings:
                self._remove(member)
        for name, member in wanted.items():
            if name not in running or running[name].is_removed:
                self._add(member)

    def _remove(self, member: ManagedPipeline) -> None:
        log.info("pipeline %s: stopped, it was removed from pipelines.yml or changed", member.id)
        with self._lock:
            member.is_removed = True
            if member.pipeline is not None:
                member.pipeline.stop()

    def _add(self, member: ManagedPipeline) -> None:
        try:
            found = member.inspect()
        except ConfigError as error:
            log.error("pipeline %s: refused:\n%s", member.id, error)
            return
        if member.assembly is None or not member.assembly.program.inputs:
            log.error("pipeline %s: refused:\n%s", member.id, render(found) or "it has no input")
            return
        log.info("pipeline %s: started", member.id)
        with self._lock:
            self.members.append(member)
        self._start(member)

    def _exchange(self, member: ManagedPipeline, is_asked: bool) -> None:
        """Put a changed configuration in the place of the one that runs, if it has no errors."""
        if not member.settings["pipeline.reloadable"]:
            if is_asked:
                log.warning("pipeline %s: not reloaded, pipeline.reloadable is false", member.id)
            return
        try:
            sources = member.load()
            if _texts(sources) == _texts(member.sources) or not self._is_settled(member, sources):
                return
            member.sources = sources
            assembly = assemble(sources, member.settings)
        except ConfigError as error:
            self._refuse(member, render(error.diagnostics), _unquoted(error))
            return
        except Exception as error:
            log.debug("loading a configuration raised", exc_info=True)
            self._refuse(member, f"{type(error).__name__}: {error}")
            return
        if not assembly.program.inputs:
            self._refuse(member, "it has no input")
        elif member.assembly is not None and not can_follow(member.assembly, assembly):
            self._refuse(member, "an input that cannot be reloaded, such as stdin, was changed")
        else:
            self._replace(member, sources, assembly)

    def _replace(self, member: ManagedPipeline, sources: list[Source], assembly: Assembly) -> None:
        member.refused = ""
        with self._lock:
            member.pending = sources, assembly
            if member.pipeline is not None:
                member.pipeline.successor = assembly
                member.pipeline.stop()

    def _refuse(self, member: ManagedPipeline, why: str, told: str = "") -> None:
        """Say, once, why a new configuration is not taken; ``told``: the same for the API."""
        if why != member.refused:
            member.reloads.failed(told or why)
            log.error(
                "pipeline %s: new configuration refused, the old one keeps running:\n%s",
                member.id,
                why,
            )
        member.refused = why

    def _is_settled(self, member: ManagedPipeline, sources: list[Source]) -> bool:
        """Whether files are not just being written: a moment later they say the same."""
        self._stopping.wait(0.05)
        return _texts(member.load()) == _texts(sources)


def _note_rollback(member: ManagedPipeline, error: BaseException) -> None:
    text = "pipeline %s: the new configuration cannot start, rolled back: %s"
    log.error(text, member.id, error)
    member.reloads.failed(_unquoted(error))


def _unquoted(error: BaseException) -> str:
    """What is wrong, without lines of the configuration: one may hold a password that nobody has
    read as one yet.
    """
    if not isinstance(error, ConfigError):
        return str(error)
    found = (f"{each.place}: {each.message}".removeprefix(": ") for each in error.diagnostics)
    return "; ".join(found)


def _could_not_start(member: ManagedPipeline, error: BaseException) -> bool:
    """Whether a new configuration failed before it had worked: a plugin could not be opened, or a
    server refused an option at the first connect.
    """
    if not isinstance(error, Exception):
        return False
    was_opened = member.pipeline is None or member.pipeline.opened
    return not was_opened or isinstance(error, ConfigError)


def _texts(sources: Sequence[Source]) -> list[tuple[str, str]]:
    return [(source.name, source.text) for source in sources]
