"""``when_full => "spill"``: what does not fit in memory goes to disk, in order, counts as delivered when it is synced, and is delivered
later, in this life or the next."""
from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.delivery.buffer import BufferedSink
from penstock.pipeline.delivery.dispatch import sinks_of, submitting
from penstock.pipeline.delivery.pending import PendingAck
from penstock.pipeline.delivery.spill import restored, spill_names, stored, warn_of_unclaimed
from penstock.pipeline.storage.queue import DiskQueue
from penstock.plugins.batch import Payload
from penstock.plugins.context import Context
from penstock.plugins.errors import Retry, Undelivered
from penstock.plugins.output import Batching, Output
from penstock.plugins.records.events import pack


class Target(Output, name="target"):
    """Keeps what is delivered; holds every delivery while ``gate`` is closed; fails as ``plan`` says."""

    batching = Batching(events=1)

    def prepare(self) -> None:
        self.gate, self.delivered = threading.Event(), list[Any]()
        self.plan: list[Exception] = []
        self.always: Exception | None = None
        self.gate.set()

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(b",".join(event["m"] for event in events), events)]

    def deliver(self, payload: Payload) -> None:
        self.gate.wait(90)
        if self.always is not None:
            raise self.always
        if self.plan:
            raise self.plan.pop(0)
        self.delivered.append(payload.data)


