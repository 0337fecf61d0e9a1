"""What comes to the input flume that no Flume sends, and what comes back to the output; options that are wrong."""
from __future__ import annotations

import asyncio
import contextlib
import io
import json
import random
import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import thriftpy2
from fastavro import schemaless_writer
from servers.penstock_process import Penstock
from servers.process import accepts, free_ports
from thriftpy2.protocol import TBinaryProtocol, TCompactProtocol
from thriftpy2.transport import TMemoryBuffer

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.clients import flume_avro, flume_thrift
from penstock.plugins.clients.flume import Answer, Call, Client, ProtocolError, Server
from penstock.plugins.clients.flume_avro import AvroClient, AvroServer
from penstock.plugins.clients.flume_link import CallFailed, Link
from penstock.plugins.clients.flume_thrift import ThriftClient, ThriftServer
from penstock.plugins.errors import Disconnected, Retry
from penstock.plugins.inputs._flume_connection import Inflating

EVENTS = [({"a": "ä", "n": str(n)}, b"body %d" % n) for n in range(20)]
KINDS: dict[str, tuple[Callable[[], Server], Callable[[], Client], Any]] = {
    "avro": (AvroServer, AvroClient, flume_avro.encode),
    "compact": (lambda: ThriftServer("compact"), lambda: ThriftClient("compact"), flume_thrift.encoder("compact")),
    "binary": (lambda: ThriftServer("binary"), lambda: ThriftClient("binary"), flume_thrift.encoder("binary")),
}
kinds = pytest.mark.parametrize("kind", KINDS)


def calls(server: Server, data: bytes) -> list[Call]:
    """What a server makes of bytes."""

    async def expect(size: int) -> None:
        if size > 1 << 20:
            raise ProtocolError("too long")

    async def read() -> list[Call]:
        reader, found = asyncio.StreamReader(), []
        reader.feed_data(data)
        reader.feed_eof()
        while not reader.at_eof():
            found.append(await server.receive(reader.readexactly, expect))
        return found

    return asyncio.run(read())


def said(kind: str) -> bytes:
    """A hello and a call with all events, as a client says it."""
    _, client, encode = KINDS[kind]
    talk = client()
    return talk.hello(1) + talk.call(2, [encode(*event) for event in EVENTS])


@kinds
def test_what_a_client_says_a_server_understands_and_the_other_way_round(kind: str) -> None:
    make_server, make_client, encode = KINDS[kind]
    client, hello = make_client(), b""
    hello = client.hello(1)
    data = hello + client.call(2, [encode(*event) for event in EVENTS]) + client.call(3, []) + client.call(4, [encode({}, b"")])
    found = calls(make_server(), data)[1 if hello else 0 :]
    assert [[tuple(event) for event in call.events] for call in found] == [EVENTS, [], [({}, b"")]]
    whole = calls(make_server(), data)
    answers = b"".join(call.reply(status) for call, status in zip(whole, ["OK"] * bool(hello) + ["OK", "FAILED", "OK"], strict=True))
    told = [answer for at in range(len(answers)) for answer in client.feed(answers[at : at + 1])]
    assert told[1 if hello else 0 :] == [Answer(2, "OK"), Answer(3, "FAILED"), Answer(4, "OK")]


INTERFACE = thriftpy2.load_fp(io.StringIO("struct Event { 1: map<string, string> headers, 2: binary body }"), "test_flume_thrift")


def as_the_library_writes(kind: str, headers: dict[str, str], body: bytes) -> bytes:
    if kind == "avro":
        buffer = io.BytesIO()
        fields = [{"name": "headers", "type": {"type": "map", "values": "string"}}, {"name": "body", "type": "bytes"}]
        schemaless_writer(buffer, {"type": "record", "name": "Event", "fields": fields}, {"headers": headers, "body": body})
        return buffer.getvalue()
    memory = TMemoryBuffer()
    INTERFACE.Event(headers=headers, body=body).write((TCompactProtocol if kind == "compact" else TBinaryProtocol)(memory))
    return bytes(memory.getvalue())


