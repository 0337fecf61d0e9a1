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
from penstock.pipeline.delivery.buffer import Buffered
from penstock.pipeline.delivery.dispatch import ways, write_to
from penstock.pipeline.delivery.sender import Parcel, Ticket, Undelivered
from penstock.pipeline.delivery.spill import restored, spill_names, stored, tell_of_unclaimed
from penstock.pipeline.storage.queue import DiskQueue
from penstock.plugins.contract import Context, Output, Unfinished


class Target(Output, name="target"):
    """Keeps what is delivered; holds every delivery while ``gate`` is closed; fails as ``plan`` says."""

    def prepare(self) -> None:
        self.gate, self.delivered = threading.Event(), list[Any]()
        self.plan: list[Exception] = []
        self.always: Exception | None = None
        self.gate.set()

    def pack(self, events: list[Event]) -> bytes:
        return b",".join(event["m"] for event in events)

    def deliver(self, packed: bytes) -> None:
        self.gate.wait(30)
        if self.always is not None:
            raise self.always
        if self.plan:
            raise self.plan.pop(0)
        self.delivered.append(packed)


class Impatient(threading.Event):
    """An event for which nobody waits longer than a moment."""

    def wait(self, timeout: float | None = None) -> bool:
        return super().wait(0 if timeout is None else min(timeout, 0.001))


class Life:
    """One output in one run, its spill in the folder."""

    def __init__(self, folder: Path, *, closed: bool = False, **options: Any) -> None:
        self.settings = settled({"path.data": str(folder)})
        self.output = Target({"when_full": "spill", "buffer_size": 10, "id": "out", **options}, Context(self.settings))
        self.output.prepare()
        if closed:
            self.output.gate.clear()
        self.stopping, self.failures, self.answers = Impatient(), list[BaseException](), list[tuple[bytes, Exception | None]]()
        (way,) = ways([self.output], self.stopping, self.failures.append)
        assert isinstance(way, Buffered)
        self.way = way

    def start(self) -> Life:
        self.way.start()
        return self

    def submit(self, *texts: bytes) -> None:
        for text in texts:
            ticket = Ticket(lambda error, text=text: self.answers.append((text, error)))  # type: ignore[misc]
            write_to(self.way, lambda ticket=ticket: ticket)([{"m": text}])  # type: ignore[misc]
            ticket.finish()

    def end(self) -> list[bytes]:
        """All is delivered and let go; what was delivered."""
        self.output.gate.set()
        self.way.end()
        self.way.close()
        return self.output.delivered

    def stop(self) -> list[bytes]:
        """The pipeline is told to stop; what was delivered."""
        self.stopping.set()
        self.way.end()
        self.way.close()
        return self.output.delivered

    @property
    def acknowledged(self) -> list[bytes]:
        return [text for text, error in self.answers if error is None]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


TEXTS = [b"text%d" % number for number in range(20)]


def test_what_does_not_fit_is_acknowledged_when_it_is_on_disk_and_delivered_in_order_later(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True).start()
    life.submit(*TEXTS)
    until(lambda: life.acknowledged == TEXTS)
    assert life.output.delivered == []
    assert life.way.figures().waiting == 20
    assert life.end() == TEXTS
    assert [error for _, error in life.answers] == [None] * 20
    assert (life.way.figures().spilled, life.way.figures().waiting, life.failures) == (20, 0, [])


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
    assert life.way.figures().spilled == 0


def test_when_the_disk_is_empty_again_memory_is_used_again(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True).start()
    life.submit(*TEXTS)
    life.output.gate.set()
    until(lambda: life.way.figures().waiting == 0)
    life.submit(b"late")
    assert life.end() == [*TEXTS, b"late"]
    assert life.way.figures().spilled == 20


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
    until(lambda: life.way.figures().spilled == 2)
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
    way = Buffered(life.output, life.stopping, life.failures.append, life.way._spill, drain=True)
    life.way = way
    life.start().submit(*TEXTS)
    life.stopping.set()
    assert life.end() == TEXTS


def test_when_the_disk_is_full_too_all_wait(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True, spill_max_bytes=5000).start()
    texts = [b"%4d" % number + bytes(996) for number in range(20)]
    submitting = threading.Thread(target=life.submit, args=texts)
    submitting.start()
    submitting.join(0.5)
    assert submitting.is_alive()
    assert 1000 < life.way.figures().spilled * 1000 < 6000
    life.output.gate.set()
    submitting.join(30)
    assert life.end() == texts


def test_one_that_waits_for_room_is_given_back_when_the_pipeline_stops(tmp_path: Path) -> None:
    life = Life(tmp_path, spill_max_bytes=5000).start()
    life.output.always = OSError("away")
    texts = [b"%4d" % number + bytes(996) for number in range(20)]
    submitting = threading.Thread(target=life.submit, args=texts)
    submitting.start()
    submitting.join(0.5)
    life.stopping.set()
    submitting.join(30)
    life.stop()
    assert sorted(text for text, _ in life.answers) == texts, "each is answered, once"
    assert all(isinstance(error, Undelivered) for _, error in life.answers if error is not None)
    assert isinstance(life.failures[0], Undelivered)
    assert Life(tmp_path).start().end() == sorted(life.acknowledged) == texts[: len(life.acknowledged)]


