"""The contract of listeners, as test cases: the runtime's own threads serve them, and the case
takes their batches and ends each as it likes.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, cast

from ....plugins.errors import Undelivered
from ....plugins.input import Listener
from ...runtime.input_threads import Incoming
from ...runtime.sources import ThreadedSource
from .case import LONGEST, Client, Run, check, until
from .flows import InputCases
from .load import Load


class ListenerContract(InputCases):
    """The contract of a ``Listener``. Subclass it, name it ``Test…``, and pytest runs the cases."""

    flood = 512
    flood_bytes = 60_000

    full_steps: ClassVar[int] = 5
    """How many turns of a second it is full for in the case that keeps it full: with a protocol
    that ends idle connections, more than that takes.
    """

    backend: Client

    def server(self, directory: Path) -> Client:
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

    def test_it_keeps_its_connections_while_it_is_full(self) -> None:
        """A minute without an answer is none: what was taken is answered over its connection, and
        what could not be taken is told so, or waits.
        """
        with self.serving(most=1) as served:
            first = self.backend.send("one")
            incoming = served.take()
            second = self.backend.send("two")
            for _ in range(self.full_steps):
                served.check_nothing_comes("nothing is taken while full")
                check(not first.done(), "what is under way is not answered", first)
                told = second.done() and second.result()
                check(told in (False, "busy"), "while full, nothing is answered as taken", told)
            served.done(incoming, None)
            check(first.result(LONGEST) == "taken", "its connection was kept", first)
            if second.done():
                second = self.backend.send("two")
            served.done(served.take(), None)
            check(second.result(LONGEST) == "taken", "what waited is taken when free", second)

    def test_a_killed_process_has_delivered_all_that_it_answered(self) -> None:
        """kill -9 at any moment: the client sends again what was not answered, so nothing is lost;
        the port can be taken at once by the next process.
        """
        self.backend.start()
        load = Load(self.backend)
        with self.process(self.flow("one")) as run:
            load.has_taken(20, run)
        with self.process(self.flow("one")) as run:
            load.has_taken(20, run)
            load.end()
            check(run.stop() == 0, "a stop ends with exit status 0", run.said())
        self._check_all_arrived(load)

    def test_a_reload_that_changes_the_listener_loses_and_repeats_nothing(self) -> None:
        """One listener answers what it took and closes, and the next takes the same port."""
        self._reloads(self.flow("one", self.changed('type => "two"')))

    def test_a_reload_that_leaves_the_listener_loses_and_repeats_nothing(self) -> None:
        """An unchanged listener goes on in the new pipeline, with its port."""
        self._reloads(self.flow("two"))

    def _reloads(self, changed: str) -> None:
        self.backend.start()
        load = Load(self.backend)
        with self.process(self.flow("one")) as run:
            load.has_taken(20, run)
            run.reload(changed)
            until(lambda: ": reloaded" in run.said(), "the listener can be reloaded", run.said)
            self._check_nothing_is_refused(load, run)
            load.end()
            check(run.stop() == 0, "a stop ends with exit status 0", run.said())
        self._check_all_arrived(load)
        arrived = Counter(self.arrived())
        twice = [m for m in load.taken if arrived[m] > 1 + load.refused[m]]
        check(not twice, "a reload repeats nothing that was answered", twice)

    def _check_nothing_is_refused(self, load: Load, run: Run) -> None:
        load.has_taken(1, run, since=load.begun)
        mark = load.begun
        load.has_taken(20, run, since=mark)
        refused = load.refused_since(mark)
        check(not refused, "nothing is refused for longer than the change lasts", refused)

    def _check_all_arrived(self, load: Load) -> None:
        lost = set(load.taken) - set(self.arrived())
        check(not lost, "what was answered has been delivered", sorted(lost))

    def test_memory_is_bounded_while_the_target_hangs(self) -> None:
        """What clients send is not hoarded: they are told that it is full, or held up."""
        self.backend.start()
        load = Load(self.backend, self.flood_bytes, patience=LONGEST)
        with self.hanging() as hanging:
            hanging.begins()
            wanted = self.flood * self.flood_bytes
            demand = "clients are told that it is full, or held up"
            until(lambda: load.offered >= wanted or load.is_stalled, demand, hanging.run.said)
            hanging.check_memory(wanted)
            hanging.read_on()
            load.end()
            demand = "all comes when the target takes it again"
            until(lambda: hanging.came >= set(load.taken), demand, hanging.run.said)

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

    def check_nothing_comes(self, demand: str) -> None:
        """For a second at most, the listener emits nothing."""
        incoming = next(self._incoming)
        check(incoming is None, demand, incoming)

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