@kinds
@pytest.mark.parametrize("size", [0, 1, 63, 64, 127, 128, 8191, 8192, 16383, 16384, 70000])
@pytest.mark.parametrize("headers", [{}, {"a": "ä" * 200}, {str(number): "x" for number in range(20)}], ids=["none", "long", "many"])
def test_an_event_is_encoded_as_the_library_does_it(kind: str, size: int, headers: dict[str, str]) -> None:
    for body in (b"x" * size, b"y" * size):
        assert KINDS[kind][2](headers, body) == as_the_library_writes(kind, headers, body)


@kinds
def test_garbage_is_a_protocol_error_and_nothing_else(kind: str) -> None:
    """A good conversation with bytes changed, cut out or put in between; and no conversation at all."""
    make_server, make_client, _ = KINDS[kind]
    good, chance = said(kind), random.Random(7)
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(2)] = chance.randbytes(chance.randrange(3))
        for talk in (lambda data=data: calls(make_server(), bytes(data)), lambda data=data: make_client().feed(bytes(data))):
            with contextlib.suppress(ProtocolError, asyncio.IncompleteReadError):
                talk()
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\xff" * 100):
        with pytest.raises((ProtocolError, asyncio.IncompleteReadError)):
            calls(make_server(), bytes(data))


BINARY, COMPACT = b"\x80\1\0\1\0\0\0\x0bappendBatch\0\0\0\1", b"\x82\x21\1\x0bappendBatch"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("binary", BINARY + b"\x0f\0\1\1\x7f\xff\xff\xff"),
        ("binary", BINARY + b"\x0f\0\1\x0c\x7f\xff\xff\xff"),
        ("binary", BINARY + b"\x0f\0\2\x0c\0\0\0\0\0"),
        ("binary", BINARY + b"\x0f\0\1\x0c\0\0\0\1\x0d\0\1\1\1\x7f\xff\xff\xff"),
        ("binary", BINARY + b"\x0f\0\1\x0c\0\0\0\1\x0b\0\2\xff\xff\xff\xff\0\0"),
        ("binary", BINARY + b"\x0f\0\1\x0c\0\0\0\1\0\0"),
        ("compact", COMPACT + b"\x19\xf1\xff\xff\xff\xff\x07"),
        ("compact", COMPACT + b"\x19\xfc\xff\xff\xff\xff\x07"),
        ("compact", COMPACT + b"\x19\xfc" + b"\xff" * 200_000),
        ("compact", COMPACT + b"\x19\x1c\x1b\xff\xff\xff\xff\x07\x11"),
    ],
)
def test_counts_and_lengths_of_thrift_that_nothing_stands_behind_cost_nothing(kind: str, message: bytes) -> None:
    """The library would go on for minutes, or take gigabytes."""
    with pytest.raises(ProtocolError):
        calls(KINDS[kind][0](), struct.pack(">I", len(message)) + message)


def written(kind: str, value: Any) -> bytes:
    """A value in Avro."""
    buffer = io.BytesIO()
    schemaless_writer(buffer, kind, value)
    return buffer.getvalue()


@pytest.mark.parametrize("blocks", [[200_000], [1, 150_000], [60_000, 60_000]])
def test_a_batch_of_avro_with_more_events_than_memory_has_room_for_is_refused(blocks: list[int]) -> None:
    """Two bytes are an event: a call of 100 MB would be fifty million."""
    empty, number = flume_avro.encode({}, b""), partial(written, "long")
    array = b"".join(number(count) + empty * count for count in blocks) + b"\0"
    call = b"\0" + written("string", "appendBatch") + array
    hello = AvroClient().hello(1)
    with pytest.raises(ProtocolError, match="more than 100000 events"):
        calls(AvroServer(), hello + struct.pack(">III", 2, 1, len(call)) + call)


