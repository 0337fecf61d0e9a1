"""The input dead_letter_queue: what comes, from where on, and what is remembered when."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.storage.dead_letters import DeadLetters
from penstock.plugins.context import Context
from penstock.plugins.inputs import dead_letter_queue
from penstock.plugins.inputs.dead_letter_queue import DeadLetterQueue
from penstock.plugins.records.dead_letter import DeadLetter

NOON = Timestamp("2025-09-04T12:00:00.000Z")


def letter(message: str, hours: int = 0) -> DeadLetter:
    time = Timestamp.of_nanos(NOON.nanos() + hours * 3_600_000_000_000)
    return DeadLetter({"message": message, "@timestamp": NOON}, "refused", "mutate", "m1", "a.conf:3:5", time)


class Run:
    """The input while it runs: ``batch()`` is its next batch, None if nothing came."""

    def __init__(self, make_run: Any, directory: Path, **options: Any) -> None:
        self.plugin = DeadLetterQueue({"path": directory / "letters", **options}, Context({"path.data": str(directory / "data")}))
        self.plugin.prepare()
        self.problems = [(problem.option, problem.message) for problem in self.plugin.context.problems]
        if not self.problems:
            self.plugin.open()
            self._run = make_run(self.plugin)

    def batch(self) -> Any:
        self.plugin.wake()  # nothing is waited for here
        return self._run.next()

    def messages(self) -> list[str]:
        """What comes until nothing comes, delivered at once."""
        messages: list[str] = []
        while (batch := self.batch()) is not None:
            messages += [event["message"] for event in batch.events]
            answer(batch)
        return messages

    def stop(self) -> None:
        self._run.finish()


def answer(batch: Any, error: Exception | None = None) -> None:
    assert batch is not None
    batch.done(error)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letter_queue, "_BATCH", 2)


Start = Callable[..., Run]


@pytest.fixture
def start(run_input: Any) -> Start:
    """``start(directory, option=value)``: the input is opened."""
    return partial(Run, run_input)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeadLetters]:
    """Dead letters of the pipeline main, two in a segment."""
    store = DeadLetters(tmp_path / "letters" / "main")
    store._log.page = 400
    yield store
    store.close()


def test_events_come_as_they_were_and_say_why_they_failed(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter("1")])
    batch = start(tmp_path).batch()
    assert batch is not None
    assert batch.events == [
        {
            "message": "1",
            "@timestamp": NOON,
            "@version": "1",
            "@metadata": {
                "dead_letter_queue": {
                    "entry_time": NOON, "plugin_id": "m1", "plugin_type": "mutate", "reason": "refused", "place": "a.conf:3:5",
                }
            },
        }
    ]


def test_what_comes_later_is_read_too(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    run = start(tmp_path)
    assert run.messages() == []
    store.add([letter("1"), letter("2"), letter("3")])
    assert run.messages() == ["1", "2", "3"]
    store.add([letter("4")])
    assert run.messages() == ["4"]


def test_a_directory_that_is_not_there_yet_is_waited_for(start: Start, tmp_path: Path) -> None:
    run = start(tmp_path)
    assert run.messages() == []
    store = DeadLetters(tmp_path / "letters" / "main")
    store.add([letter("1")])
    assert run.messages() == ["1"]
    store.close()


def test_each_pipeline_has_its_own(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter("1")])
    assert start(tmp_path, pipeline_id="other").messages() == []
    assert start(tmp_path, pipeline_id="main").messages() == ["1"]


def test_a_start_goes_on_behind_what_was_delivered(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter(str(number)) for number in range(6)])
    run = start(tmp_path)
    first, second, third = run.batch(), run.batch(), run.batch()
    answer(first)
    answer(third)
    run.stop()
    assert second is not None
    assert start(tmp_path).messages() == ["2", "3", "4", "5"], "the second was not delivered: it and what follows come again"


def test_what_is_given_back_is_read_again(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter(str(number)) for number in range(4)])
    run = start(tmp_path)
    answer(run.batch())
    answer(run.batch(), OSError("no"))
    assert run.messages() == ["2", "3"]
    run.stop()
    assert start(tmp_path).messages() == []


def test_without_commit_offsets_nothing_is_remembered(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter("1"), letter("2"), letter("3")])
    for _ in range(2):
        run = start(tmp_path, commit_offsets=False)
        assert run.messages() == ["1", "2", "3"]
        run.stop()
    run = start(tmp_path)
    answer(run.batch())
    run.stop()
    assert start(tmp_path, commit_offsets=False).messages() == ["3"], "but what was remembered before holds"


@pytest.mark.parametrize(
    ("begin", "messages"),
    [
        ("2025-09-04T12:00:00.000Z", ["0", "1", "2", "3"]),
        ("2025-09-04T13:00", ["1", "2", "3"]),
        ("2025-09-04T16:30:00+02:00", ["3"]),
        ("2026-01-01", []),
    ],
)
def test_reading_starts_at_a_time_each_time(start: Start, tmp_path: Path, store: DeadLetters, begin: str, messages: list[str]) -> None:
    store.add([letter(str(hours), hours) for hours in range(4)])
    for _ in range(2):
        run = start(tmp_path, start_timestamp=begin)
        found: list[str] = []
        for batch in iter(run.batch, None):
            found += [event["message"] for event in batch.events]
            answer(batch)
        assert found == messages
        run.stop()


def test_what_was_read_is_deleted_segment_by_segment(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter(str(number)) for number in range(8)])
    before = sorted((tmp_path / "letters" / "main").glob("*.log"))
    run = start(tmp_path, clean_consumed=True)
    first = run.batch()
    run.batch()
    answer(first)
    run.batch()
    left = sorted((tmp_path / "letters" / "main").glob("*.log"))
    assert left == before[1:], "one segment was read and delivered"
    run.stop()
    assert start(tmp_path, clean_consumed=True).messages() == ["2", "3", "4", "5", "6", "7"]


def test_the_last_segment_is_not_deleted(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter(str(number)) for number in range(4)])
    run = start(tmp_path, clean_consumed=True)
    assert run.messages() == ["0", "1", "2", "3"]
    assert len(list((tmp_path / "letters" / "main").glob("*.log"))) == 1
    store.add([letter("4")])
    assert run.messages() == ["4"]


def test_where_the_position_is_kept(start: Start, tmp_path: Path, store: DeadLetters) -> None:
    store.add([letter("1")])
    run = start(tmp_path, sincedb_path=str(tmp_path / "position"))
    run.messages()
    run.stop()
    assert set(json.loads((tmp_path / "position").read_text())) == {"version", "sequence"}
    assert not (tmp_path / "data").exists()
    run = start(tmp_path)
    run.messages()
    run.stop()
    (file,) = (tmp_path / "data" / "plugins" / "inputs" / "dead_letter_queue" / "main").iterdir()
    assert file.name.startswith(".sincedb_")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"{}", b"[1]", b'{"sequence": "x"}', b"\xff"])
def test_a_damaged_position_is_reported_and_all_is_read_again(start: Start, tmp_path: Path, store: DeadLetters, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store.add([letter("1")])
    (tmp_path / "position").write_bytes(content)
    assert start(tmp_path, sincedb_path=str(tmp_path / "position")).messages() == ["1"]
    assert "reading starts over" in caplog.text


def test_damaged_letters_are_named_and_the_others_read(start: Start, tmp_path: Path, store: DeadLetters, caplog: pytest.LogCaptureFixture) -> None:
    store.add([letter("1"), letter("2"), letter("3")])
    file = min((tmp_path / "letters" / "main").glob("*.log"))
    file.write_bytes(file.read_bytes()[:-1])
    assert start(tmp_path).messages() == ["1", "3"]
    assert f"dead letters: skipped: {file}" in caplog.text


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"clean_consumed": True, "commit_offsets": False}, "clean_consumed"),
        ({"start_timestamp": "yesterday"}, "start_timestamp"),
        ({"sincedb_path": "/"}, "sincedb_path"),
        ({"pipeline_id": ""}, "pipeline_id"),
        ({"pipeline_id": "../main"}, "pipeline_id"),
    ],
)
def test_options_that_cannot_be_used(start: Start, tmp_path: Path, options: dict[str, Any], option: str) -> None:
    assert [name for name, _ in start(tmp_path, **options).problems] == [option]
