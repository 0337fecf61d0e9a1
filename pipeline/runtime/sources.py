"""How the inputs of a pipeline are read: one local input in the thread that filters, others in
threads of their own, merged in memory. The disk queue is another way (see ``input_queue``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence, Set
from functools import partial
from typing import Protocol

from ...plugins.errors import EndOfInput
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from .in_flight import InFlight
from .input_threads import CommitsOf, Failed, Incoming, MemoryIntake, no_commits, threads_of
from .reader import REST, Reader, SharedCommits

_WAIT = 1.0


class Source(Protocol):
    """How the inputs of a pipeline are read: batches as they come, None where nothing came for a
    moment. ``is_ticked``: something may become due in a second; else that moment may be long.
    """

    is_ticked: bool

    @property
    def has_ended(self) -> bool:
        """Whether all inputs have ended by themselves; asked for when nothing comes any more."""
        ...

    def __iter__(self) -> Iterator[Incoming | None]: ...

    @property
    def under_way(self) -> list[InFlight]:
        """What is under way of each input, in their order."""
        ...

    def wake(self) -> None:
        """End a read that waits, and look at what has changed; from any thread."""
        ...

    def drain(self) -> None:
        """Nothing is read any more, and outputs still deliver: go on settling."""
        ...

    def finish(self) -> None:
        """All is delivered: settle it, and end the threads of inputs."""
        ...


class InlineSource:
    """One local input, stepped in the thread that filters."""

    is_ticked = True

    def __init__(
        self,
        source: Input,
        stopping: threading.Event,
        is_connected: bool = False,
        commits: SharedCommits | None = None,
    ) -> None:
        self._reader = Reader(source, stopping, commits, is_connected=is_connected)
        self._stopping, self._drained = stopping, threading.Event()
        self.has_ended = False
        self._draining: threading.Thread | None = None

    def __iter__(self) -> Iterator[Incoming | None]:
        reader, stopping = self._reader, self._stopping
        while not stopping.is_set():
            if not self.is_ticked and reader.source.rests:
                reader.longest_wait = REST
            try:
                got = reader.step()
            except EndOfInput:
                self.has_ended = True
                return
            yield None if got is None else Incoming(0, got[0], got[1].done, got[1])
        held = reader.flush()
        if held is not None:
            yield Incoming(0, held[0], held[1].done, held[1])

    @property
    def under_way(self) -> list[InFlight]:
        """As ``Source``."""
        return [self._reader.in_flight]

    def wake(self) -> None:
        """End a read that waits, or that is held, from any thread."""
        self._reader.source.wake()
        self._reader.in_flight.poke()

    def drain(self) -> None:
        """Settle in a thread what outputs still deliver: the one that filters waits for them."""
        if not self._reader.in_flight.is_empty:
            work = partial(self._reader.finish, self._drained.is_set)
            self._draining = threading.Thread(target=work, name="drain", daemon=True)
            self._draining.start()

    def finish(self) -> None:
        """All is delivered: settle it."""
        self._drained.set()
        if self._draining is None:
            self._reader.finish(lambda: True)
            return
        self._reader.in_flight.poke()
        self._draining.join()


class ThreadedSource:
    """Inputs with threads of their own, merged in memory."""

    is_ticked = True

    def __init__(
        self,
        inputs: Sequence[Input],
        stopping: threading.Event,
        failed: Failed,
        carried: Set[Plugin] = frozenset(),
        commits: CommitsOf = no_commits,
    ) -> None:
        self._intake = MemoryIntake()
        self._stopping = stopping
        self._threads = threads_of(inputs, self._intake, stopping, failed, carried, commits)

    def __iter__(self) -> Iterator[Incoming | None]:
        for thread in self._threads:
            thread.start()
        while True:
            incoming = self._intake.take(_WAIT if self.is_ticked else REST)
            if incoming is None and self._have_ended():
                incoming = self._intake.take(0)
                if incoming is None:
                    return
            yield incoming

    @property
    def has_ended(self) -> bool:
        """As ``Source``."""
        return all(thread.is_at_end for thread in self._threads)

    @property
    def under_way(self) -> list[InFlight]:
        """As ``Source``."""
        return [thread.in_flight for thread in self._threads]

    def _have_ended(self) -> bool:
        return all(thread.has_ended.is_set() for thread in self._threads)

    def wake(self) -> None:
        """Look at ``stopping`` now."""
        for thread in self._threads:
            thread.wake()
        self._intake.poke()

    def drain(self) -> None:
        """The threads of the inputs go on settling."""

    def finish(self) -> None:
        """All is delivered: let the inputs settle it, and end their threads."""
        for thread in self._threads:
            thread.finish()


def source_of(
    inputs: Sequence[Input],
    stopping: threading.Event,
    failed: Failed,
    carried: Set[Plugin] = frozenset(),
    commits: CommitsOf = no_commits,
) -> Source:
    """How the inputs of a pipeline without a disk queue are read; ``carried`` ones are
    connected.
    """
    if len(inputs) == 1 and inputs[0].local:
        return InlineSource(inputs[0], stopping, inputs[0] in carried, commits(0))
    return ThreadedSource(inputs, stopping, failed, carried, commits)