def test_bodies_of_zeros_are_events_like_others() -> None:
    """In blocks with their size and without."""
    events = [flume_avro.encode({"n": str(n)}, b"\0" * 60_000) for n in range(4)]
    sized = written("long", -2) + written("long", len(events[0]) * 2) + b"".join(events[:2])
    call = b"\0" + written("string", "appendBatch") + sized + written("long", 2) + b"".join(events[2:]) + b"\0"
    _, found = calls(AvroServer(), AvroClient().hello(1) + struct.pack(">III", 2, 1, len(call)) + call)
    assert [(event.headers, len(event.body)) for event in found.events] == [({"n": str(n)}, 60_000) for n in range(4)]


@pytest.mark.parametrize("kind", ["compact", "binary"])
def test_a_batch_of_thrift_with_too_many_events_is_refused(kind: str) -> None:
    message = {"compact": COMPACT + b"\x19\xfc\xa1\x8d\x06", "binary": BINARY + b"\x0f\0\1\x0c\0\1\x86\xa1"}[kind]
    message += b"\0" * 200_000
    with pytest.raises(ProtocolError, match="more than 100000 events"):
        calls(KINDS[kind][0](), struct.pack(">I", len(message)) + message)


def test_a_pack_may_have_many_buffers_and_headers_that_are_not_utf8() -> None:
    packed = said("avro")
    hello = AvroClient().hello(1)
    call = packed[len(hello) + 12 :].replace("ä".encode(), b"\xff\xfe")
    parts = [call[at : at + 7] for at in range(0, len(call), 7)]
    data = hello + struct.pack(">II", 2, len(parts)) + b"".join(struct.pack(">I", len(part)) + part for part in parts)
    _, found = calls(AvroServer(), data)
    assert dict(found.events[3].headers) == {"a": "\ufffd\ufffd", "n": "3"}
    assert found.events[3].body == b"body 3"


def avro_text(text: str) -> bytes:
    buffer = io.BytesIO()
    schemaless_writer(buffer, "string", text)
    return buffer.getvalue()


def pack(serial: int, payload: bytes) -> bytes:
    return struct.pack(">III", serial, 1, len(payload)) + payload


def test_a_call_that_flume_does_not_have_is_refused() -> None:
    data = AvroClient().hello(1) + pack(2, b"\0" + avro_text("shutdown"))
    with pytest.raises(ProtocolError, match="`shutdown`"):
        calls(AvroServer(), data)


def greeted() -> tuple[Link, socket.socket]:
    """A link of Avro whose server has greeted it."""
    ours, other = socket.socketpair()
    link = Link(ours, AvroClient(), 30)
    answering = threading.Thread(target=lambda: (other.recv(1 << 16), other.sendall(pack(1, b"\0\0\0\0"))))
    answering.start()
    link.greet()
    answering.join()
    return link, other


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (pack(2, b"\0\0\0"), None, ""),
        (pack(2, b"\0\0\2"), Retry, "FAILED"),
        (pack(2, b"\0\0\4"), Retry, "UNKNOWN"),
        (pack(2, b"\0\1\0" + avro_text("the body is odd")), CallFailed, "the body is odd"),
        (pack(9, b"\0\0\0"), Disconnected, "call 9, which was not made"),
        (pack(2, b"\0\0\x7f"), Disconnected, "an answer cannot be read"),
        (b"HTTP/1.1 400 Bad Request", Disconnected, "does not speak Avro"),
    ],
)
def test_an_answer_says_what_became_of_its_call(answer: bytes, error: type[Exception] | None, reason: str) -> None:
    link, other = greeted()
    with other:
        sent = link.send([flume_avro.encode({}, b"x")])
        other.sendall(answer)
        failure = sent.exception(90)
        assert type(failure) is (error or type(None))
        assert reason in str(failure)
        link.close()


def test_answers_come_in_any_order_and_what_has_none_fails_when_the_connection_ends() -> None:
    link, other = greeted()
    with other:
        first, second, third = (link.send([]) for _ in range(3))
        other.sendall(pack(4, b"\0\0\0") + pack(2, b"\0\0\0"))
        assert (first.result(90), third.result(90)) == (None, None)
        other.shutdown(socket.SHUT_WR)
        assert isinstance(second.exception(90), Disconnected)
        with pytest.raises(Disconnected, match="closed the connection"):
            link.check()
        link.close()


