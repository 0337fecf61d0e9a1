"""Epochs: many batches are acknowledged after one commit that holds for all of them, and nothing is counted twice whatever fails."""
from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.in_flight import Delivery
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.runtime.reader import Reader, SharedCommits
from penstock.pipeline.state.epochs import Epochs
from penstock.plugins.batch import Batch, Part, Position
from penstock.plugins.epoch import Offsets
from penstock.plugins.errors import Disconnected, EndOfInput
from penstock.plugins.input import Input, Outcome


class Recorded:
    """A participant that notes what it is asked."""

    def __init__(self, overlaps: bool = True) -> None:
        self.overlaps, self.calls, self.failures = overlaps, list[Any](), list[Exception]()

    def restored(self) -> Offsets:
        return {}

    def begin(self) -> None:
        self.calls.append("begin")

    def snapshot(self) -> Any:
        self.calls.append("snapshot")
        return "state"

    def commit(self, offsets: Offsets, state: Any) -> None:
        self.calls.append(({key: dict(value) for key, value in offsets.items() if value}, state))
        if self.failures:
            raise self.failures.pop(0)

    def abort(self) -> None:
        self.calls.append("abort")


class Awaited(Future[None]):
    """Ends when its executor is told to run, or when somebody waits for it."""

    def __init__(self, executor: WhenTold) -> None:
        super().__init__()
        self.executor = executor

    def result(self, timeout: float | None = None) -> None:
        self.executor.run()
        super().result(timeout)


class AtOnce(Executor):
    """Runs a commit when it is given one."""

    def submit(self, work: Callable[..., None], /, *args: Any) -> Future[None]:  # type: ignore[override]
        ended: Future[None] = Future()
        self.end(ended, work, args)
        return ended

    def end(self, future: Future[None], work: Callable[..., None], args: Any) -> None:
        try:
            future.set_result(work(*args))
        except Exception as error:
            future.set_exception(error)

    def run(self) -> None:
        """What is to be run was."""


