"""What an event of 200 bytes costs by Flume's protocols, in calls of a hundred, beside loops by
hand with fastavro and thriftpy2 in the same run.

    python benchmarks/connectors/flume.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone. The loops in read a call, make events
of it and answer; those out write calls and wait for each. The other end is this program too, and
pays for itself.
"""

from __future__ import annotations

import io
import socket
import struct
import subprocess
import sys
import threading
from typing import Any

import network
import thriftpy2
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from thriftpy2.protocol import TCompactProtocol
from thriftpy2.thrift import TMessageType, TProcessor
from thriftpy2.transport import TMemoryBuffer

from penstock.plugins.clients.flume_avro import AvroClient, encode
from penstock.plugins.clients.flume_thrift import ThriftClient, encoder

BATCH = 100
HEADERS = {"host": "web-1", "timestamp": "1727748184000"}
BODY = b"line of a log " + b"x" * 186
EVENTS = parse_schema(
    {
        "type": "array",
        "items": {
            "type": "record",
            "name": "Event",
            "fields": [
                {"name": "headers", "type": {"type": "map", "values": "string"}},
                {"name": "body", "type": "bytes"},
            ],
        },
    }
)
INTERFACE = thriftpy2.load_fp(
    io.StringIO(
        """
        enum Status { OK, FAILED, ERROR, UNKNOWN }
        struct Event { 1: required map<string, string> headers, 2: required binary body }
        service Source { Status append(1: Event event), Status appendBatch(1: list<Event> events) }
        """
    ),
    "benchmark_thrift",
)
HELLO = AvroClient().hello(1)
CALL = b"\0\x16appendBatch"


def avro_calls() -> tuple[bytes, bytes]:
    """A hello and a call."""
    return HELLO, AvroClient().call(2, [encode(HEADERS, BODY)] * BATCH)


def thrift_calls() -> tuple[bytes, bytes]:
    """Nothing and a call."""
    item = encoder("compact")(HEADERS, BODY)
    return b"", ThriftClient("compact").call(2, [item] * BATCH)


def pack_of(stream: Any) -> tuple[int, bytes]:
    """A pack of Avro's."""
    head = stream.read(12)
    serial, _, size = struct.unpack(">III", head) if head else (0, 0, 0)
    return serial, stream.read(size)


def frame_of(stream: Any) -> tuple[int, bytes]:
    """A frame of Thrift's."""
    head = stream.read(4)
    return 0, stream.read(struct.unpack(">I", head)[0]) if head else b""


