"""The contract of listeners, as test cases: the runtime's own threads serve them, and the case
takes their batches and ends each as it likes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from ....plugins.errors import Undelivered
from ....plugins.input import Listener
from ...runtime.input_threads import Incoming
from ...runtime.sources import ThreadedSource
from .case import LONGEST, Client, ConnectorContract, check, until


class ListenerContract(ConnectorContract):
    """The contract of a ``Listener``. Subclass it, name it ``Test…``, and pytest runs the cases."""

    section = "input"
    backend: Client

    def server(self, folder: Path) -> Client:
        """What talks to the listener."""
        raise NotImplementedError

    @contextmanager
    def serving(self, most: int = 256) -> Iterator[Serving]:
        """The listener, served until the block ends."""
        source = cast(Listener, self.opened())
        source.max_in_flight = most
        served = Serving(source)
        self.backend.start()
        try:
            yield served
        finally:
            served.end()

    def test_it_answers_when_the_batch_was_delivered(self) -> None:
        """Not before: the client keeps what it has until then."""
        with self.serving() as served:
            answer = self.backend.send("one")
            incoming = served.take()
            check(not answer.done(), "nothing is answered before the delivery", answer)
            served.done(incoming, None)
            check(answer.result(LONGEST) == "taken", "a delivery is answered", answer)

    def test_it_answers_that_a_batch_failed(self) -> None:
        """The client must know that it has to send the batch again."""
        with self.serving() as served:
            answer = self.backend.send("one")
            served.done(served.take(), Undelivered("the target is gone"))
            check(answer.result(LONGEST) == "failed", "a failure is answered", answer.result())

    def test_it_says_at_once_that_it_is_full(self) -> None:
        """429, a connection that is not accepted, a negative acknowledgement: it never waits."""
        with self.serving(most=1) as served:
            first = self.backend.send("one")
            incoming = served.take()
            full = self.backend.send("two").result(LONGEST)
            check(full == "busy", "while full, the client is told so at once", full)
            served.done(incoming, None)
            check(first.result(LONGEST) == "taken", "what was taken is answered", first)
            third = self.backend.send("three")
            served.done(served.take(), None)
            check(third.result(LONGEST) == "taken", "it takes batches again when free", third)

    def test_a_stop_answers_what_was_taken_and_takes_nothing_more(self) -> None:
        """A drained stop: what is under way is delivered and answered, then serving ends."""
        with self.serving() as served:
            first = self.backend.send("one")
            incoming = served.take()
            served.stopping.set()
            late = self.backend.send("two").result(LONGEST)
            check(late == "busy", "nothing is taken while it stops", late)
            served.done(incoming, None)
            check(first.result(LONGEST) == "taken", "what was taken is answered", first)
        check(served.has_ended, "`serve` returns when `stop` is set and `wake` was called")

    def test_a_second_one_is_refused_at_its_option(self) -> None:
        """A port that is taken is Misconfigured, at the option that names it."""
        with self.serving() as served:
            answer = self.backend.send("one")
            served.done(served.take(), None)
            answer.result(LONGEST)
            error = self.refused(self.opened())
            known = error.option in served.source.spec.options
            check(known, "the option that is to blame is one of the plugin", error.option)


class Serving:
    """A listener that is served by the runtime's threads."""

    def __init__(self, source: Listener) -> None:
        self.source, self.stopping = source, threading.Event()
        self.has_ended = False
        self.failures: list[BaseException] = []
        self._threads = ThreadedSource([source], self.stopping, self.failures.append)
        self._incoming = iter(self._threads)
        self._first = next(self._incoming)  # starts the threads

    def take(self) -> Incoming:
        """The next batch that the listener emitted."""
        found: list[Incoming] = []

        def came() -> bool:
            incoming = self._first or next(self._incoming)
            self._first = None
            found.extend([incoming] if incoming is not None else [])
            return bool(found)

        until(came, f"what a client sends is emitted {self.failures}")
        return found[0]

    def done(self, incoming: Incoming, error: Exception | None) -> None:
        """A batch was delivered, or failed."""
        assert incoming.done is not None
        incoming.done(error)

    def end(self) -> None:
        """End the listener's thread, as a stop does when all is delivered."""
        self.stopping.set()
        ender = threading.Thread(target=self._threads.finish, daemon=True)
        ender.start()
        ender.join(LONGEST)
        self.has_ended = not ender.is_alive()
