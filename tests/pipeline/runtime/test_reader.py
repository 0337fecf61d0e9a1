"""Reading an input: connected with back-off, settled between reads, tended while too much is under way."""
from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from penstock.pipeline.runtime.in_flight import Delivery
from penstock.pipeline.runtime.reader import Reader, SharedCommits
from penstock.plugins.batch import Batch, Part, Position
from penstock.plugins.errors import Disconnected, EndOfInput, Misconfigured
from penstock.plugins.input import Input, Outcome

FAILURE = OSError("refused")


class Scripted(Input, name="scripted"):
    """Does at each call what it is told to, and notes the call. A batch is a number."""

    replays = True

    def prepare(self) -> None:
        self.calls: list[Any] = []
        self.connects: list[Exception | None] = []
        self.reads: list[Any] = []
        self.settles: list[Exception | None] = []
        self.tends: list[Exception | None] = []

    is_dry = False

    def runs_dry(self) -> bool:
        return self.is_dry

    def connect(self) -> None:
        self.calls.append("connect")
        fail(self.connects)

    def resume(self, positions: Mapping[str, Position]) -> None:
        self.calls.append({name: position.offset for name, position in positions.items()})

    def read(self, timeout: float) -> Batch | None:
        given = self.reads.pop(0) if self.reads else None
        self.calls.append(("read", given))
        if isinstance(given, Exception):
            raise given
        return None if given is None else Batch([{"m": given}], token=given, parts=[Part("p", Position("i", given))])

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        said = [(token, error is None) for token, error in outcomes]
        self.calls.append(("settle", said, *(position.offset for position in behind.values())))
        fail(self.settles)

    def tend(self, timeout: float) -> None:
        self.calls.append("tend")
        fail(self.tends)

    def flush(self) -> Batch | None:
        self.calls.append("flush")
        return None


def fail(failures: list[Exception | None]) -> None:
    failure = failures.pop(0) if failures else None
    if failure is not None:
        raise failure