class WhenTold(AtOnce):
    """Runs a commit when it is told to: until then the disk is waited for."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Awaited, Callable[..., None], Any]] = []

    def submit(self, work: Callable[..., None], /, *args: Any) -> Future[None]:  # type: ignore[override]
        assert not self.waiting, "one commit at a time"
        future = Awaited(self)
        self.waiting.append((future, work, args))
        return future

    def run(self) -> None:
        while self.waiting:
            self.end(*self.waiting.pop())


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def part(offset: int, partition: str = "p") -> Part:
    return Part(partition, Position("i", offset), 1)


@pytest.fixture
def ended() -> list[Exception | None]:
    """How the batches ended, in the order in which they did."""
    return []


def committed(participant: Recorded) -> list[Any]:
    return [call for call in participant.calls if isinstance(call, tuple)]


def test_batches_are_acknowledged_after_the_commit_of_their_last_positions(ended: list[Exception | None]) -> None:
    participant = Recorded()
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    deliveries = [epochs.take(0, [part(offset)], ended.append) for offset in (1, 2)]
    deliveries[1](None)
    deliveries[0](None)
    epochs.tick(idle=False)
    assert (ended, committed(participant)) == ([], [])
    epochs.tick(idle=True)
    assert (ended, committed(participant)) == ([None, None], [({0: {"p": Position("i", 2)}}, "state")])


def test_a_closed_epoch_waits_for_its_last_delivery(ended: list[Exception | None]) -> None:
    participant = Recorded()
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    late = epochs.take(0, [part(1)], ended.append)
    epochs.tick(idle=True)
    assert participant.calls == ["begin", "snapshot", "begin"]
    next_one = epochs.take(0, [part(2)], ended.append)
    next_one(None)
    epochs.tick(idle=True)
    assert ended == [], "an epoch is not committed before the one that was closed earlier"
    late(None)
    epochs.tick(idle=False)
    assert ended == [None, None]
    assert [offsets[0]["p"].offset for offsets, _ in committed(participant)] == [1, 2]


def test_an_epoch_is_closed_after_the_interval(ended: list[Exception | None]) -> None:
    clock = Clock()
    epochs = Epochs(Recorded(), 5.0, executor=AtOnce(), clock=clock)
    epochs.take(0, [part(1)], ended.append)(None)
    clock.now = 4.9
    epochs.tick(idle=False)
    assert ended == []
    clock.now = 5.0
    epochs.tick(idle=False)
    assert ended == [None]


def test_an_epoch_is_closed_when_it_has_as_many_batches_as_it_may(ended: list[Exception | None]) -> None:
    epochs = Epochs(Recorded(), 5.0, executor=AtOnce(), limit=lambda source: 2)
    for offset in (1, 2):
        assert ended == []
        epochs.take(0, [part(offset)], ended.append)(None)
        epochs.tick(idle=False)
    assert ended == [None, None]


def test_an_epoch_is_closed_when_something_waits_for_it(ended: list[Exception | None]) -> None:
    news: list[str] = []
    epochs = Epochs(Recorded(), 5.0, lambda: news.append("news"), executor=AtOnce())
    epochs.force()
    assert news == [], "there is nothing to commit"
    epochs.take(0, [part(1)], ended.append)(None)
    epochs.force()
    assert news == ["news"]
    epochs.tick(idle=False)
    assert ended == [None]


def test_a_failed_delivery_fails_every_batch_behind_the_last_commit(ended: list[Exception | None]) -> None:
    participant = Recorded()
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    one, two = (epochs.take(0, [part(offset)], ended.append) for offset in (1, 2))
    one(None)
    epochs.tick(idle=False)
    failure = OSError("full")
    two(failure)
    epochs.tick(idle=False)
    assert (ended, committed(participant)) == ([failure, failure], [])
    assert participant.calls[-2:] == ["abort", "begin"]


def test_a_commit_that_fails_gives_its_batches_back_and_waits_ever_longer(ended: list[Exception | None]) -> None:
    participant, pauses = Recorded(), list[float]()
    participant.failures = [OSError("locked"), OSError("locked"), OSError("locked")]
    epochs = Epochs(participant, 5.0, executor=AtOnce(), pause=pauses.append)
    for _ in range(4):
        epochs.take(0, [part(1)], ended.append)(None)
        epochs.tick(idle=True)
    assert [str(error) for error in ended] == ["locked"] * 3 + ["None"]
    assert pauses == [0.1, 0.2, 0.4]
    assert (epochs.commits, epochs.aborts) == (1, 3)


class Slow:
    """Epochs whose first one is being committed, with one batch; ``news``: how often there was some."""

    def __init__(self, ended: list[Exception | None]) -> None:
        self.participant, self.disk, self.ended, self.news = Recorded(), WhenTold(), ended, 0
        self.epochs = Epochs(self.participant, 5.0, self.tell, executor=self.disk)
        self.epochs.take(0, [part(1)], ended.append)(None)
        self.epochs.tick(idle=True)
        assert self.disk.waiting
        self.news = 0

    def tell(self) -> None:
        self.news += 1


def test_batches_go_on_while_a_commit_waits_for_the_disk(ended: list[Exception | None]) -> None:
    slow = Slow(ended)
    for offset in (2, 3):
        slow.epochs.take(0, [part(offset)], ended.append)(None)
        slow.epochs.tick(idle=True)
    assert (ended, committed(slow.participant)) == ([], [])
    slow.disk.run()
    assert (ended, slow.news) == ([], 1), "what follows happens in the thread that filters"
    for _ in range(3):
        slow.epochs.tick(idle=False)
        slow.disk.run()
    assert (ended, slow.epochs.commits) == ([None] * 3, 3)
    assert [offsets[0]["p"].offset for offsets, _ in committed(slow.participant)] == [1, 2, 3]


def test_a_delivery_that_fails_during_a_commit_takes_nothing_of_it_back(ended: list[Exception | None]) -> None:
    slow = Slow(ended)
    failure = OSError("full")
    slow.epochs.take(0, [part(2)], ended.append)(failure)
    slow.epochs.tick(idle=False)
    assert ended == [None, failure]
    assert slow.participant.calls[-3:] == [({0: {"p": Position("i", 1)}}, "state"), "abort", "begin"]


def test_a_commit_that_fails_behind_the_back_of_batches_gives_all_of_them_back(ended: list[Exception | None]) -> None:
    slow = Slow(ended)
    slow.participant.failures = [OSError("disk full")]
    slow.epochs.take(0, [part(2)], ended.append)(None)
    slow.disk.run()
    assert ended == []
    slow.epochs.tick(idle=False)
    assert [str(error) for error in ended] == ["disk full"] * 2
    assert (slow.epochs.commits, slow.epochs.aborts) == (0, 1)


def test_partitions_that_go_during_a_commit_keep_what_it_commits(ended: list[Exception | None]) -> None:
    slow = Slow(ended)
    slow.epochs.take(0, [part(2)], ended.append)(None)
    slow.epochs.revoke(0, {"p"})
    slow.epochs.tick(idle=False)
    assert ended[0] is None
    assert isinstance(ended[1], Disconnected)


@pytest.mark.parametrize(("offset", "has"), [(1, True), (2, False)])
def test_whether_a_batch_is_committed_is_known_during_its_commit(ended: list[Exception | None], offset: int, has: bool) -> None:
    slow = Slow(ended)
    assert slow.epochs.has(0, [part(offset)]) is has
    assert ended == [None] * has, "only who needs to know waits for the disk"


def test_the_end_waits_for_the_disk_unless_the_pipeline_has_failed(ended: list[Exception | None]) -> None:
    slow = Slow(ended)
    slow.epochs.take(0, [part(2)], ended.append)(None)
    slow.epochs.finish()
    assert (ended, slow.epochs.commits) == ([None] * 2, 2)
    failed = Slow(ended)
    failed.epochs.give_up()
    failed.epochs.finish()
    assert failed.participant.calls[-1] == "abort", "and a commit under way has ended before"
    assert failed.epochs.commits == 1


def test_a_commit_has_a_thread_of_its_own(ended: list[Exception | None]) -> None:
    threads: list[str] = []

    class Seen(Recorded):
        def commit(self, offsets: Offsets, state: Any) -> None:
            threads.append(threading.current_thread().name)

    epochs = Epochs(Seen(), 5.0)
    epochs.take(0, [part(1)], ended.append)(None)
    epochs.finish()
    assert (ended, [name.startswith("state commit") for name in threads]) == ([None], [True])


def test_an_epoch_that_may_not_overlap_is_committed_before_the_next_batch(ended: list[Exception | None]) -> None:
    participant = Recorded(overlaps=False)
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    delivery = epochs.take(0, [part(1)], ended.append)
    thread = threading.Thread(target=epochs.tick, args=(True,))
    thread.start()
    thread.join(0.05)
    assert thread.is_alive(), "the next batch has to wait for the commit"
    delivery(None)
    thread.join(60)
    assert ended == [None]
    assert participant.calls == ["begin", "snapshot", ({0: {"p": Position("i", 1)}}, "state"), "begin"]


@pytest.mark.parametrize("overlaps", [True, False])
def test_partitions_that_are_gone_are_not_committed(overlaps: bool, ended: list[Exception | None]) -> None:
    participant = Recorded(overlaps)
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    epochs.take(0, [part(1)], ended.append)(None)
    epochs.take(0, [part(7, "gone")], ended.append)(None)
    epochs.revoke(0, ["gone", "unknown"])
    epochs.tick(idle=True)
    assert [type(error) for error in ended] == [Disconnected, Disconnected]
    assert committed(participant) == []


def test_partitions_that_go_at_the_moment_of_the_commit_are_not_committed(ended: list[Exception | None]) -> None:
    """They may be back when the snapshot is taken, which then shows nothing of it."""

    class Late(Recorded):
        def snapshot(self) -> Any:
            epochs.revoke(0, ["p"])
            return super().snapshot()

    participant = Late(overlaps=False)
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    epochs.take(0, [part(1)], ended.append)(None)
    epochs.tick(idle=True)
    assert participant.calls == ["begin", "snapshot", "abort", "begin"]
    assert [type(error) for error in ended] == [Disconnected]


def test_what_an_aborted_epoch_still_delivers_ends_before_the_next_one_begins(ended: list[Exception | None]) -> None:
    """Else it would belong to the next one, and be there twice when its batches come again."""
    participant = Recorded(overlaps=False)
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    late = epochs.take(0, [part(7, "gone")], ended.append)
    epochs.revoke(0, ["gone"])
    thread = threading.Thread(target=epochs.tick, args=(False,))
    thread.start()
    thread.join(0.05)
    assert participant.calls == ["begin", "abort"]
    late(None)
    thread.join(60)
    assert participant.calls == ["begin", "abort", "begin"]
    assert [type(error) for error in ended] == [Disconnected]


def test_a_pipeline_that_has_failed_waits_for_no_delivery_and_commits_nothing(ended: list[Exception | None]) -> None:
    participant = Recorded(overlaps=False)
    epochs = Epochs(participant, 5.0, executor=AtOnce())
    epochs.take(0, [part(1)], ended.append)
    thread = threading.Thread(target=epochs.tick, args=(True,))
    thread.start()
    epochs.give_up()
    thread.join(60)
    assert not thread.is_alive()
    epochs.finish()
    assert (ended, committed(participant), participant.calls[-1]) == ([], [], "abort")


# Positions and counts in one transaction: whatever fails, each event is counted once.


class SqliteCounts:
    """Counts events by value; a commit writes positions and counts in one transaction."""

    def __init__(self, database: sqlite3.Connection, overlaps: bool) -> None:
        self.database, self.overlaps, self.fails = database, overlaps, False
        database.execute("create table if not exists counts (value primary key, number)")
        database.execute("create table if not exists offsets (partition primary key, position)")
        self.counts = self.saved()

    def saved(self) -> Counter[str]:
        return Counter(dict(self.database.execute("select value, number from counts")))

    def saved_offsets(self) -> dict[str, int]:
        return dict(self.database.execute("select partition, position from offsets"))

    def restored(self) -> Offsets:
        return {0: {partition: Position("i", at) for partition, at in self.saved_offsets().items()}}

    def begin(self) -> None:
        pass

    def snapshot(self) -> Any:
        return Counter(self.counts)

    def commit(self, offsets: Offsets, state: Any) -> None:
        with self.database as database:
            database.executemany("replace into counts values (?, ?)", state.items())
            if self.fails:
                self.fails = False
                raise OSError("disk full")
            rows = [(name, at.offset) for parts in offsets.values() for name, at in parts.items()]
            database.executemany("replace into offsets values (?, ?)", rows)

    def abort(self) -> None:
        self.counts = self.saved()


CONTENT = {"a": [f"a{n % 3}" for n in range(7)], "b": [f"b{n % 2}" for n in range(5)]}


class Partitions(Input, name="partitions"):
    """Reads two partitions from positions that the runtime knows; every other batch has events of both."""

    replays = True

    def prepare(self) -> None:
        self.at, self.under_way, self.turn = {"a": 0, "b": 0}, list[Any](), 0
        self.breaks, self.settle_fails = False, None

    def connect(self) -> None:
        self.at, self.breaks = {"a": 0, "b": 0}, False
        self.under_way.clear()

    def resume(self, positions: Mapping[str, Position]) -> None:
        self.at |= {name: position.offset for name, position in positions.items()}

    def read(self, timeout: float) -> Batch | None:
        if self.breaks:
            raise Disconnected("cut")
        self.turn += 1
        names = ("a", "b") if self.turn % 2 else ("ab"[self.turn // 2 % 2],)
        starts = {name: self.at[name] for name in names if self.at[name] < len(CONTENT[name])}
        if not starts:
            return None
        events = [{"value": CONTENT[name][start]} for name, start in starts.items()]
        self.at |= {name: start + 1 for name, start in starts.items()}
        token = (self.turn, starts)
        self.under_way.append(token)
        return Batch(events, token=token, parts=[part(start + 1, name) for name, start in starts.items()])

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        if self.settle_fails:
            error, self.settle_fails = self.settle_fails, None
            raise error
        for token, error in outcomes:
            if token not in self.under_way:
                continue
            if error is None:
                self.under_way.remove(token)
            else:
                self.give_again(token)

    def give_again(self, failed: Any) -> None:
        """All from the failed batch on, in each partition that it has a part of, also of batches that are part of two."""
        again = dict(failed[1])
        for token in self.under_way[self.under_way.index(failed) :]:
            if again.keys() & token[1].keys():
                again = {**token[1], **again}
        for token in list(self.under_way):
            if any(start >= again.get(name, 99) for name, start in token[1].items()):
                self.under_way.remove(token)
        self.at |= again


class DoesNotWait(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


class CountingRun:
    """A run that is stepped by the test: reading, working, delivering and committing, each as often as it is told."""

    def __init__(self, database: sqlite3.Connection, overlaps: bool, executor: AtOnce) -> None:
        self.executor = executor
        self.counts = SqliteCounts(database, overlaps)
        self.input = Partitions({})
        self.input.prepare()
        restored = self.counts.restored()[0]
        self.epochs = Epochs(self.counts, 1e9, limit=lambda source: 3, pause=lambda seconds: None, executor=executor)
        commits = SharedCommits(restored, self.epochs.force, lambda gone: self.epochs.revoke(0, gone))
        self.reader = Reader(self.input, DoesNotWait(), commits)
        self.waiting: list[tuple[Batch, Delivery]] = []
        self.sent: list[Any] = []

    def read(self) -> None:
        got = self.reader.step()
        if got is not None:
            self.waiting.append(got)

    def work(self) -> None:
        if not self.waiting:
            return
        batch, delivery = self.waiting.pop(0)
        if delivery.is_superseded:
            delivery.done(OSError("comes again"))
            return
        if self.epochs.has(0, batch.parts):
            delivery.done(None)
            return
        self.sent.append(self.epochs.take(0, batch.parts, delivery.done))
        self.counts.counts.update(event["value"] for event in batch.events or ())

    def deliver(self, number: int, error: Exception | None = None) -> None:
        if self.sent:
            self.sent.pop(number % len(self.sent))(error)

    def tick(self, idle: bool) -> None:
        while self.sent and not self.counts.overlaps:
            self.deliver(0)
        self.epochs.tick(idle)

    def run_to_the_end(self) -> None:
        for _ in range(80):
            self.read()
            self.work()
            self.deliver(0)
            self.tick(idle=True)
            self.executor.run()
        self.epochs.finish()


STEPS = st.one_of(
    st.sampled_from(["read", "work", "read", "work", "tick", "idle", "commit ends", "commit fails", "settle fails", "settle finds it gone", "cut", "killed"]),
    st.tuples(st.sampled_from(["delivered", "delivered", "delivered", "failed"]), st.integers(0, 9)),
)


@settings(deadline=None, max_examples=150)
@given(steps=st.lists(STEPS, max_size=60), overlaps=st.booleans(), is_slow=st.booleans())
def test_each_event_is_counted_once_whatever_fails(steps: list[Any], overlaps: bool, is_slow: bool) -> None:
    database = sqlite3.connect(":memory:")
    run = CountingRun(database, overlaps, WhenTold() if is_slow else AtOnce())
    for step in steps:
        run = after(step, run)
        counted = Counter(value for name, at in run.counts.saved_offsets().items() for value in CONTENT[name][:at])
        assert run.counts.saved() == counted, "counts and positions are committed together"
    run.run_to_the_end()
    assert run.counts.saved() == Counter([*CONTENT["a"], *CONTENT["b"]])


def after(step: Any, run: CountingRun) -> CountingRun:
    match step:
        case "read":
            run.read()
        case "work":
            run.work()
        case "tick" | "idle":
            run.tick(step == "idle")
        case "commit ends":
            run.executor.run()
        case "commit fails":
            run.counts.fails = True
        case "settle fails":
            run.input.settle_fails = ValueError("the commit was refused")
        case "settle finds it gone":
            run.input.settle_fails = OSError("cut")
        case "cut":
            run.input.breaks = True
        case "killed":
            run = CountingRun(run.counts.database, run.counts.overlaps, type(run.executor)())
        case ("delivered", number):
            run.deliver(number)
        case ("failed", number):
            run.deliver(number, OSError("refused"))
    return run


# In a pipeline.


class Numbers(Input, name="numbers"):
    """Gives the numbers up to ten behind the position it is told, a batch each."""

    local = replays = True

    def prepare(self) -> None:
        self.at, self.settled = 0, list[int]()

    def resume(self, positions: Mapping[str, Position]) -> None:
        self.at = positions["n"].offset

    def read(self, timeout: float) -> Batch | None:
        if self.at == 10:
            raise EndOfInput
        self.at += 1
        return Batch([{"message": str(self.at)}], parts=[part(self.at, "n")])

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        self.settled += [position.offset for position in behind.values()]


class Restored(Recorded):
    def restored(self) -> Offsets:
        return {0: {"n": Position("i", 4)}}


class Listed(list[str]):
    def write(self, events: Any) -> None:
        self.extend(event["message"] for event in events)


def run_numbers(participants: list[Any], given: dict[str, Any]) -> tuple[Numbers, Listed]:
    text = "input { generator { } } output { null { } null { } }"
    assembly = assemble([Source("test.conf", text)], settled(given))
    (use,) = assembly.program.inputs
    numbers, arrived = Numbers({"max_in_flight": 4}), Listed()
    numbers.prepare()
    assembly.made[use] = numbers
    one, two = assembly.plugins(assembly.program.outputs)
    for output, participant in zip((one, two), participants, strict=False):
        output.participant = participant
    one.pack = lambda events: arrived.write(events) or []  # type: ignore[attr-defined]
    Pipeline(assembly).run()
    return numbers, arrived


@pytest.mark.parametrize("overlaps", [True, False])
@pytest.mark.parametrize("queue", ["memory", "persisted"])
def test_a_pipeline_begins_behind_the_committed_positions_and_settles_after_commits(tmp_path: Any, overlaps: bool, queue: str) -> None:
    participant = Restored(overlaps)
    numbers, arrived = run_numbers([participant], {"queue.type": queue, "path.data": str(tmp_path)})
    if queue == "memory":
        assert arrived == ["5", "6", "7", "8", "9", "10"]
        ends = [4, *(parts["n"].offset for offsets, _ in committed(participant) for parts in offsets.values())]
        assert ends[-1] == 10
        assert all(0 < end - begin <= 2 for begin, end in pairwise(ends)), "half of max_in_flight, at most"
    else:
        assert arrived == [str(number) for number in range(1, 11)], "the queue has its own positions"
    assert numbers.settled[-1] == 10


def test_two_that_commit_by_themselves_cannot_be_in_one_pipeline() -> None:
    with pytest.raises(OSError, match=r"test\.conf:1:\d+: null and null \(test\.conf:1:\d+\) each commit"):
        run_numbers([Recorded(), Recorded()], {})


def test_one_that_does_not_overlap_is_asked_for_its_snapshot_when_all_is_delivered(ended: list[Exception | None]) -> None:
    participant = Recorded(overlaps=False)
    epochs = Epochs(participant, 0.0, executor=AtOnce())
    late = epochs.take(0, [part(1)], ended.append)
    waiting = threading.Thread(target=epochs.tick, args=[True])
    waiting.start()
    assert participant.calls == ["begin"], "the batch is still with a worker, or with an output"
    late(None)
    waiting.join()
    assert participant.calls == ["begin", "snapshot", ({0: {"p": Position("i", 1)}}, "state"), "begin"]
