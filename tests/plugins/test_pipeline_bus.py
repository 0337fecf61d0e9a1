"""Addresses inside the process: who may read, what a sender learns, and when."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.batch import Batch, Payload
from penstock.plugins.context import Context
from penstock.plugins.errors import Disconnected, Misconfigured
from penstock.plugins.input import Answer
from penstock.plugins.inputs.pipeline import Pipeline as PipelineInput
from penstock.plugins.outputs.pipeline import Pipeline as PipelineOutput
from penstock.plugins.pipeline_bus import Address, TakenError, reserve, send

LONG = 60.0


class Taker:
    """What a runtime gives a listener to emit to. ``room``: how many batches it takes."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.taken: list[tuple[Batch, Answer]] = []
        self.callbacks: list[Callable[[], None]] = []

    def __call__(self, batch: Batch, answer: Answer | None = None) -> bool:
        if len(self.taken) >= self.room:
            return False
        assert answer is not None
        self.taken.append((batch, answer))
        return True

    def when_free(self, callback: Callable[[], None]) -> None:
        self.callbacks.append(callback)

    def answer_all(self, error: Exception | None = None) -> None:
        for _, answer in self.taken:
            answer(error)


@pytest.fixture
def address() -> Iterator[Address]:
    """The address `x`, reserved."""
    reserved = reserve("x")
    yield reserved
    reserved.release()


def output(**options: Any) -> PipelineOutput:
    return PipelineOutput({"send_to": ["x"], **options}, Context(name="pipeline"))


def test_an_address_has_one_reader_until_it_is_released(address: Address) -> None:
    with pytest.raises(TakenError):
        reserve("x")
    address.release()
    reserve("x").release()


@pytest.mark.parametrize("error", [None, OSError("no")])
def test_a_sender_learns_how_its_events_fared(address: Address, error: Exception | None) -> None:
    taker = Taker()
    address.serve(taker)
    future = send("x", [{"message": "m"}], 0)
    assert future is not None
    assert not future.done()
    taker.answer_all(error)
    assert future.exception(LONG) is error
    assert taker.taken[0][0].events == [{"message": "m"}]


def test_what_was_not_answered_is_given_back_when_the_reader_stops(address: Address) -> None:
    taker = Taker()
    address.serve(taker)
    future = send("x", [{}], 0)
    assert future is not None
    address.release()
    assert isinstance(future.exception(LONG), Disconnected)
    taker.answer_all()
    assert isinstance(future.exception(LONG), Disconnected), "who comes first is heard"


def test_nothing_is_taken_where_nobody_reads_or_the_reader_is_full(address: Address) -> None:
    assert send("y", [{}], 0) is None
    assert send("x", [{}], 0) is None, "it is reserved, not served"
    address.serve(Taker(room=0))
    assert send("x", [{}], 0) is None


def test_a_sender_waits_for_room(address: Address) -> None:
    taker = Taker(room=0)
    address.serve(taker)
    results: list[Any] = []
    sender = threading.Thread(target=lambda: results.append(send("x", [{}], LONG)))
    sender.start()
    taker.room = 1
    for callback in taker.callbacks:
        callback()
    sender.join(LONG)
    assert results[0] is not None


def test_an_address_that_is_full_is_asked_once_to_call_back(address: Address) -> None:
    taker = Taker(room=0)
    address.serve(taker)
    for _ in range(10):
        send("x", [{}], 0)
    assert len(taker.callbacks) == 1


def test_the_output_gives_each_address_a_copy_of_its_own(address: Address) -> None:
    taker = Taker()
    address.serve(taker)
    plugin, event = output(), {"a": {"b": 1}}
    (payload,) = plugin.pack([event])
    future = plugin.deliver(payload)
    assert future is not None
    batch, _ = taker.taken[0]
    assert batch.events == [event]
    assert batch.events[0]["a"] is not event["a"]


def test_addresses_are_lanes_so_that_one_holds_up_no_other() -> None:
    payloads = output(send_to=["x", "y", "x"]).pack([{}, {}])
    assert [(payload.lane, payload.count) for payload in payloads] == [("x", 2), ("y", 2)]


def test_the_output_is_disconnected_where_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.plugins.outputs import pipeline

    monkeypatch.setattr(pipeline, "_FOR_A_READER", 0)
    with pytest.raises(Disconnected, match="`x` is not read"):
        output().deliver(Payload([{}], lane="x"))


def test_a_full_address_is_disconnected_once_the_pipeline_stops(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    from penstock.plugins.outputs import pipeline

    monkeypatch.setattr(pipeline, "_FOR_ROOM", 0)
    address.serve(Taker(room=0))
    plugin = output()
    plugin.context.stopping.set()
    with pytest.raises(Disconnected, match="`x` is full"):
        plugin.deliver(Payload([{}], lane="x"))


@pytest.mark.parametrize("reader", ["away", "full", "fails"])
def test_without_ensure_delivery_what_cannot_be_taken_is_dropped(address: Address, reader: str) -> None:
    taker = Taker(room=1 if reader == "fails" else 0)
    if reader != "away":
        address.serve(taker)
    plugin = output(ensure_delivery=False)
    future = plugin.deliver(Payload([{}, {}], lane="x"))
    assert future is not None
    taker.answer_all(OSError("no"))
    assert future.exception(LONG) is None
    dropped = 0 if reader == "fails" else 2
    assert plugin.context.metrics.counter("dropped").value == dropped


def test_the_input_serves_until_it_is_told_to_stop() -> None:
    plugin, stop, taker = PipelineInput({"address": "x"}), threading.Event(), Taker()
    plugin.connect()
    thread = threading.Thread(target=plugin.serve, args=(taker, stop))
    thread.start()
    future = send("x", [{}], LONG)
    assert future is not None
    taker.answer_all()
    stop.set()
    thread.join(LONG)
    plugin.close()
    assert future.exception(LONG) is None
    assert send("x", [{}], 0) is None


def test_two_pipelines_cannot_read_one_address(address: Address) -> None:
    plugin = PipelineInput({"address": "x"})
    with pytest.raises(Misconfigured) as caught:
        plugin.connect()
    assert caught.value.option == "address"
    address.release()
    plugin.connect()
    plugin.connect()
    plugin.close()


def test_two_inputs_of_one_pipeline_with_the_same_address_are_reported() -> None:
    text = 'input { pipeline { address => "x" } pipeline { address => "y" } pipeline { address => "x" } }'
    _, findings = inspect([Source("(test)", text)], settled(None))
    (finding,) = findings
    assert finding.is_error
    assert "another input of this pipeline reads from the address `x`" in finding.message
    assert finding.span is not None
    assert finding.span.text == '"x"'


def test_a_configuration_may_be_looked_at_twice() -> None:
    for _ in range(2):
        assemble([Source("(test)", 'input { pipeline { address => "x" } }')], settled(None))
