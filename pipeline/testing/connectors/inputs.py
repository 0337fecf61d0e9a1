"""The contract of inputs that are read, as test cases.

Most cases drive the runtime's own ``Reader``: one turn at a time, in one thread, with deliveries
that the case ends itself, in the order and with the error that it likes. A kill, a reload and wrong
credentials are shown with whole processes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import pytest

from ....dsl.reference import Event
from ....plugins.batch import Position
from ....plugins.errors import Undelivered
from ....plugins.input import Input, Outcome
from ...runtime.decoding import Decoder
from ...runtime.in_flight import Delivery
from ...runtime.reader import Reader
from .case import LONGEST, Pauses, Server, check, until
from .flows import InputCases, flood


class Held(NamedTuple):
    """A batch under way: what came, and how to end it."""

    messages: list[str]
    delivery: Delivery

    @property
    def partitions(self) -> set[str]:
        """The partitions that it has something of."""
        return {part.partition for part in self.delivery.parts}


class InputContract(InputCases):
    """The contract of an ``Input``. Subclass it, name it ``Test…``, and pytest runs the cases."""

    full_steps: ClassVar[int] = 5
    """How many turns an input is full for in the case that keeps it full: with the server's own
    shortest session or lease, more turns of at most a second than that lasts.
    """

    backend: Server

    def server(self, directory: Path) -> Server:
        """The source, not started."""
        raise NotImplementedError

    def message_of(self, event: Event) -> str:
        """The message that an event was made of."""
        return str(event["message"])

    def reader(self, most: int = 256, pauses: Pauses | None = None) -> Reading:
        """The input, open and driven by the runtime's reader."""
        source = cast(Input, self.opened())
        source.max_in_flight = most
        return Reading(self, source, pauses or Pauses())

    def given(self, reading: Reading, *messages: str) -> list[Held]:
        """Put messages one by one, each when the one before it was read: a batch each."""
        held = []
        for message in messages:
            self.backend.put([message])
            held += reading.read([message])
        return held

    def test_nothing_is_acknowledged_before_it_was_delivered(self) -> None:
        """What was read and not settled is given again at the next start."""
        self.backend.start()
        first = self.reader()
        self.given(first, "one", "two")
        first.end()
        demand = "what was not settled is given again at the next start"
        self.reader().read(["one", "two"], demand)

    def test_what_was_delivered_is_not_given_again(self) -> None:
        """Settled batches are acknowledged to the source, also by the drain of a stop."""
        self.backend.start()
        first = self.reader()
        for held in self.given(first, "one", "two"):
            held.delivery.done(None)
        first.end()
        self.backend.put(["three"])
        second = self.reader()
        second.read(["three"])
        check(second.came == ["three"], "settled batches are not given again", second.came)

    def test_batches_settled_out_of_order_acknowledge_nothing_before_a_gap(self) -> None:
        """The position moves only over what is settled without a gap."""
        self.backend.start()
        first = self.reader()
        held = self.given(first, "one", "two", "three")
        for one in (held[-1], held[1]):
            one.delivery.done(None)
        first.turn()
        first.end()
        demand = "what is behind a gap acknowledges nothing before it"
        self.reader().read(["one"], demand)

    def test_batches_settled_in_reverse_are_all_acknowledged(self) -> None:
        """When the gap closes, everything behind it is acknowledged too."""
        self.backend.start()
        first = self.reader()
        for held in reversed(self.given(first, "one", "two", "three")):
            held.delivery.done(None)
            first.turn()
        first.end()
        self.backend.put(["four"])
        second = self.reader()
        second.read(["four"])
        check(second.came == ["four"], "all was settled, in whatever order", second.came)

    def test_a_failed_batch_and_all_behind_it_is_given_again(self) -> None:
        """An outcome with an error: again, with all that is behind it in its partitions, if it has
        any.
        """
        self.backend.start()
        reading = self.reader()
        held = self.given(reading, "one", "two", "three")
        reading.came.clear()
        held[0].delivery.done(None)
        held[1].delivery.done(Undelivered("the target is gone"))
        # Without partitions each batch is acknowledged by itself: only the failed one comes again.
        behind = [held[1], *(h for h in held[2:] if h.partitions & held[1].partitions)]
        again = [message for h in behind for message in h.messages]
        reading.read(again, "a failed batch is given again, with all behind it")
        check(reading.came == again, "they come again in their order, and once", reading.came)

    def test_a_settle_that_raises_is_the_failure_of_the_input_alone(self) -> None:
        """It is said, reading goes on, and the outcomes are handed over with the next batch."""
        self.backend.start()
        reading = self.reader()
        settled = reading.failing_settle(1)
        self.given(reading, "one")[0].delivery.done(None)
        reading.turn()
        held = self.given(reading, "two")
        held[0].delivery.done(None)
        reading.turn()
        tokens = [outcome.token for outcomes, _ in settled for outcome in outcomes]
        check(len(tokens) == 2, "outcomes that could not be settled come once more", tokens)
        reading.end()
        self.backend.put(["three"])
        second = self.reader()
        second.read(["three"])
        check(second.came == ["three"], "the second settle acknowledged both", second.came)

    def test_tokens_of_an_older_connection_are_ignored(self) -> None:
        """What was under way when a connection broke is given again; settling it is not an error,
        and it acknowledges nothing that the new connection gave.
        """
        self.backend.start()
        reading = self.reader()
        old = self.given(reading, "one", "two")
        reading.came.clear()
        self.backend.stop()
        self.backend.start()
        reading.read(["one", "two"], "what was not settled is given again by the new connection")
        for held in old:
            held.delivery.done(None)
        reading.turn()
        reading.end()
        demand = "tokens of an older connection acknowledge nothing of the new one"
        self.reader().read(["one", "two"], demand)

    def test_a_server_that_is_away_at_the_start_is_waited_for(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is connected to with back-off, and the log says so once, not each time."""

        def arrive(number: int) -> None:
            if number == 10:
                self.backend.start()
                self.backend.put(["one"])

        reading = self.reader(pauses=Pauses(arrive))
        demand = "a server that is away raises Disconnected or OSError, and is waited for"
        reading.read(["one"], demand)
        said = [r for r in caplog.records if "retrying" in r.message]
        check(1 <= len(said) <= 2, "ten failures are said once or twice", said)

    def test_a_server_that_dies_in_the_middle_loses_nothing(self) -> None:
        """Everything is delivered at least once, across any number of connections."""
        self.backend.start()
        reading = self.reader()
        wanted = []
        for turn in range(3):
            messages = [f"{turn}-{number}" for number in range(20)]
            self.backend.put(messages)
            wanted += messages
            for held in reading.read(messages[:1]):
                held.delivery.done(None)
            self.backend.stop()
            self.backend.start()
        reading.deliver_all = True
        reading.read(wanted, "nothing is lost when a server dies and comes back")

    def test_no_more_is_read_than_may_be_under_way(self) -> None:
        """While a target hangs, memory is bounded: batches wait at the source."""
        self.backend.start()
        reading = self.reader(most=2)
        held = self.given(reading, "one", "two")
        self.backend.put(["three"])
        reading.turn()
        check(reading.came == ["one", "two"], "`read` is not called while full", reading.came)
        held[0].delivery.done(None)
        reading.read(["three"], "reading goes on when a batch has ended")

    def test_it_stays_connected_while_it_is_full(self) -> None:
        """``tend`` does what the source expects: nothing comes twice, and settling still works."""
        self.backend.start()
        reading = self.reader(most=1)
        (held,) = self.given(reading, "one")
        self.backend.put(["two"])
        for _ in range(self.full_steps):
            reading.turn()
        held.delivery.done(None)
        (second,) = reading.read(["two"])
        second.delivery.done(None)
        demand = "an input that is tended keeps its session, its group and its leases"
        check(reading.came == ["one", "two"], demand, reading.came)
        check(not reading.pauses.asked, demand, reading.pauses.asked)

    def test_it_keeps_what_it_has_taken_while_it_reads_on(self) -> None:
        """``read`` does what the source expects, too: leases are renewed where nothing comes."""
        self.backend.start()
        reading = self.reader()
        (held,) = self.given(reading, "one")
        for _ in range(self.full_steps):
            reading.turn()
        (second,) = self.given(reading, "two")
        held.delivery.done(None)
        second.delivery.done(None)
        reading.turn()
        demand = "an input that reads on keeps what it has taken"
        check(reading.came == ["one", "two"], demand, reading.came)
        check(not reading.pauses.asked, demand, reading.pauses.asked)

    def test_a_read_that_waits_is_ended_by_wake(self) -> None:
        """A stop takes less than a second: ``wake`` ends a read, from any thread."""
        self.backend.start()
        reading = self.reader()
        self.given(reading, "one")
        ended = threading.Event()

        def wait() -> None:
            reading.source.read(1000.0)
            ended.set()

        threading.Thread(target=wait, daemon=True).start()

        def has_ended() -> bool:
            reading.source.wake()
            return ended.wait(0.01)

        until(has_ended, "`wake` ends a read that waits")

    def test_a_killed_process_gives_again_what_was_not_delivered(self) -> None:
        """kill -9 at any moment loses nothing."""
        self.backend.start()
        messages = [f"message {number}" for number in range(300)]
        self.backend.put(messages[:200])
        with self.process(self.flow("one")) as run:
            until(lambda: bool(self.arrived()), "messages arrive", run.said)
        self.backend.put(messages[200:])
        with self.process(self.flow("one")) as run:
            until(lambda: set(self.arrived()) >= set(messages), "a kill loses nothing", run.said)
            check(run.stop() == 0, "a stop ends with exit status 0", run.said())

    def test_a_reload_that_changes_the_input_loses_and_repeats_nothing(self) -> None:
        """A reload drains and closes one input and opens the next while messages come."""
        self._reloads(self.flow("one", self.changed('type => "two"')))

    def test_a_reload_that_leaves_the_input_loses_and_repeats_nothing(self) -> None:
        """An unchanged input goes on, with its connection, in the new pipeline."""
        self._reloads(self.flow("two"))

    def test_memory_is_bounded_while_the_target_hangs(self) -> None:
        """Neither the input nor its client hoards what cannot be delivered, and all of it comes
        when the target takes it again.
        """
        self.backend.start()
        messages = flood(self.flood, self.flood_bytes)
        with self.hanging() as hanging:
            self.backend.put(messages[:1])
            hanging.begins()
            putting = threading.Thread(target=self.backend.put, args=[messages[1:]], daemon=True)
            putting.start()
            hanging.check_memory(sum(map(len, messages)))
            hanging.read_on()
            putting.join(LONGEST)
            demand = "all comes when the target takes it again"
            until(lambda: hanging.came >= set(messages), demand, hanging.run.said)

    def _reloads(self, changed: str) -> None:
        self.backend.start()
        messages = [f"message {number}" for number in range(150)]
        with self.process(self.flow("one")) as run:
            self.backend.put(messages[:50])
            until(lambda: bool(self.arrived()), "messages arrive", run.said)
            self.backend.put(messages[50:100])
            run.reload(changed)
            until(lambda: ": reloaded" in run.said(), "the input can be reloaded", run.said)
            self.backend.put(messages[100:])
            demand = "a reload loses nothing"
            until(lambda: set(self.arrived()) >= set(messages), demand, run.said)
            check(run.stop() == 0, "a stop ends with exit status 0", run.said())
        check(len(self.arrived()) == 150, "a reload repeats nothing", len(self.arrived()))


class Reading:
    """An input that is driven turn by turn. ``came``: the messages so far; ``deliver_all``: they
    are settled as they come.
    """

    def __init__(self, contract: InputContract, source: Input, pauses: Pauses) -> None:
        self.source, self.pauses = source, pauses
        self.came: list[str] = []
        self.deliver_all = False
        self._contract = contract
        self._decoder = Decoder(source)
        self._reader = Reader(source, pauses)

    def turn(self) -> list[Held]:
        """One turn of the runtime's loop."""
        got = self._reader.step()
        if got is None:
            return []
        batch, delivery = got
        decoded = [event for events in self._decoder.batches(batch) for event in events]
        messages = [self._contract.message_of(event) for event in decoded]
        self.came += messages
        if self.deliver_all or not messages:
            delivery.done(None)
        return [Held(messages, delivery)] if messages else []

    def read(self, wanted: Sequence[str], demand: str = "what was put is read") -> list[Held]:
        """Turn until these messages have come; the batches that did."""
        held: list[Held] = []

        def have_come() -> bool:
            if set(wanted) <= set(self.came):
                return True
            held.extend(self.turn())
            return set(wanted) <= set(self.came)

        until(have_come, f"{demand} ({', '.join(wanted[:5])} …)")
        return held

    def failing_settle(self, times: int) -> list[tuple[Sequence[Outcome], Any]]:
        """Have the first settles raise; what the others were given."""
        settle: Callable[..., None] = self.source.settle
        given: list[tuple[Sequence[Outcome], Any]] = []
        left = [RuntimeError("the acknowledgement is lost")] * times

        def failing(outcomes: Sequence[Outcome], behind: dict[str, Position]) -> None:
            if left:
                raise left.pop()
            given.append((outcomes, behind))
            settle(outcomes, behind)

        self.source.settle = failing  # type: ignore[method-assign,assignment]
        return given

    def end(self) -> None:
        """Settle what has ended, as a stop does, and close the input."""
        self._reader.settle()
        self._contract.closed(self.source)
