"""The inputs stdin, generator and heartbeat, read as the runtime reads them."""
from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble

MULTILINE = 'codec => multiline { pattern => "^\\s" what => "previous" }'


@pytest.fixture
def start(run_input: Any) -> Iterator[Callable[..., Any]]:
    """``start('generator { count => 2 }')``: the input, open."""
    runs: list[Any] = []

    def start(text: str, **settings: Any) -> Any:
        assembly = assemble([Source("(test)", f"input {{ {text} }}")], settled(settings))
        (plugin,) = assembly.plugins(assembly.program.inputs)
        plugin.open()
        runs.append(run_input(plugin))
        return runs[-1]

    yield start
    for run in runs:
        run.plugin.close()


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes | None], None]]:
    """Standard input is a pipe; ``write(data)`` writes to it, ``write(None)`` closes it."""
    reading, writing = os.pipe()
    ends = [writing]

    def write(data: bytes | None) -> None:
        if data is None:
            os.close(ends.pop())
        else:
            os.write(writing, data)

    with os.fdopen(reading, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield write
    for end in ends:
        os.close(end)


def messages(run: Any) -> list[str]:
    """What comes until nothing comes, without waiting."""
    found: list[str] = []
    while True:
        run.plugin.wake()
        got = run.next()
        if got is None:
            return found
        found += [event["message"] for event in got.events]


@pytest.mark.parametrize(
    ("codec", "texts"),
    [
        ("", [["one"], [], ["two", "three"], ["last"]]),
        (MULTILINE, [[], [], ["one", "two"], ["three\n last"]]),
    ],
)
def test_stdin_gives_lines_as_they_are_complete_and_the_last_one_at_the_end(
    start: Any, write: Any, codec: str, texts: list[list[str]]
) -> None:
    run = start(f"stdin {{ {codec} }}")
    data = [b"one\ntw", b"", b"o\nthree\n last" if codec else b"o\nthree\nlast", None]
    found = []
    for piece in data:
        if piece != b"":
            write(piece)
        found.append(messages(run))
    assert found == texts
    assert run.ended


def test_stdin_that_ends_with_its_data_ends(start: Any, write: Any) -> None:
    write(b"one\n")
    write(None)
    run = start("stdin { }")
    found = [*messages(run), *messages(run)]
    assert (found, run.ended) == (["one"], True)


@pytest.mark.parametrize("stdin", [None, "closed"])
def test_closed_stdin_is_an_empty_input(start: Any, monkeypatch: pytest.MonkeyPatch, stdin: str | None) -> None:
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdin", None if stdin is None else stream)
    run = start("stdin { }")
    assert (messages(run), run.ended) == ([], True)


def test_what_stdin_holds_is_given_at_a_stop(start: Any, write: Any) -> None:
    run = start("stdin { }")
    write(b"one\nhalf")
    assert messages(run) == ["one"]
    run.stopping.set()
    assert messages(run) == ["half"]


def test_a_chunk_of_stdin_is_as_large_as_the_runtime_says(start: Any, write: Any) -> None:
    run = start("stdin { }")
    run.plugin.chunk_bytes = 10
    write(b"one\n" * 6)
    sizes = [len(run.next().events) for _ in range(3)]
    assert sizes == [2, 3, 1]


def test_stdin_that_cannot_be_read_is_reported_and_ends(
    start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with Path(os.devnull).open("rb") as stdin:
        os.dup2(descriptor, stdin.fileno())
        os.close(descriptor)
        monkeypatch.setattr(sys, "stdin", stdin)
        run = start("stdin { }")
        assert (messages(run), run.ended) == ([], True)
    assert "standard input cannot be read: Is a directory" in caplog.text


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ('count => 2 lines => ["a", "b"]', [("a", 0), ("b", 0), ("a", 1), ("b", 1)]),
        ('count => 2 message => "m" threads => 2', [("m", 0), ("m", 0), ("m", 1), ("m", 1)]),
        ("count => 1", [("Hello world!", 0)]),
        ('count => 2 message => "stdin"', [("typed", 0), ("typed", 1)]),
    ],
)
def test_generator_goes_its_rounds_and_ends(
    start: Any, monkeypatch: pytest.MonkeyPatch, options: str, found: list[tuple[str, int]]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("typed\nmore\n"))
    run = start(f"generator {{ {options} }}")
    assert run.plugin.bounded
    events = run.next().events
    assert [(event["message"], event["event"]["sequence"]) for event in events] == found
    assert (run.next(), run.ended) == (None, True)


def test_generator_without_a_count_has_no_end(start: Any) -> None:
    run = start("generator { }")
    assert not run.plugin.bounded
    numbers = [event["event"]["sequence"] for _ in range(3) for event in run.next().events]
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize(
    ("options", "event"),
    [
        ("", {"message": "ok"}),
        ('message => "alive" sequence => "sequence"', {"message": "alive", "event": {"sequence": 1}}),
        ('message => "sequence"', {"event": {"sequence": 1}}),
    ],
)
def test_heartbeat_makes_so_many_events(start: Any, options: str, event: dict[str, Any]) -> None:
    run = start(f"heartbeat {{ count => 2 interval => 0 {options} }}")
    assert run.plugin.bounded
    run.next()
    (second,) = run.next().events
    assert {key: second[key] for key in ("message", "event") if key in second} == event
    assert set(second["host"]) == {"name"}
    assert (run.next(), run.ended) == (None, True)


def test_a_heartbeat_that_is_not_due_gives_nothing(start: Any) -> None:
    run = start("heartbeat { interval => 3600 }")
    assert not run.plugin.bounded
    assert run.next() is not None
    run.plugin.wake()
    assert run.next() is None