def sending(calls: tuple[bytes, bytes], read: Any) -> Any:
    """What sends calls, the next one when the last is answered."""
    hello, call = calls

    def send(port: int, line: bytes, count: int) -> None:
        with socket.create_connection((network.HERE, port)) as made, made.makefile("rb") as answers:
            if hello:
                made.sendall(hello)
                read(answers)
            for _ in range(count // BATCH):
                made.sendall(call)
                read(answers)

    return send


def event(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """An event as Penstock makes one."""
    return {
        "message": body.decode(),
        "@timestamp": "2024-10-01T02:03:04.000Z",
        "@version": "1",
        "event": {"original": body.decode()},
        "flume": {"headers": headers},
        "@metadata": {"flume": {"ip": network.HERE}},
    }


def avro_in(stream: Any, made: socket.socket) -> None:
    """Take calls: read and answer."""
    serial, _ = pack_of(stream)
    made.sendall(struct.pack(">III", serial, 1, 4) + b"\0\0\0\0")
    while True:
        serial, data = pack_of(stream)
        if not data:
            return
        found = schemaless_reader(io.BytesIO(data[len(CALL) :]), EVENTS, None)
        [event(each["headers"], each["body"]) for each in found]
        made.sendall(struct.pack(">III", serial, 1, 3) + b"\0\0\0")


class Handler:
    """What Thrift's processor calls."""

    def appendBatch(self, events: list[Any]) -> int:  # noqa: N802
        """Take events."""
        [event(each.headers, each.body) for each in events]
        return 0


def thrift_in(stream: Any, made: socket.socket) -> None:
    """Take calls with the library's processor."""
    processor = TProcessor(INTERFACE.Source, Handler())
    while data := frame_of(stream)[1]:
        memory = TMemoryBuffer()
        processor.process(TCompactProtocol(TMemoryBuffer(data)), TCompactProtocol(memory))
        answer = memory.getvalue()
        made.sendall(struct.pack(">I", len(answer)) + answer)


def serve(port: int, take: Any) -> None:
    """Serve connections, each in a thread."""

    def talk(made: socket.socket) -> None:
        with made, made.makefile("rb") as stream:
            take(stream, made)

    with socket.create_server((network.HERE, port)) as server:
        while True:
            made, _ = server.accept()
            threading.Thread(target=talk, args=(made,), daemon=True).start()


def avro_sink(stream: Any, made: socket.socket) -> None:
    """Answer calls without looking at them."""
    serial, _ = pack_of(stream)
    made.sendall(struct.pack(">III", serial, 1, 4) + b"\0\0\0\0")
    while (found := pack_of(stream))[1]:
        made.sendall(struct.pack(">III", found[0], 1, 3) + b"\0\0\0")


def thrift_sink(stream: Any, made: socket.socket) -> None:
    """The same; an answer needs the call's number."""
    while data := frame_of(stream)[1]:
        memory = TMemoryBuffer()
        name, _, serial = TCompactProtocol(TMemoryBuffer(data)).read_message_begin()
        protocol = TCompactProtocol(memory)
        protocol.write_message_begin(name, TMessageType.REPLY, serial)
        INTERFACE.Source.appendBatch_result(success=0).write(protocol)
        answer = memory.getvalue()
        made.sendall(struct.pack(">I", len(answer)) + answer)


def avro_out(port: int, count: int) -> None:
    """Make calls with Avro."""
    with socket.create_connection((network.HERE, port)) as made, made.makefile("rb") as answers:
        made.sendall(HELLO)
        pack_of(answers)
        for number in range(count // BATCH):
            buffer = io.BytesIO()
            schemaless_writer(
                buffer, EVENTS, [{"headers": {"host": "web-1"}, "body": BODY} for _ in range(BATCH)]
            )
            data = CALL + buffer.getvalue()
            made.sendall(struct.pack(">III", number, 1, len(data)) + data)
            pack_of(answers)


def thrift_out(port: int, count: int) -> None:
    """Make calls with Thrift."""
    with socket.create_connection((network.HERE, port)) as made, made.makefile("rb") as answers:
        for number in range(count // BATCH):
            memory = TMemoryBuffer()
            protocol = TCompactProtocol(memory)
            protocol.write_message_begin("appendBatch", TMessageType.CALL, number)
            events = [INTERFACE.Event(headers={"host": "web-1"}, body=BODY) for _ in range(BATCH)]
            INTERFACE.Source.appendBatch_args(events=events).write(protocol)
            data = memory.getvalue()
            made.sendall(struct.pack(">I", len(data)) + data)
            frame_of(answers)


def outgoing(name: str, options: str, sink: Any, loop: str, count: int) -> None:
    """Measure the output, without what it costs to make events, and the loop beside it."""
    message = BODY.decode()
    source = f'input {{ generator {{ count => {count} message => "{message}" }} }} output {{ '
    port = network.free_port()
    threading.Thread(target=serve, args=(port, sink), daemon=True).start()
    codec = 'headers => { "host" => "web-1" } codec => plain { format => "%{message}" }'
    output = f'flume {{ hosts => "127.0.0.1:{port}" {options} {codec} }}'
    commands = (
        network.penstock(f"{source}{output} }}"),
        network.penstock(source + "null { } }"),
        [sys.executable, __file__, loop, str(port), str(count)],
    )
    costs = [used(command) / count * 1e6 for command in commands]
    network.tell(name, costs[0] - costs[1], costs[2])


def used(command: list[str]) -> float:
    """The seconds of CPU of a command that ends by itself."""
    import resource

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


LOOPS = {"avro_in": avro_in, "thrift_in": thrift_in}


def main() -> None:
    """Measure, or be a loop."""
    import tempfile

    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in LOOPS:
        serve(int(sys.argv[2]), LOOPS[name])
    if name in ("avro_out", "thrift_out"):
        loop = avro_out if name == "avro_out" else thrift_out
        loop(int(sys.argv[2]), int(sys.argv[3]))
        return
    count = int(name) if name else 100_000
    with tempfile.TemporaryDirectory() as network.DIRECTORY:
        network.by_hand = lambda name, port, count=0: [sys.executable, __file__, name, str(port)]
        here = 'flume { host => "127.0.0.1" port => PORT'
        avro, thrift = sending(avro_calls(), pack_of), sending(thrift_calls(), frame_of)
        network.incoming("flume in, avro", f"{here} }}", "avro_in", avro, b"", count)
        own = f"{here} protocol => thrift }}"
        network.incoming("flume in, thrift", own, "thrift_in", thrift, b"", count)
        outgoing("flume out, avro", "", avro_sink, "avro_out", count)
        outgoing("flume out, thrift", "protocol => thrift", thrift_sink, "thrift_out", count)


if __name__ == "__main__":
    main()
