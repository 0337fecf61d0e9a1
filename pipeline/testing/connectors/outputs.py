"""The contract of outputs, as test cases: the runtime's own ``Sender`` delivers to them, and the
case says how the target answers. A kill, a reload and a stop are shown with whole processes, which
read a file.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, ClassVar, cast

import msgspec
import pytest

from ....dsl.reference import Event
from ....plugins.batch import Payload
from ....plugins.context import Reasons, with_reasons
from ....plugins.output import Output
from ...delivery.pending import DeliveryUnit, Request
from ...delivery.sender import Sender
from .case import ConnectorContract, Pauses, Target, check, until


class OutputContract(ConnectorContract):
    """The contract of an ``Output``. Subclass it, name it ``Test…``, and pytest runs the cases."""

    section = "output"

    filters: ClassVar[str] = ""
    """Filters that make of an event with ``message`` what ``event`` gives; for whole processes."""

    backend: Target

    def server(self, directory: Path) -> Target:
        """The target, not started."""
        raise NotImplementedError

    def event(self, message: str) -> Event:
        """The event for a message."""
        return {"message": message}

    def sending(self, pauses: Pauses | None = None) -> Sending:
        """The output, open and delivered to by the runtime's sender."""
        return Sending(self, cast(Output, self.opened()), pauses or Pauses())

    def received(self, sending: Sending) -> list[str]:
        """What the target has when the output was closed."""
        self.closed(sending.output)
        return self.backend.received()

    def test_events_arrive_in_order(self) -> None:
        """One request after another, within a lane."""
        self.backend.start()
        sending = self.sending()
        wanted = [str(number) for number in range(100)]
        for number in range(0, 100, 7):
            sending.send(wanted[number : number + 7])
        got = self.received(sending)
        check(got == wanted, "events of a lane arrive in order, and once", got)

    def test_packing_leaves_events_as_they_are(self) -> None:
        """Several outputs share the events; what is packed is plain data for another process."""
        sending = self.sending()
        events = [self.event("one"), self.event("two")]
        before = copy.deepcopy(events)
        payloads = sending.output.pack(events)
        check(events == before, "`pack` leaves events as they are", events)
        packed = [payload.data for payload in payloads]
        again = msgspec.msgpack.decode(msgspec.msgpack.encode(packed))
        check(len(again) == len(packed), "a payload is plain data", packed)
        count = sum(payload.count for payload in payloads)
        check(count == 2, "payloads count all events", count)

    def test_joined_payloads_are_one_request(self) -> None:
        """Item i of the joined payload is event i over all of them."""
        self.backend.start()
        sending = self.sending()
        sending.send(["one"], ["two", "three"], ["four"])
        got = self.received(sending)
        check(got == ["one", "two", "three", "four"], "payloads are joined in order", got)

    def test_a_target_that_is_away_at_the_start_is_waited_for(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It is connected to with back-off; the log says so once, not each time."""

        def arrive(number: int) -> None:
            if number == 10:
                self.backend.start()

        sending = self.sending(Pauses(arrive))
        sending.send(["one"])
        check(self.received(sending) == ["one"], "the target is waited for")
        said = [r for r in caplog.records if "retrying" in r.message]
        check(1 <= len(said) <= 2, "ten failures are said once or twice", said)

    def test_a_connection_that_breaks_loses_nothing(self) -> None:
        """Disconnected: connect again, and deliver the request again."""
        self.backend.start()
        sending = self.sending()
        sending.send(["one"])
        self.backend.answer("break")
        sending.send(["two"])
        self.backend.stop()
        self.backend.start()
        sending.send(["three"])
        got = list(dict.fromkeys(self.received(sending)))
        check(got == ["one", "two", "three"], "a broken connection loses nothing", got)

    def test_a_busy_target_is_left_alone_for_as_long_as_it_says(self) -> None:
        """429 with Retry-After: Retry(after=…), and the request comes once more."""
        self.backend.start()
        sending = self.sending()
        self.backend.answer("busy", 17.0)
        sending.send(["one"])
        pauses = sending.pauses.asked
        check(17.0 in pauses, "the wait is what the target says", pauses)
        check(self.received(sending) == ["one"], "the request is delivered after that")

    def test_refused_items_are_named_by_their_index(self) -> None:
        """Rejected names items; these alone become dead letters, each with a reason."""
        self.backend.start()
        sending = self.sending()
        self.backend.answer("refuse", "two", "four")
        sending.send(["one", "two"], ["three", "four", "five"])
        got = self.received(sending)
        check(got == ["one", "three", "five"], "the other items are delivered, once", got)
        letters = [event for event, _ in sending.letters]
        wanted = [self.event("two"), self.event("four")]
        check(letters == wanted, "the refused events are dead letters", letters)
        reasons = [reason for _, reason in sending.letters]
        check(all(reasons), "each dead letter has a reason", reasons)

    def test_tending_between_deliveries_does_no_harm(self) -> None:
        """``tend`` comes once a second while nothing is delivered."""
        self.backend.start()
        sending = self.sending()
        for message in ("one", "two"):
            sending.send([message])
            sending.output.tend(0)
        check(self.received(sending) == ["one", "two"], "deliveries go on after `tend`")

    def test_a_killed_process_loses_nothing(self) -> None:
        """kill -9 at any moment: the input gives again what the target may not have."""
        self.backend.start()
        source = Lines(self.directory)
        source.put(0, 200)
        with self.process(self.flow(source)) as run:
            until(lambda: bool(self.backend.received()), "messages arrive", run.said)
        source.put(200, 300)
        with self.process(self.flow(source)) as run:
            until(lambda: self._have_arrived(300), "a kill loses nothing", run.said)
            check(run.stop() == 0, "a stop ends with exit status 0", run.said())
        got = list(dict.fromkeys(self.backend.received()))
        check(got == source.messages(300), "they came in order for the first time", got)

    def test_a_reload_that_changes_the_output_loses_and_repeats_nothing(self) -> None:
        """A reload delivers what waits, closes the output, and connects its successor."""
        self._reloads(self.changed("attempts => 6"), "one")

    def test_a_reload_that_leaves_the_output_loses_and_repeats_nothing(self) -> None:
        """An unchanged output goes on, with its connection, in the new pipeline."""
        self._reloads("", "two")

    def _reloads(self, config: str, version: str) -> None:
        self.backend.start()
        source = Lines(self.directory)
        with self.process(self.flow(source)) as run:
            source.put(0, 50)
            until(lambda: bool(self.backend.received()), "messages arrive", run.said)
            source.put(50, 100)
            run.reload(self.flow(source, config, version))
            until(lambda: ": reloaded" in run.said(), "the output can be reloaded", run.said)
            source.put(100, 150)
            until(lambda: self._have_arrived(150), "a reload loses nothing", run.said)
            check(run.stop() == 0, "a stop ends with exit status 0", run.said())
        got = self.backend.received()
        check(got == source.messages(150), "a reload repeats nothing, and keeps the order", got)

    def _have_arrived(self, count: int) -> bool:
        return len(set(self.backend.received())) >= count

    def flow(self, source: Lines, config: str = "", version: str = "one") -> str:
        """A configuration that delivers the lines of a file."""
        mark = f'mutate {{ add_field => {{ "[@metadata][version]" => "{version}" }} }}'
        filters = f"filter {{ {self.filters} {mark} }}"
        return f"{source.config}\n{filters}\noutput {{ {config or self.config} }}"

    def test_a_stop_does_not_wait_for_a_target_that_is_away(self) -> None:
        """A run whose target is away ends when it is told to, and gives its events again."""
        source = Lines(self.directory)
        source.put(0, 20)
        with self.process(self.flow(source)) as run:
            until(lambda: "retrying" in run.said(), "the target is found to be away", run.said)
            run.stop()
            check("Traceback" not in run.said(), "no traceback", run.said())
        self.backend.start()
        with self.process(self.flow(source)) as run:
            demand = "what was not delivered is given again at the next start"
            until(lambda: self._have_arrived(20), demand, run.said)

    def test_closing_is_possible_without_a_connection(self) -> None:
        """A run may end before its target was there."""
        self.closed(self.opened())


class Lines:
    """A file that a run reads: message 0, message 1 …"""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lines"
        places = f'path => "{self._path}" sincedb_path => "{directory / "lines.sincedb"}"'
        speed = 'start_position => "beginning" stat_interval => 0.02'
        self.config = f"input {{ file {{ {places} {speed} }} }}"

    def messages(self, end: int) -> list[str]:
        """All messages before a number."""
        return [f"message {number}" for number in range(end)]

    def put(self, begin: int, end: int) -> None:
        """Write the messages from one number to another."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write("".join(f"{message}\n" for message in self.messages(end)[begin:]))


class Sending:
    """An output that is delivered to request by request. ``letters``: its dead letters, each with
    the reason.
    """

    def __init__(self, contract: OutputContract, output: Output, pauses: Pauses) -> None:
        self.output, self.pauses = output, pauses
        self.letters: list[tuple[Event, str]] = []
        self._contract = contract
        output.context.dead_letter = self._keep
        self._sender = Sender(output, pauses, lambda: 0)

    def _keep(self, events: list[Event], reasons: Reasons) -> None:
        self.letters += with_reasons(events, reasons)

    def send(self, *batches: list[str]) -> None:
        """Deliver batches as one request, or as few as may be joined."""
        payloads: list[Payload] = []
        for messages in batches:
            events = [self._contract.event(message) for message in messages]
            payloads += self.output.pack(events)
        waiting: list[DeliveryUnit] = []
        for payload in payloads:
            before = copy.deepcopy(payload.data)
            if waiting and not self._joins(waiting[-1], payload):
                self._deliver(waiting)
                waiting = []
            waiting.append(DeliveryUnit(payload))
            check(payload.data == before, "a payload is left as it is", payload.data)
        self._deliver(waiting)

    def _joins(self, last: DeliveryUnit, payload: Payload) -> bool:
        joins: Any = self.output.joins
        return bool(joins(last.payload) and joins(payload) and last.payload.lane == payload.lane)

    def _deliver(self, units: list[DeliveryUnit]) -> None:
        if units:
            self._sender.send(Request(units, self.output))