class Waits(threading.Event):
    """Notes how long it was waited for, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0)
        return False


class Run:
    def __init__(self, commits: SharedCommits | None = None, **options: Any) -> None:
        self.input = Scripted(options)
        self.input.prepare()
        self.stopping = Waits()
        self.reader = Reader(self.input, self.stopping, commits)

    def read(self, *given: Any) -> list[Delivery | None]:
        """A step for each of what the input is to give."""
        self.input.reads += given
        steps = [self.reader.step() for _ in given]
        return [step and step[1] for step in steps]

    def calls(self) -> list[Any]:
        """What was called since the last look."""
        made, self.input.calls = self.input.calls, []
        return made


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.mark.parametrize("error", [Disconnected("away"), OSError("away"), ValueError("a fault")])
def test_an_input_that_is_away_at_the_start_is_waited_for_ever_longer(run: Run, caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    run.input.connects = [error] * 5
    assert run.read(*[None] * 5) == [None] * 5
    assert [round(wait / 2**number) for number, wait in enumerate(run.stopping.waits)] == [1] * 5
    assert len(caplog.records) == 1, "an outage is said once"
    run.read(1)
    assert "recovered after 5 failures" in caplog.records[-1].message


def test_a_server_that_says_how_long_to_wait_is_waited_for_so_long(run: Run) -> None:
    run.input.connects = [Disconnected("busy", after=7.0)]
    run.read(None)
    assert run.stopping.waits == [7.0]


def test_a_wrong_option_ends_the_run_where_it_never_worked(run: Run) -> None:
    run.input.connects = [OSError("away"), Misconfigured("password", "wrong")]
    run.read(None)
    with pytest.raises(Misconfigured) as raised:
        run.reader.step()
    assert raised.value.plugin is run.input


def test_a_wrong_option_is_an_outage_where_it_has_worked(run: Run) -> None:
    run.input.connects = [None, Misconfigured("password", "changed")]
    run.read(1, Disconnected("cut"), 2)
    assert len(run.stopping.waits) == 2
    run.read(None)
    assert run.calls()[-2:] == ["connect", ("read", 2)]


def test_the_end_of_an_input_is_passed_on(run: Run) -> None:
    with pytest.raises(EndOfInput):
        run.read(EndOfInput())


def test_what_has_ended_is_settled_between_two_reads(run: Run) -> None:
    one, two = run.read(1, 2)
    assert one
    assert two
    two.done(None)
    run.read(3)
    one.done(None)
    run.read(None)
    expected = [("settle", [(2, True)]), ("read", 3), ("settle", [(1, True)], 2), ("read", None)]
    assert run.calls() == ["connect", ("read", 1), ("read", 2), *expected]


def test_a_settlement_that_raises_is_said_and_tried_again_with_the_next(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run.input.settles = [ValueError("rebalancing")]
    one, two = run.read(1, 2)
    assert one
    assert two
    one.done(None)
    run.read(None)
    assert "cannot acknowledge: rebalancing" in caplog.text
    two.done(None)
    run.read(None)
    settled = [call for call in run.calls() if call[0] == "settle"]
    assert settled == [("settle", [(1, True)], 1), ("settle", [(1, True), (2, True)], 2)]


def test_a_settlement_that_raises_is_tried_again_though_nothing_more_ends(run: Run) -> None:
    run.input.settles = [ValueError("no coordinator")] * 2
    (one,) = run.read(1)
    assert one
    one.done(FAILURE)
    run.calls()
    run.read(None, None, None, None)
    tried = [("settle", [(1, False)]), ("read", None)]
    assert run.calls() == [*tried * 3, ("read", None)]


def test_a_settlement_that_raised_last_is_tried_once_more_at_the_end(run: Run) -> None:
    run.input.settles = [ValueError("rebalancing")]
    (one,) = run.read(1)
    assert one
    one.done(None)
    run.reader.finish(lambda: True)
    assert run.calls()[-2:] == [("settle", [(1, True)], 1)] * 2


def test_as_many_settlements_as_may_be_under_way_hold_up_the_reading() -> None:
    run = Run(max_in_flight=2)
    run.input.settles = [ValueError("away")] * 9
    for number in (1, 2):
        (one,) = run.read(number)
        assert one
        one.done(None)
    run.read(3)
    run.reader.in_flight.poke()
    run.calls()
    assert run.reader.step() is None
    assert run.calls() == [("settle", [(1, True), (2, True)], 2), "tend"]


def test_nothing_is_settled_that_belongs_to_a_lost_connection_as_new(run: Run) -> None:
    one, _ = run.read(1, Disconnected("cut"))
    assert one
    run.read(1)
    one.done(None)
    run.read(None)
    assert ("settle", [(1, True)]) in run.calls(), "the input knows by the token; no position moves"


@pytest.mark.parametrize("error", [Disconnected("cut"), ConnectionResetError("cut"), TimeoutError("cut")], ids=lambda error: type(error).__name__)
def test_a_settlement_that_finds_the_connection_gone_connects_again(run: Run, error: Exception) -> None:
    run.input.settles = [error]
    one, two = run.read(1, 2)
    assert one
    one.done(None)
    run.calls()
    assert run.reader.step() is None
    assert run.calls() == [("settle", [(1, True)], 1)], "nothing is read that would come again"
    run.read(1)
    assert two is not None
    assert two.is_superseded
    assert run.calls() == ["connect", ("read", 1)]


def test_while_too_much_is_under_way_it_is_tended_at_least_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(max_in_flight=1)
    (one,) = run.read(1)
    assert one
    waits: list[float] = []
    monkeypatch.setattr(run.reader.in_flight, "wait", waits.append)
    run.calls()
    for _ in range(60):
        assert run.reader.step() is None
    assert run.calls() == ["tend"] * 60
    assert max(waits) <= 1.0
    one.done(None)
    run.read(2)
    assert run.calls() == [("settle", [(1, True)], 1), ("read", 2)]


def test_a_lease_that_is_lost_while_full_is_an_outage() -> None:
    run = Run(max_in_flight=1)
    (one,) = run.read(1)
    run.input.tends = [Disconnected("the lease was stolen")]
    run.calls()
    run.read(1)
    assert one is not None
    assert one.is_superseded
    assert run.calls() == ["tend"]
    one.done(None)
    run.read(None)
    assert run.calls()[:2] == ["connect", ("settle", [(1, True)])]


def test_a_read_that_waits_is_ended_when_a_batch_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[str] = []
    (one,) = run.read(1)
    assert one
    monkeypatch.setattr(run.input, "wake", lambda: woken.append("woken"))
    monkeypatch.setattr(run.input, "read", lambda timeout: one.done(None))
    run.reader.step()
    assert woken == ["woken"]


def test_what_ends_while_nothing_is_read_wakes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = run.read(1)
    assert one
    monkeypatch.setattr(run.input, "wake", lambda: pytest.fail("it waits for nothing"))
    one.done(None)


def test_an_input_that_settles_anywhere_is_settled_where_the_batch_ends(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scripted, "settles_anywhere", True)
    (one,) = run.read(1)
    assert one
    one.done(None)
    assert run.calls()[-1] == ("settle", [(1, True)], 1)


def test_a_drained_stop_tends_until_all_is_delivered_and_settles_the_last(run: Run) -> None:
    one, two = run.read(1, 2)
    assert one
    assert two
    one.done(None)
    ends = iter([False, False, True])

    def has_ended() -> bool:
        two.done(None)
        return next(ends)

    run.calls()
    run.reader.finish(has_ended)
    assert run.calls() == ["tend", ("settle", [(1, True), (2, True)], 2), "tend"]


def commits(said: list[Any], newer: dict[str, Position] | None = None, /, **restored: int) -> SharedCommits:
    """``newer``: positions that a commit under way turns out to have."""
    positions = {name: Position("i", offset) for name, offset in restored.items()}

    def revoke(partitions: Sequence[str]) -> dict[str, Position]:
        said.append(tuple(partitions))
        return newer or {}

    return SharedCommits(positions, lambda: said.append("force"), revoke)


def test_a_source_that_gives_no_more_until_something_is_settled_has_it_committed() -> None:
    said: list[Any] = []
    run = Run(commits(said))
    run.read(1)
    assert said == []
    run.input.is_dry = True
    run.read(2)
    assert said == ["force"]


def test_it_begins_behind_the_last_commit_after_each_outage() -> None:
    run = Run(commits([], p=4, q=2))
    (five,) = run.read(5)
    assert five
    five.done(None)
    run.read(None, Disconnected("cut"), None)
    run.read(6)
    assert [call for call in run.calls() if isinstance(call, dict)] == [{"p": 4, "q": 2}, {"p": 5, "q": 2}]


def test_it_begins_behind_a_commit_that_ends_during_an_outage() -> None:
    run = Run(commits([], {"p": Position("i", 5)}, p=4, q=2))
    run.read(5, Disconnected("cut"), None)
    run.read(6)
    assert [call for call in run.calls() if isinstance(call, dict)] == [{"p": 4, "q": 2}, {"p": 5, "q": 2}]


def test_without_a_commit_of_others_the_source_knows_where_to_begin(run: Run) -> None:
    run.read(1, Disconnected("cut"), 2)
    assert not any(isinstance(call, dict) for call in run.calls())


def test_a_full_input_has_what_is_delivered_committed() -> None:
    said: list[Any] = []
    run = Run(commits(said), max_in_flight=1)
    run.read(1)
    run.reader.in_flight.poke()
    run.reader.step()
    assert said == ["force"]


@pytest.mark.parametrize("in_time", [True, False])
def test_partitions_that_go_are_waited_for_and_then_settled_no_more(in_time: bool, caplog: pytest.LogCaptureFixture) -> None:
    said: list[Any] = []
    run = Run(commits(said, p=0, q=0))
    (one,) = run.read(1)
    assert one
    if in_time:
        one.done(None)
    run.calls()
    run.input.context.revoked(["p"], 0.0)
    assert said == ["force"] + [("p",)] * (not in_time)
    assert run.calls() == [("settle", [(1, True)], 1)] * in_time
    assert ("may be delivered twice" in caplog.text) == (not in_time)
    run.read(Disconnected("cut"), None)
    run.read(None)
    assert {"q": 0} in run.calls(), "another process knows the position now"


def test_an_epoch_hears_of_partitions_that_go_when_none_of_their_batches_is_worked_any_more() -> None:
    """Else one that is taken after it has heard is committed, and what it has is read again."""
    seen: list[bool] = []

    def revoke(partitions: Sequence[str]) -> dict[str, Position]:
        seen.append(one.is_superseded)
        return {}

    run = Run(SharedCommits({}, lambda: None, revoke))
    (one,) = run.read(1)
    assert one
    run.input.context.revoked(["p"], 0.0)
    assert seen == [True]


def test_a_batch_that_is_not_handed_on_yet_is_not_waited_for_when_its_partition_goes() -> None:
    run = Run()
    (one,) = run.read(1)
    assert one
    run.reader.held = one
    run.input.context.revoked(["p"], 600.0)
    assert one.is_superseded
