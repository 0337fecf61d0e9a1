"""Chunks to events: in lists of a usual size, however small or large the chunks are, each with its own stream."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.unmade import UnmadeEvents
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


@pytest.mark.parametrize("codec", ["json", "plain", "csv"])
def test_each_message_has_the_fields_of_its_own(codec: str) -> None:
    """Whether they were made for it alone or are another's, too; what it has itself stays."""
    values = [b'{"n": 1}', b'{"n": 2, "@metadata": {"own": true}}', b'{"n": 3}']
    ends = [8, 44, 52]
    shared = {"@metadata": {"id": "a", "facts": {"key": "k"}}}
    for owned in (False, True):
        origins = [shared, {"@metadata": {"id": "b"}}, {"@metadata": {"id": "c"}} if owned else shared]
        chunk = Chunk(b"".join(values), {"host": {"name": "h"}}, 0, ends, origins, owned)
        (events,), _ = decoded(f'redis {{ key => "k" data_type => list codec => {codec} }}', [chunk])
        events[0]["@metadata"]["facts"]["key"] = "changed"
        assert [event["@metadata"]["id"] for event in events] == ["a", "b", "c" if owned else "a"]
        assert [event["host"] for event in events] == [{"name": "h"}] * 3
        assert owned or events[2]["@metadata"]["facts"] == {"key": "k"}
        assert codec != "json" or events[1]["@metadata"]["own"] is True


@pytest.mark.parametrize("odd", [b"{broken", b"[1]", b'[{"n": 5}]', b"", b'{"@metadata": 7}', b'\xef\xbb\xbf{"n": 1}', b'{"n": 1} x', b'{"a":1},{"b":2}'])
def test_a_message_that_is_odd_is_decoded_as_if_it_were_alone(odd: bytes) -> None:
    """Those beside it do not change it, nor does it change them."""
    config = 'redis { key => "k" data_type => list codec => json }'
    whole = b'{"n": 1, "@timestamp": "2024-10-01T02:03:04.000Z", "tags": ["t"]}'
    (alone,), _ = decoded(config, [Chunk(odd, {}, 0, [len(odd)])])
    values = [whole, odd, whole]
    (beside,), _ = decoded(config, [Chunk(b"".join(values), {}, 0, [len(whole), len(whole + odd), len(whole + odd + whole)])])
    now = {"@timestamp": "now"}
    assert [event | now for event in beside[1:-1]] == [event | now for event in alone]
    assert [(event["n"], event["@timestamp"], event["tags"]) for event in (beside[0], beside[-1])] == [(1, "2024-10-01T02:03:04.000Z", ["t"])] * 2


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "the last line"])
def test_lines_of_a_large_chunk_are_not_made_either(end: str) -> None:
    config, lines = "stdin { }", [f"line {number} ".ljust(number % 300, "é") for number in range(4000)]
    lines[7] = "x" * 5 * CHUNK_BYTES
    chunk = Chunk("\n".join([*lines, end]).encode(), {"host": {"hostname": "here"}})
    parts = [Part("one")]
    lists = [*decoder(config).batches(Batch(chunks=[chunk], parts=parts), True)]
    assert {type(events) for events in lists} == {UnmadeEvents}
    assert len(lists) > 5
    assert max(len("".join(events)) for events in lists) < 7 * CHUNK_BYTES
    for events in lists:
        assert isinstance(events, UnmadeEvents)
        events.make()
    plain, _ = decoded(config, [chunk])
    now = {"@timestamp": "now"}
    assert [event | now for events in lists for event in events] == [event | now for events in plain for event in events]
    assert parts[0].events == sum(map(len, lists))