def test_a_server_that_does_not_answer_is_left() -> None:
    ours, other = socket.socketpair()
    link = Link(ours, AvroClient(), 0.1)
    with other, pytest.raises(Disconnected, match=r"has not answered for 0\.1 s"):
        link.greet()
    link.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Penstock, dict[str, int], Callable[[], list[Any]]]]:
    """A pipeline with an input of each kind, bounded in bytes."""
    directory = tmp_path_factory.mktemp("hostile")
    ports = dict(zip(("avro", "deflate", "compact"), free_ports(3), strict=True))
    bounds = 'host => "127.0.0.1" max_frame_bytes => "1mb" read_timeout => 1 codec => json'
    config = f"""
        input {{
          flume {{ port => {ports["avro"]} {bounds} }}
          flume {{ port => {ports["deflate"]} {bounds} compression_type => deflate }}
          flume {{ port => {ports["compact"]} {bounds} protocol => thrift }}
        }}
        output {{ file {{ path => "{directory}/arrived" }} }}
    """

    def arrived() -> list[Any]:
        path = directory / "arrived"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    with Penstock(directory, config) as run:
        run.until(lambda: all(accepts(port)() for port in ports.values()), "it listens")
        yield run, ports, arrived
        run.stop()


def ended(port: int, data: bytes) -> bytes:
    """What a server has said on a connection by the time it closes it."""
    with socket.create_connection(("127.0.0.1", port), 30) as made:
        made.sendall(data)
        found = b""
        try:
            while part := made.recv(1 << 16):
                found += part
        except ConnectionResetError:
            pass
    return found


def test_behind_the_end_of_a_compressed_stream_nothing_is_read() -> None:
    """What comes there would be kept, and never be given out."""

    async def read() -> bytes:
        reader = asyncio.StreamReader()
        reader.feed_data(zlib.compress(b"abc") + b"more and more")
        source = Inflating(reader)
        found = await source.readexactly(3)
        with pytest.raises(ProtocolError, match="its compressed stream has ended"):
            await source.readexactly(1)
        return found

    assert asyncio.run(read()) == b"abc"


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("avro", b"GET / HTTP/1.1\r\n\r\n", "it does not speak Avro"),
        ("avro", struct.pack(">III", 1, 1, 1 << 30), "is longer than `max_frame_bytes`"),
        ("avro", pack(1, b"\xff" * 50), "a call cannot be read"),
        ("avro", said("avro")[:40], "a call came too slowly"),
        ("deflate", b"GET / HTTP/1.1\r\n\r\n", "it is not compressed with deflate"),
        ("deflate", zlib.compress(pack(1, b"\0" * (200 << 20))), "is longer than `max_frame_bytes`"),
        ("compact", b"GET / HTTP/1.1\r\n\r\n", "is longer than `max_frame_bytes`"),
        ("compact", struct.pack(">I", 4) + b"\x82\x21\1\0", "which Flume does not have"),
    ],
    ids=["avro, http", "avro, too long", "avro, garbage", "avro, slow", "deflate, http", "deflate, a bomb", "compact, http", "compact, a call"],
)
def test_who_breaks_the_protocol_is_disconnected_and_nobody_else(served: Any, kind: str, data: bytes, reason: str) -> None:
    run, ports, _ = served
    link = Link(socket.create_connection(("127.0.0.1", ports["avro"])), AvroClient(), 30)
    link.greet()
    before = run.said().count(reason)
    ended(ports[kind], data)
    # A reason is said once a minute for an address and a listener.
    run.until(lambda: run.said().count(reason) > before or "was closed" in run.said(), f"it says {reason}")
    assert link.send([flume_avro.encode({"h": "1"}, b'{"message": "good"}')]).result(90) is None
    link.close()


