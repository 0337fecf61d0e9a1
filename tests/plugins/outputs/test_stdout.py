"""The output stdout: batches are written whole, whatever is behind it."""
from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.batch import Payload
from penstock.plugins.errors import Disconnected
from penstock.plugins.outputs.stdout import Stdout


def output() -> Stdout:
    assembly = assemble([Source("test.conf", 'output { stdout { codec => line { format => "%{message}" } } }')], settled({}))
    (made,) = assembly.made.values()
    assert isinstance(made, Stdout)
    return made


def event(message: str) -> dict[str, Any]:
    return {"@timestamp": Timestamp("2024-02-29T12:00:00.000Z"), "@version": "1", "message": message}


@contextlib.contextmanager
def piped() -> Iterator[int]:
    """Standard output is a pipe; this is its other end."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stdout, contextlib.redirect_stdout(stdout):
        yield reading
    os.close(reading)


def read_in_background(descriptor: int, size: int) -> Callable[[], bytes]:
    data = bytearray()

    def read() -> None:
        while len(data) < size and (more := os.read(descriptor, 1000)):
            data.extend(more)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()

    def result() -> bytes:
        thread.join(90)
        return bytes(data)

    return result


def test_a_pipe_that_does_not_block_gets_all() -> None:
    with piped() as pipe:
        os.set_blocking(sys.stdout.fileno(), False)
        stdout = output()
        lines = [f"{number} " + "x" * 500 for number in range(2000)]
        expected = "".join(f"{line}\n" for line in lines).encode()
        read = read_in_background(pipe, len(expected))
        stdout.write([event(line) for line in lines])
        assert read() == expected


def test_what_others_said_before_comes_before() -> None:
    with piped() as pipe:
        sys.stdout.write("first\n")
        output().write([event("then")])
        assert os.read(pipe, 100) == b"first\nthen\n"


def test_two_outputs_do_not_write_into_each_others_batches() -> None:
    """A batch is larger than what a pipe takes at once."""
    with piped() as pipe:
        outputs = {letter: output() for letter in "ab"}
        size, rounds = 100_000, 5
        read = read_in_background(pipe, 2 * rounds * (size + 1))
        threads = [
            threading.Thread(target=lambda out=out, letter=letter: [out.write([event(letter * size)]) for _ in range(rounds)])
            for letter, out in outputs.items()
        ]
        for thread in threads:
            thread.start()
        lines = read().splitlines()
        assert sorted(lines) == [b"a" * size] * rounds + [b"b" * size] * rounds


def test_after_an_error_in_the_middle_the_rest_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """And another output waits with its own until it has."""
    with piped() as pipe:
        stdout, other, write = output(), output(), os.write
        takes = [3, OSError(errno.ENOSPC, "No space left on device")]

        def takes_a_part(descriptor: int, data: Any) -> int:
            what = takes.pop(0) if takes else len(data)
            if isinstance(what, OSError):
                raise what
            return write(descriptor, data[:what])

        monkeypatch.setattr(os, "write", takes_a_part)
        first, second = Payload(b"one line\n", count=1), Payload(b"other\n", count=1)
        with pytest.raises(Disconnected, match="No space left"):
            stdout.deliver(first)
        with pytest.raises(OSError, match="another output"):
            other.deliver(second)
        stdout.deliver(first)
        other.deliver(second)
        assert os.read(pipe, 100) == b"one line\nother\n"


def test_a_program_that_has_put_something_else_there_gets_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    place = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", place)
    output().write([event("one")])
    assert place.buffer.getvalue() == b"one\n"  # type: ignore[attr-defined]
