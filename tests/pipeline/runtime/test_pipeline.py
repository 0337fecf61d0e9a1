"""The runtime, in process: batches go from inputs through filters to outputs and are acknowledged when every output has them."""
from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.input_queue import QueueIntake
from penstock.pipeline.runtime.input_threads import Incoming
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.storage.queue import DiskQueue
from penstock.pipeline.storage.queue_errors import Closed
from penstock.plugins.batch import Batch, Part, Payload, Position
from penstock.plugins.errors import EndOfInput, Undelivered
from penstock.plugins.input import Input, Outcome
from penstock.plugins.output import Batching, Output

GENERATOR = 'input { generator { lines => ["a", "b", "c"] count => 2 ecs_compatibility => disabled } }'


class Collector:
    """Stands in for an output's ``deliver``; fails as often as it is told to."""

    def __init__(self, failures: list[Exception] | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.failures = failures or []

    def __call__(self, events: list[dict[str, Any]]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.events += events


def pipeline_of(text: str, collect: Callable[[list[dict[str, Any]]], None], **settings: Any) -> Pipeline:
    assembly = assemble([Source("test.conf", text)], settled(settings))
    (output,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(output, Output)
    deliver_to(output, collect)
    return Pipeline(assembly)


def deliver_to(output: Output, collect: Callable[[list[dict[str, Any]]], None]) -> None:
    """Have an output hand its events, batch by batch, to a function."""
    output.batching = Batching(events=1)  # type: ignore[misc]
    output.pack = lambda events: [Payload(list(events), events)]  # type: ignore[method-assign]
    output.deliver = lambda payload: collect(payload.data)  # type: ignore[method-assign]


def messages(collector: Collector) -> list[Any]:
    return [event["message"] for event in collector.events]


def test_events_arrive_in_order_with_the_fields_that_every_event_has() -> None:
    collector = Collector()
    pipeline_of(GENERATOR + " output { null { } }", collector).run()
    assert messages(collector) == ["a", "b", "c", "a", "b", "c"]
    assert all(event["@version"] == "1" and event["@timestamp"].endswith("Z") for event in collector.events)
    assert [event["sequence"] for event in collector.events] == [0, 0, 0, 1, 1, 1]


def test_a_batch_size_cuts_what_an_input_gives() -> None:
    sizes: list[int] = []
    pipeline_of(GENERATOR + " output { null { } }", lambda events: sizes.append(len(events)), **{"pipeline.batch.size": 4}).run()
    assert sizes == [4, 2]


def test_conditions_in_the_output_section_route() -> None:
    collector = Collector()
    pipeline_of(GENERATOR + ' output { if [message] == "b" { null { } } }', collector).run()
    assert messages(collector) == ["b", "b"]


def test_several_inputs_are_all_read_to_their_ends() -> None:
    collector = Collector()
    text = 'input { generator { message => "x" count => 3 } generator { message => "y" count => 2 } } output { null { } }'
    pipeline_of(text, collector).run()
    assert sorted(messages(collector)) == ["x", "x", "x", "y", "y"]


def test_an_inputs_type_tags_and_fields_are_added() -> None:
    collector = Collector()
    text = 'input { generator { count => 1 type => "t" tags => ["i"] add_field => { "[a][b]" => "%{type}!" } } } output { null { } }'
    pipeline_of(text, collector).run()
    (event,) = collector.events
    assert (event["type"], event["tags"], event["a"]) == ("t", ["i"], {"b": "t!"})


def test_a_delivery_that_fails_is_retried_with_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector([OSError("disk full"), OSError("disk full")])
    pipeline = pipeline_of(GENERATOR + " output { null { } }", collector)
    waits: list[float] = []
    monkeypatch.setattr(pipeline._stopping, "wait", lambda seconds: waits.append(seconds))
    pipeline.run()
    assert messages(collector) == ["a", "b", "c"] * 2
    assert [round(wait) for wait in waits] == [1, 2]


class OneBatch(Input, name="one_batch"):
    """Gives one batch, and notes how it was settled; given again where it failed and ``again``."""

    local = True
    again = False

    def prepare(self) -> None:
        self.left = 1
        self.answers: list[Exception | None] = []

    def read(self, timeout: float) -> Batch | None:
        if not self.left:
            raise EndOfInput
        self.left -= 1
        return Batch([{"message": "m"}], token="m")

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Any]) -> None:
        self.answers += [outcome.error for outcome in outcomes]


def with_one_batch(pipeline: Pipeline) -> OneBatch:
    source = OneBatch({})
    source.prepare()
    pipeline.inputs[0] = source
    return source


def test_a_batch_is_acknowledged_after_the_outputs_have_it() -> None:
    order: list[str] = []
    pipeline = pipeline_of(GENERATOR + " output { null { } }", lambda events: order.append("written"))
    source = with_one_batch(pipeline)
    pipeline.run()
    assert (order, source.answers) == (["written"], [None])


def test_a_batch_that_no_output_took_is_not_acknowledged() -> None:
    def refuse(events: list[dict[str, Any]]) -> None:
        pipeline.stop()
        raise OSError("gone")

    pipeline = pipeline_of(GENERATOR + " output { null { } }", refuse)
    source = with_one_batch(pipeline)
    with pytest.raises(Undelivered, match=r"test.conf:1:\d+: output null is failing: gone"):
        pipeline.run()
    (answer,) = source.answers
    assert "gone" in str(answer)


def test_an_unknown_error_without_dead_letters_stops_the_pipeline_and_says_where() -> None:
    pipeline = pipeline_of(GENERATOR + " output { null { attempts => 2 } }", Collector([KeyError("x"), KeyError("x")]))
    pipeline._stopping.wait = lambda seconds=None: False  # type: ignore[method-assign,assignment]
    with pytest.raises(Undelivered, match=r"test.conf:1:\d+: output null failed 2 times: KeyError"):
        pipeline.run()


def test_an_input_that_fails_is_connected_again(monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Collector()
    text = 'input { generator { message => "x" count => 1 } generator { message => "y" count => 1 } } output { null { } }'
    pipeline = pipeline_of(text, collector)
    monkeypatch.setattr(pipeline._stopping, "wait", lambda seconds: False)
    read, calls = pipeline.inputs[0].read, [0]

    def failing(timeout: float) -> Batch | None:
        calls[0] += 1
        if calls[0] == 1:
            raise OSError("not yet")
        return read(timeout)

    pipeline.inputs[0].read = failing  # type: ignore[method-assign]
    pipeline.run()
    assert sorted(messages(collector)) == ["x", "y"]


def test_stop_ends_an_endless_input() -> None:
    collector = Collector()
    pipeline = pipeline_of("input { generator { } } output { null { } }", collector)

    def deliver(events: list[dict[str, Any]]) -> None:
        collector(events)
        pipeline.stop()

    deliver_to(pipeline.targets[0], deliver)
    pipeline.run()
    assert 0 < len(collector.events) <= 2000


def test_files_get_their_events_by_path(tmp_path: Path) -> None:
    text = f'{GENERATOR} output {{ file {{ path => "{tmp_path}/%{{message}}/out.log" codec => line {{ format => "%{{message}}" }} }} }}'
    Pipeline(assemble([Source("test.conf", text)], settled({}))).run()
    assert {p.relative_to(tmp_path).as_posix(): p.read_text() for p in tmp_path.rglob("*.log")} == {
        "a/out.log": "a\na\n",
        "b/out.log": "b\nb\n",
        "c/out.log": "c\nc\n",
    }


def test_what_was_given_back_to_the_disk_queue_is_handed_out_again_at_the_next_start(tmp_path: Path) -> None:
    settings = {"queue.type": "persisted", "path.data": str(tmp_path)}

    def refuse(events: list[dict[str, Any]]) -> None:
        pipeline.stop()
        raise OSError("gone")

    pipeline = pipeline_of(GENERATOR + " output { null { } }", refuse, **settings)
    with pytest.raises(Undelivered):
        pipeline.run()
    collector = Collector()
    second = pipeline_of(GENERATOR + " output { null { } }", collector, **settings)
    with_one_batch(second).left = 0
    second.run()
    assert messages(collector) == ["a", "b", "c"] * 2


def test_a_batch_that_comes_when_the_disk_queue_is_closed_fails(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=None)
    queue.close()
    answers: list[Exception | None] = []
    source = OneBatch({})
    intake = QueueIntake([source], queue)
    assert intake.offer(Incoming(0, Batch([{"message": "m"}]), answers.append), 0)
    assert [type(answer) for answer in answers] == [Closed]


def test_a_batch_that_waits_for_room_in_the_disk_queue_is_decorated_once(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=None, max_events=1)
    source = OneBatch({})
    source.decorate = lambda event: event.setdefault("added", []).append("x")
    intake = QueueIntake([source], queue)
    assert intake.offer(Incoming(0, Batch([{"message": "first"}]), None), 0)
    waiting = Incoming(0, Batch([{"message": "second"}]), None)
    assert not intake.offer(waiting, 0)
    first = queue.get(0)
    assert first is not None
    queue.ack(first.sequence)
    assert intake.offer(waiting, 0)
    second = queue.get(0)
    assert second is not None
    assert second.live is not None
    assert second.live[0]["added"] == ["x"]


class Patient(OneBatch):
    """An input whose batches count as delivered when the outputs have them."""

    awaits_outputs = True


@pytest.mark.parametrize("error", [None, OSError("gone")])
def test_an_input_that_awaits_the_outputs_is_told_of_them_and_not_of_the_disk(tmp_path: Path, error: Exception | None) -> None:
    queue = DiskQueue(tmp_path, interval=None)
    answers: list[Exception | None] = []
    intake = QueueIntake([Patient({})], queue)
    assert intake.offer(Incoming(0, Batch([{"message": "m"}]), answers.append), 0)
    queue.commit()
    assert answers == []
    item = queue.get(0)
    assert item is not None
    intake.settled(item.sequence, error)
    intake.settled(item.sequence, None)
    assert answers == [error]
    queue.close()


def test_an_input_that_awaits_the_outputs_is_told_when_they_will_not_have_it(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=None)
    answers: list[Exception | None] = []
    intake = QueueIntake([Patient({})], queue)
    intake.offer(Incoming(0, Batch([{"message": "m"}]), answers.append), 0)
    intake.give_up()
    assert [type(answer) for answer in answers] == [Undelivered]
    queue.close()


class Watched(DiskQueue):
    """A queue that says when something is put for the second time."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, interval=None, max_events=1)
        self.puts, self.second = 0, threading.Event()

    def put(self, *given: Any, **options: Any) -> int:
        self.puts += 1
        if self.puts == 2:
            self.second.set()
        return super().put(*given, **options)


def test_deliveries_go_on_while_an_awaited_batch_waits_for_room(tmp_path: Path) -> None:
    queue = Watched(tmp_path)
    intake = QueueIntake([Patient({})], queue)
    first, second = (Incoming(0, Batch([{"message": name}]), None) for name in "ab")
    assert intake.offer(first, 0)
    waiting = threading.Thread(target=intake.offer, args=(second, 3600), daemon=True)
    waiting.start()
    assert queue.second.wait(120)
    item = queue.get(0)
    assert item is not None
    settling = threading.Thread(target=intake.settled, args=(item.sequence, None), daemon=True)
    settling.start()
    settling.join(120)
    waiting.join(120)
    assert not settling.is_alive()
    assert not waiting.is_alive()
    queue.close()


def batch_of(partition: str, offset: int) -> Batch:
    return Batch([{"message": "m"}], parts=[Part(partition, Position("1", offset), 1)])


def test_a_partition_without_a_committed_position_is_settled_only_by_a_commit(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=None)
    answers: list[tuple[str, Exception | None]] = []
    intake = QueueIntake([OneBatch({})], queue, {0: ["known"]})
    for name in ("known", "fresh"):
        intake.offer(Incoming(0, batch_of(name, 7), lambda error, name=name: answers.append((name, error))), 0)
    queue.commit()
    assert answers == [("known", None)]
    assert intake.awaits_first_commit
    sequences = [item.sequence for item in iter(lambda: queue.get(0), None)]
    intake.settled(sequences[1], OSError("gone"))  # the queue hands it out again
    assert answers == [("known", None)]
    intake.settled(sequences[1], None)
    assert answers == [("known", None), ("fresh", None)]
    assert not intake.awaits_first_commit
    intake.offer(Incoming(0, batch_of("fresh", 9), lambda error: answers.append(("again", error))), 0)
    queue.commit()
    assert answers[-1] == ("again", None)
    queue.close()


class Prompt(OneBatch):
    """An input for whose acknowledgements somebody waits."""

    prompt = True


def test_the_queue_syncs_at_once_where_somebody_waits(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=3600)
    answered = threading.Event()
    intake = QueueIntake([Prompt({})], queue)
    intake.offer(Incoming(0, Batch([{"message": "m"}]), lambda error: answered.set()), 0)
    assert answered.wait(90)
    queue.close()