def test_a_body_that_its_codec_cannot_read_is_kept_and_spares_its_neighbours(served: Any) -> None:
    _, ports, arrived = served
    made = Link(socket.create_connection(("127.0.0.1", ports["compact"])), ThriftClient("compact"), 30)
    bodies = [b'{"message": "x1", "flume": {"headers": {"n": "own"}}}', b"not json", b'{"message": "x2"}', b""]
    encode = flume_thrift.encoder("compact")
    made.send([encode({"n": str(n)}, body) for n, body in enumerate(bodies)]).result(90)
    made.close()
    one, bad, two = [event for event in arrived() if event.get("message") in ("x1", "x2", "not json")]
    assert (one["message"], two["message"], bad["message"], bad["tags"]) == ("x1", "x2", "not json", ["_jsonparsefailure"])
    assert (bad["flume"]["headers"], two["flume"]["headers"]) == ({"n": "1"}, {"n": "2"})


def test_several_calls_may_be_under_way_on_one_connection(served: Any) -> None:
    _, ports, arrived = served
    link = Link(socket.create_connection(("127.0.0.1", ports["deflate"])), AvroClient(), 30, level=6)
    link.greet()
    sent: list[Future[None]] = [link.send([flume_avro.encode({}, b'{"flight": %d}' % number)]) for number in range(200)]
    for each in sent:
        each.result(90)
    link.close()
    assert [event["flight"] for event in arrived() if "flight" in event] == list(range(200))


def made(section: str, options: str) -> Any:
    other = "input { stdin { } } " if section == "output" else ""
    assembly = assemble([Source("(test)", f"{other}{section} {{ flume {{ {options} }} }}")], settled({}))
    (plugin,) = assembly.plugins(assembly.program.inputs if section == "input" else assembly.program.outputs)
    return plugin


@pytest.mark.parametrize(
    ("section", "options", "reason"),
    [
        ("input", "", "`port`"),
        ("input", "port => 1 protocol => http", "http"),
        ("input", "port => 1 protocol => thrift compression_type => deflate", 'with protocol => "avro" only'),
        ("input", "port => 1 ssl_enabled => true", "needs a certificate"),
        ("output", "", "`hosts`"),
        ("output", "hosts => []", "`hosts` is empty"),
        ("output", "hosts => a", "`a` has no port"),
        ("output", 'hosts => "a:99999"', "99999 is not a valid port"),
        ("output", 'hosts => "a:1" compression_level => 10', "levels go from 1 to 9"),
        ("output", 'hosts => "a:1" protocol => thrift compression_type => deflate', 'with protocol => "avro" only'),
        ("output", 'hosts => "a:1" processor => both', "both"),
        ("output", 'hosts => "a:1" ssl_verification_mode => none', "has no effect"),
    ],
)
def test_options_that_are_wrong_are_said(section: str, options: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(section, options)
    assert reason in str(caught.value)


def test_headers_are_those_of_the_event_and_of_the_option(tmp_path: Path) -> None:
    output = made("output", 'hosts => "a:1" headers => { "kind" => "%{type}" "b" => "2" } codec => plain { format => "%{message}" } batch_size => 2')
    event = {"message": "one", "type": "web", "flume": {"headers": {"a": 1, "b": 1, "c": None, "d": [1], "e": True}}}
    payloads = output.pack([event, {"message": "two", "flume": "none"}, {"message": "three"}])
    assert [payload.count for payload in payloads] == [2, 1]
    hello, talk = AvroClient().hello(1), AvroClient()
    (_, call) = calls(AvroServer(), hello + talk.call(2, [item for payload in payloads for item in payload.data]))
    assert [(dict(sent.headers), sent.body) for sent in call.events] == [
        ({"a": "1", "b": "2", "c": "", "d": "1", "e": "true", "kind": "web"}, b"one"),
        ({"b": "2", "kind": "%{type}"}, b"two"),
        ({"b": "2", "kind": "%{type}"}, b"three"),
    ]