def test_what_an_output_will_never_take_is_buried_in_the_next_life_too(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.output.context.bury = lambda plugin, events, reason: None
    life.output.always = OSError("away")
    life.start().submit(*TEXTS)
    life.stop()
    second, buried = Life(tmp_path), list[Event]()
    second.output.context.bury = lambda plugin, events, reason: buried.extend(events)
    second.output.plan = [ValueError("no")] * 2
    assert second.start().end() == TEXTS[2:]
    assert buried == [{"m": text} for text in TEXTS[:2]]


def test_where_dead_letters_are_turned_on_later_they_get_what_there_is(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.output.always = OSError("away")
    life.start().submit(*TEXTS)
    life.stop()
    second, buried = Life(tmp_path), list[Event]()
    second.output.context.bury = lambda plugin, events, reason: buried.extend(events)
    second.output.plan = [ValueError("no")]
    assert second.start().end() == TEXTS[1:]
    assert [event["message"] for event in buried] == ["text0"]


def test_an_output_that_refuses_ends_and_what_was_acknowledged_is_kept(tmp_path: Path) -> None:
    life = Life(tmp_path, closed=True).start()
    life.submit(*TEXTS)
    life.output.always = ValueError("no")
    assert life.end() == []
    (failure,) = life.failures
    assert "ValueError: no" in str(failure)
    assert Life(tmp_path).start().end() == TEXTS


failures = st.lists(st.one_of(st.just("fails"), st.just("half")), max_size=6)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(2, 40), max_size=30), plan=failures, buffer=st.integers(1, 80), wait=st.booleans())
def test_whatever_happens_all_arrives_in_order_and_each_batch_is_answered_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], plan: list[str], buffer: int, wait: bool
) -> None:
    life = Life(tmp_path_factory.mktemp("spill"), closed=wait, buffer_size=buffer, spill_max_bytes=400)
    texts = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    deliver = life.output.deliver

    def deliver_half(packed: bytes) -> None:
        step = plan.pop() if plan else ""
        if step == "half" and len(packed) > 1:
            deliver(packed[:1])
            raise Unfinished("half of it", packed[1:])
        if step:
            raise OSError("away")
        deliver(packed)

    life.output.deliver = deliver_half  # type: ignore[method-assign]
    release = threading.Timer(0.01, life.output.gate.set)
    release.start()
    life.start().submit(*texts)
    assert b"".join(life.end()) == b"".join(texts)
    assert sorted(life.answers) == [(text, None) for text in sorted(texts)]
    release.cancel()


NOON = Timestamp("2025-09-04T12:00:00.000Z")


@pytest.mark.parametrize("originals", [None, [{"@timestamp": NOON, "message": "m", "n": 2**70}]])
@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x00\xff" * 100, id="bytes"),
        pytest.param({"/a": b"x", "/b": b"\xff"}, id="a dict of bytes"),
        pytest.param([{"@timestamp": NOON, "message": "m", "n": 2**70}], id="events"),
        pytest.param({"one": [{"@timestamp": NOON}], "two": []}, id="events by address"),
        pytest.param(["text", 1.5, None, "\ud800"], id="other plain data"),
    ],
)
def test_a_parcel_comes_back_as_it_was(packed: Any, originals: list[Event] | None) -> None:
    got, events = restored(*stored(Parcel(packed, 1, None, originals)))
    assert got == packed
    assert originals is None or events == originals


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
        pytest.param(("a", 'id => "one"'), ("a", 'id => "two"'), False, id="another id, another folder"),
        pytest.param(("a", 'id => "x/y"'), ("a", 'id => "x_y"'), False, id="ids that look alike as names of files"),
        pytest.param(("a", ""), ("a", "buffer_size => 1 when_full => spill"), True, id="what concerns the buffer does not matter"),
        pytest.param(("a", ""), ("b", ""), False, id="another target"),
        pytest.param(("a", "codec => line { format => '1' }"), ("a", "codec => line { format => '2' }"), False, id="another form"),
    ],
)
def test_the_folder_of_an_output(one: tuple[str, str], other: tuple[str, str], same: bool) -> None:
    assert (names(one) == names(other)) == same


def test_the_folder_does_not_depend_on_what_else_is_configured() -> None:
    assert names(("b", "")) == names(("a", ""), ("b", ""), before="filter { drop { } }\n\n")[1:]


def test_outputs_that_are_the_same_get_folders_of_their_own() -> None:
    assert len(set(names(("a", ""), ("a", ""), ("a", "")))) == 3


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    logger = logging.getLogger("penstock")
    before, logger.propagate = logger.propagate, True
    yield caplog
    logger.propagate = before


def test_a_spill_that_belongs_to_no_output_is_told_of(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    life = Life(tmp_path, id="old").start()
    life.output.always = OSError("away")
    life.submit(*TEXTS)
    life.stop()
    empty = Life(tmp_path, id="empty").start()
    empty.end()
    warned.clear()
    tell_of_unclaimed(life.settings, [life.output])
    assert warned.messages == []
    tell_of_unclaimed(life.settings, [Life(tmp_path, id="new").output])
    (message,) = warned.messages
    assert message.startswith(f"20 events wait in `{tmp_path}/spill/main/old`")
