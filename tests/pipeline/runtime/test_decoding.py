"""Chunks to events: in lists of a usual size, however small or large the chunks are, each with its own stream."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.decoding import Decoder
from penstock.plugins.batch import Batch, Chunk, Part
from penstock.plugins.input import CHUNK_BYTES, Input


def decoder(config: str) -> Decoder:
    assembly = assemble([Source("a.conf", f"input {{ {config} }} output {{ null {{ }} }}")], settled(None))
    (source,) = assembly.plugins(assembly.program.inputs)
    assert isinstance(source, Input)
    return Decoder(source)


def decoded(config: str, chunks: list[Chunk]) -> tuple[list[list[dict[str, Any]]], list[Part]]:
    batch = Batch(chunks=chunks, parts=[Part("one"), Part("two")])
    return list(decoder(config).batches(batch)), batch.parts


def test_small_chunks_of_a_part_come_together_and_keep_their_origins() -> None:
    origins = [{"host": {"ip": f"192.0.2.{number}"}} for number in range(3)]
    chunks = [Chunk(b"%d" % number, origins[number % 3], number // 150) for number in range(300)]
    lists, parts = decoded('udp { port => 1 type => "t" }', chunks)
    assert [len(events) for events in lists] == [150, 150]
    events = [event for some in lists for event in some]
    assert [event["message"] for event in events] == [str(number) for number in range(300)]
    assert [event["host"] for event in events] == [origins[number % 3]["host"] for number in range(300)]
    assert {event["type"] for event in events} == {"t"}
    assert [part.events for part in parts] == [150, 150]


@pytest.mark.parametrize("size", [100, CHUNK_BYTES // 2, CHUNK_BYTES, 10 * CHUNK_BYTES])
def test_lists_stay_small_whatever_the_chunks_are(size: int) -> None:
    line = b"x" * 99 + b"\n"
    chunks = [Chunk(line * (size // 100), {}) for _ in range(20)]
    lists, parts = decoded("tcp { port => 1 }", chunks)
    assert sum(map(len, lists)) == parts[0].events == size // 100 * 20
    assert max(map(len, lists)) <= 2 * CHUNK_BYTES // 100


def test_messages_of_syslog_stay_whole_in_a_chunk_of_any_size() -> None:
    messages = [f"message {number} ".ljust(4096, "x") for number in range(40)]
    origin = {"@metadata": {"input": {"syslog": {"protocol": "tcp"}}}}
    lists, _ = decoded("syslog { port => 1 }", [Chunk("".join(f"{message}\n" for message in messages).encode(), origin)])
    assert [event["message"] for events in lists for event in events] == messages


def test_an_empty_payload_is_one() -> None:
    (events,), _ = decoded("udp { port => 1 }", [Chunk(b"", {})])
    assert [event["message"] for event in events] == [""]