class Impatient(threading.Event):
    """An event for which nobody waits longer than a moment."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0 if timeout is None else min(timeout, 0.001))


class Life:
    """One output in one run, its spill in the directory."""

    def __init__(self, directory: Path, *, closed: bool = False, **options: Any) -> None:
        self.settings = settled({"path.data": str(directory)})
        self.output = Target({"when_full": "spill", "buffer_size": 10, "id": "out", "attempts": 1, **options}, Context(self.settings))
        self.output.prepare()
        if closed:
            self.output.gate.clear()
        self.stopping, self.failures, self.answers = Impatient(), list[BaseException](), list[tuple[bytes, Exception | None]]()
        (sink,) = sinks_of([self.output], self.stopping, self.failures.append)
        assert isinstance(sink, BufferedSink)
        self.sink = sink

    def start(self) -> Life:
        self.sink.start()
        return self

    def submit(self, *texts: bytes) -> None:
        for text in texts:
            pending = PendingAck(lambda error, text=text: self.answers.append((text, error)))  # type: ignore[misc]
            submitting(self.sink, lambda pending=pending: pending)([{"m": text}])  # type: ignore[misc]
            pending.finish()

    def end(self) -> list[bytes]:
        """All is delivered and let go; what was delivered."""
        self.output.gate.set()
        self.sink.end()
        self.sink.close()
        return self.output.delivered

    def stop(self) -> list[bytes]:
        """The pipeline is told to stop; what was delivered."""
        self.stopping.set()
        self.sink.end()
        self.sink.close()
        return self.output.delivered

    @property
    def acknowledged(self) -> list[bytes]:
        return [text for text, error in self.answers if error is None]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


TEXTS = [b"text%d" % number for number in range(20)]


def test_what_does_not_fit_is_acknowledged_when_it_is_on_disk_and_delivered_in_order_later(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True).start()
    life.submit(*TEXTS)
    until(lambda: life.acknowledged == TEXTS)
    assert life.output.delivered == []
    assert life.sink.stats().waiting == 20
    assert life.end() == TEXTS
    assert [error for _, error in life.answers] == [None] * 20
    assert (life.sink.stats().spilled, life.sink.stats().waiting, life.failures) == (20, 0, [])


def test_what_cannot_be_synced_is_not_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []

    def commit(queue: DiskQueue) -> None:
        synced.append("tried")
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(DiskQueue, "commit", commit)
    life = Life(tmp_path).start()
    life.output.always = OSError("away")
    life.submit(*TEXTS)
    until(lambda: synced)
    assert life.answers == []
    life.stop()
    assert sorted(text for text, error in life.answers if isinstance(error, Undelivered)) == sorted(TEXTS)


def test_what_fits_does_not_touch_the_disk(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True, buffer_size=1000).start()
    life.submit(*TEXTS)
    assert life.answers == []
    assert life.end() == TEXTS
    assert life.sink.stats().spilled == 0


def test_when_the_disk_is_empty_again_memory_is_used_again(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True).start()
    life.submit(*TEXTS)
    life.output.gate.set()
    until(lambda: life.sink.stats().waiting == 0)
    life.submit(b"late")
    assert life.end() == [*TEXTS, b"late"]
    assert life.sink.stats().spilled == 20


def test_a_stop_leaves_on_disk_what_is_there_and_the_next_start_delivers_it_before_all_that_is_new(tmp_path: Path) -> None:
    life = Life(tmp_path).start()
    life.output.always = OSError("away")
    life.submit(*TEXTS)
    assert life.stop() == []
    assert life.acknowledged == TEXTS
    assert life.failures == []
    second = Life(tmp_path)
    second.submit(b"new")
    second.start()
    assert second.end() == [*TEXTS, b"new"]
    assert Life(tmp_path).start().end() == []


def test_a_stop_puts_on_disk_what_is_in_memory_and_cannot_be_delivered(tmp_path: Path) -> None:
    life = Life(tmp_path, buffer_size=1000).start()
    life.output.always = OSError("away")
    life.submit(b"one", b"two")
    life.stopping.set()
    until(lambda: life.sink.stats().spilled == 2)
    life.submit(b"three")
    assert life.stop() == []
    assert (life.acknowledged, life.failures) == ([b"one", b"two", b"three"], [])
    assert Life(tmp_path).start().end() == [b"one", b"two", b"three"]


def test_an_output_that_hangs_does_not_keep_what_waits_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.pipeline.delivery.buffer._LAST_PATIENCE", 0.1)
    life = Life(tmp_path, closed=True, buffer_size=1000).start()
    life.submit(b"one", b"two")
    assert life.stop() == []
    assert life.acknowledged == [b"one", b"two"]
    assert Life(tmp_path).start().end() == [b"one", b"two"]
    life.output.gate.set()


def test_a_queue_that_is_to_be_drained_has_its_spills_drained_too(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True)
    life.sink = BufferedSink(life.output, life.stopping, life.failures.append, life.sink._spill, drain=True)
    life.start().submit(*TEXTS)
    life.stopping.set()
    assert life.end() == TEXTS


def test_when_the_disk_is_full_too_all_wait(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True, spill_max_bytes=5000).start()
    texts = [b"%4d" % number + bytes(996) for number in range(20)]
    late = threading.Thread(target=life.submit, args=texts)
    late.start()
    late.join(0.5)
    assert late.is_alive()
    assert 1000 < life.sink.stats().spilled * 1000 < 6000
    life.output.gate.set()
    late.join(90)
    assert life.end() == texts


def test_one_that_waits_for_room_is_given_back_when_the_pipeline_stops(tmp_path: Path) -> None:
    life = Life(tmp_path, spill_max_bytes=5000).start()
    life.output.always = OSError("away")
    texts = [b"%4d" % number + bytes(996) for number in range(20)]
    late = threading.Thread(target=life.submit, args=texts)
    late.start()
    late.join(0.5)
    life.stopping.set()
    late.join(90)
    life.stop()
    assert sorted(text for text, _ in life.answers) == texts, "each is answered, once"
    assert all(isinstance(error, Undelivered) for _, error in life.answers if error is not None)
    assert isinstance(life.failures[0], Undelivered)
    assert Life(tmp_path).start().end() == sorted(life.acknowledged) == texts[: len(life.acknowledged)]


def test_what_an_output_never_takes_is_dead_lettered_in_the_next_run_too(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.output.context.dead_letter = lambda events, reason: None
    life.output.always = OSError("away")
    life.start().submit(*TEXTS)
    life.stop()
    second, dead = Life(tmp_path), list[Event]()
    second.output.context.dead_letter = lambda events, reason: dead.extend(events)
    second.output.plan = [ValueError("no")] * 2
    assert second.start().end() == TEXTS[2:]
    assert dead == [{"m": text} for text in TEXTS[:2]]


def test_where_dead_letters_are_turned_on_later_they_get_what_there_is(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.output.always = OSError("away")
    life.start().submit(*TEXTS)
    life.stop()
    second, dead = Life(tmp_path), list[Event]()
    second.output.context.dead_letter = lambda events, reason: dead.extend(events)
    second.output.plan = [ValueError("no")]
    assert second.start().end() == TEXTS[1:]
    assert [event["message"] for event in dead] == ["text0"]


def test_an_output_that_refuses_ends_and_what_was_acknowledged_is_kept(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True).start()
    life.submit(*TEXTS)
    life.output.always = ValueError("no")
    assert life.end() == []
    (failure,) = life.failures
    assert "ValueError: no" in str(failure)
    assert Life(tmp_path).start().end() == TEXTS


steps = st.lists(st.sampled_from(["away", "part", "again"]), max_size=6)


class Parts(Target, name="parts"):
    """A target of single events: lists of texts, of which some may have to be delivered again."""

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload([event["m"] for event in events], events)]


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(2, 40), max_size=30), plan=steps, buffer=st.integers(1, 80), wait=st.booleans())
def test_whatever_happens_all_arrives_in_order_and_each_batch_is_answered_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], plan: list[str], buffer: int, wait: bool
) -> None:
    life = Life(tmp_path_factory.mktemp("spill"), closed=wait, buffer_size=buffer, spill_max_bytes=400)
    texts = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    life.output.pack = Parts.pack.__get__(life.output)  # type: ignore[method-assign]
    arrived: list[bytes] = []

    def deliver(payload: Payload) -> None:
        life.output.gate.wait(90)
        step = plan.pop() if plan else ""
        if step == "away":
            raise OSError("away")
        if step == "again":
            raise Retry("busy")
        if step == "part" and payload.count > 1:
            arrived.extend(payload.data[:1])
            raise Retry("half of it", range(1, payload.count))
        arrived.extend(payload.data)

    life.output.deliver = deliver  # type: ignore[method-assign]
    release = threading.Timer(0.01, life.output.gate.set)
    release.start()
    life.start().submit(*texts)
    life.end()
    assert arrived == texts
    assert sorted(life.answers) == [(text, None) for text in sorted(texts)]
    release.cancel()


NOON = Timestamp("2025-09-04T12:00:00.000Z")


@pytest.mark.parametrize("events", [None, [{"@timestamp": NOON, "message": "m", "n": 2**70}]])
@pytest.mark.parametrize("lane", [None, "/var/log/a.log"])
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff" * 100, id="bytes"),
        pytest.param([b"x", b"\xff"], id="a list of bytes"),
        pytest.param([{"@timestamp": NOON, "message": "m", "n": 2**70}], id="events"),
        pytest.param({"one": [{"@timestamp": NOON}], "two": []}, id="a map"),
        pytest.param(["text", 1.5, None, "\ud800"], id="other plain data"),
    ],
)
def test_a_payload_comes_back_as_it_was(data: Any, events: list[Event] | None, lane: str | None) -> None:
    got = restored(*stored(Payload(data, events, lane, 3)), 3)
    assert (got.data, got.lane, got.count) == (data, lane, 3)
    assert events is None or got.events == events


def test_a_record_of_the_format_before_is_read() -> None:
    old = pack([{"packed": ["x"], "originals": [{"m": "x"}]}])
    got = restored({"form": "data"}, old, 1)
    assert (got.data, got.events) == (["x"], [{"m": "x"}])


def outputs(text: str) -> list[Output]:
    assembly = assemble([Source("test.conf", text)], settled({}))
    return [plugin for plugin in assembly.plugins(assembly.program.outputs) if isinstance(plugin, Output)]


FILE = 'file {{ path => "/tmp/{path}" {more} }}'


def names(*rows: tuple[str, str], before: str = "") -> list[str]:
    return spill_names(outputs(f"{before} output {{ {' '.join(FILE.format(path=path, more=more) for path, more in rows)} }}"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(("a", 'id => "one"'), ("b", 'id => "one" codec => json_lines'), True, id="an id says which one it is, whatever else changes"),
        pytest.param(("a", 'id => "one"'), ("a", 'id => "two"'), False, id="another id, another directory"),
        pytest.param(("a", 'id => "x/y"'), ("a", 'id => "x_y"'), False, id="ids that look alike as names of files"),
        pytest.param(("a", ""), ("a", "buffer_size => 1 when_full => spill"), True, id="what concerns the buffer does not matter"),
        pytest.param(("a", ""), ("b", ""), False, id="another target"),
        pytest.param(("a", "codec => line { format => '1' }"), ("a", "codec => line { format => '2' }"), False, id="another form"),
    ],
)
def test_the_directory_of_an_output(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    assert (names(one) == names(other)) == same


def test_the_directory_does_not_depend_on_what_else_is_configured() -> None:
    assert names(("b", "")) == names(("a", ""), ("b", ""), before="filter { drop { } }\n\n")[1:]


def test_outputs_that_are_the_same_get_directories_of_their_own() -> None:
    assert len(set(names(("a", ""), ("a", ""), ("a", "")))) == 3


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    logger = logging.getLogger("penstock")
    before, logger.propagate = logger.propagate, True
    yield caplog
    logger.propagate = before


def test_a_spill_without_an_output_is_warned_of(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    life = Life(tmp_path, id="old").start()
    life.output.always = OSError("away")
    life.submit(*TEXTS)
    life.stop()
    empty = Life(tmp_path, id="empty").start()
    empty.end()
    warned.clear()
    warn_of_unclaimed(life.settings, [life.output])
    assert warned.messages == []
    warn_of_unclaimed(life.settings, [Life(tmp_path, id="new").output])
    (message,) = warned.messages
    assert message.startswith(f"20 events wait in `{tmp_path}/spill/main/old`")
