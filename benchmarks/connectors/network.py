"""What an event of 200 bytes costs on its way in and out over TCP, UDP and syslog, beside a loop
written by hand on asyncio or plain sockets that does the same work in the same run.

    python benchmarks/connectors/network.py [EVENTS]

Each line: microseconds of CPU an event, of the process alone. Senders and receivers are other
processes, and pay for themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LINE = b"2024-10-11 22:14:15 INFO worker-7 request served path=/api/v1/items/4711 status=200 "
LINE += b"x" * (199 - len(LINE)) + b"\n"
SYSLOG = b"<34>Oct 11 22:14:15 mymachine su[71]: "
SYSLOG += b"x" * (199 - len(SYSLOG)) + b"\n"
PIECE = 500
HERE = "127.0.0.1"
TICKS = 100


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as made:
        made.bind((HERE, 0))
        return int(made.getsockname()[1])


def cpu(pid: int) -> float:
    """The seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def settled(pid: int) -> float:
    """What a process has used when it has been idle for a second."""
    before = -1.0
    while (now := cpu(pid)) - before > 0.011:
        before = now
        time.sleep(1.0)
    return now


@contextlib.contextmanager
def started(command: list[str]) -> Iterator[int]:
    """A process, with its start behind it."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        settled(process.pid)
        yield process.pid
        process.kill()


def penstock(config: str) -> list[str]:
    """The command that runs a configuration."""
    return [sys.executable, "-m", "penstock", "run", "-e", config, "--path.data", DIRECTORY]


def by_hand(name: str, port: int, count: int = 0) -> list[str]:
    """The command that runs a loop of this file."""
    return [sys.executable, __file__, name, str(port), str(count)]


def send_tcp(port: int, line: bytes, count: int) -> None:
    """Send lines over one connection."""
    with socket.create_connection((HERE, port)) as made:
        for _ in range(count // PIECE):
            made.sendall(line * PIECE)


def send_crowd(port: int, line: bytes, count: int) -> None:
    """Send lines over two hundred connections, one at a time each."""
    with contextlib.ExitStack() as opened:
        crowd = [opened.enter_context(socket.create_connection((HERE, port))) for _ in range(200)]
        for _ in range(count // len(crowd)):
            for made in crowd:
                made.sendall(line)


def send_udp(port: int, line: bytes, count: int) -> None:
    """Send datagrams, not faster than they are read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect((HERE, port))
        for number in range(count):
            made.send(line)
            if number % 100 == 99:
                time.sleep(0.002)


Send = Callable[[int, bytes, int], None]


def incoming(name: str, config: str, loop: str, send: Send, line: bytes, count: int) -> None:
    """Measure an input and the loop beside it."""
    costs = []
    for is_penstock in (True, False):
        port = free_port()
        own = penstock(f"input {{ {config} }} output {{ null {{ }} }}".replace("PORT", str(port)))
        with started(own if is_penstock else by_hand(loop, port)) as pid:
            before = cpu(pid)
            send(port, line, count)
            costs.append((settled(pid) - before) / count * 1e6)
    tell(name, *costs)


def outgoing(name: str, config: str, loop: str, count: int) -> None:
    """Measure an output, without what it costs to make events, and the loop beside it."""
    costs = []
    generate = f'input {{ generator {{ count => {count} message => "{"x" * 150}" }} }} '
    for command in (
        lambda port: penstock(generate + "output { " + config.replace("PORT", str(port)) + " }"),
        lambda port: penstock(generate + "output { null { } }"),
        lambda port: by_hand(loop, port, count),
    ):
        with draining() as port:
            process = subprocess.Popen(command(port), stdin=subprocess.DEVNULL)
            used = 0.0
            while process.poll() is None:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    used = max(used, cpu(process.pid))
                time.sleep(0.01)
            costs.append(used / count * 1e6)
    tell(name, costs[0] - costs[1], costs[2])


@contextlib.contextmanager
def draining() -> Iterator[int]:
    """A port, of TCP and UDP, that takes all that comes."""
    code = "import socket,sys,threading;s=socket.create_server(('127.0.0.1',int(sys.argv[1])))\n"
    code += "u=socket.socket(2,2);u.bind(('127.0.0.1',int(sys.argv[1])))\n"
    code += "def d():\n  while 1: u.recv(65536)\n"
    code += "threading.Thread(target=d,daemon=True).start()\n"
    code += "while 1:\n  c=s.accept()[0]\n  while c.recv(1<<20): pass\n"
    port = free_port()
    with subprocess.Popen([sys.executable, "-S", "-c", code, str(port)]) as process:
        time.sleep(0.5)
        yield port
        process.kill()


def tell(name: str, own: float, hand: float) -> None:
    """Print a line."""
    ratio = own / hand if hand else 0.0
    print(f"| {name} | {own:.2f} | {hand:.2f} | {ratio:.2f} |", flush=True)


# ---- the loops by hand


def event_of(text: str, ip: str, port: int) -> dict[str, Any]:
    """What Penstock makes of a line."""
    source = {"name": ip, "ip": ip, "port": port}
    return {
        "message": text,
        "event": {"original": text},
        "@version": "1",
        "@timestamp": dt.datetime.now(dt.UTC),
        "@metadata": {"input": {"tcp": {"source": source}}},
    }


class Lines(asyncio.Protocol):
    """Lines over TCP to events."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.peer, self.rest = transport.get_extra_info("peername"), b""

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        ip, port = self.peer
        take([event_of(line.decode(), ip, port) for line in lines])


RFC3164 = re.compile(
    r"<(\d+)>((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d+ \d+:\d+:\d+) (\S+)"
    r" ([^\s:\[]+)(?:\[(\d+)\])?: (.*)",
    re.DOTALL,
)
STAMPS: dict[str, dt.datetime] = {}


def syslog_event(text: str, ip: str) -> dict[str, Any]:
    """What Penstock makes of a message of RFC 3164."""
    found = RFC3164.match(text)
    assert found is not None
    priority, when, host, program, process, message = found.groups()
    stamp = STAMPS.get(when)
    if stamp is None:
        stamp = STAMPS[when] = dt.datetime.strptime(f"2024 {when}", "%Y %b %d %H:%M:%S")
    number = int(priority)
    levels = {
        "priority": number,
        "severity": {"code": number & 7, "name": "Critical"},
        "facility": {"code": number >> 3, "name": "security/authorization"},
    }
    return {
        "message": message,
        "event": {"original": text},
        "host": {"ip": ip, "hostname": host},
        "process": {"name": program, "pid": int(process)},
        "log": {"syslog": levels},
        "service": {"type": "system"},
        "@version": "1",
        "@timestamp": stamp,
        "@metadata": {"input": {"syslog": {"protocol": "tcp"}}},
    }


class Messages(Lines):
    """Messages of syslog over TCP to events."""

    def data_received(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        take([syslog_event(line.decode(), self.peer[0]) for line in lines])


class Datagrams(asyncio.DatagramProtocol):
    """Datagrams to events, as asyncio hands them over."""

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        text = data.decode()
        now = dt.datetime.now(dt.UTC)
        event = {"message": text, "event": {"original": text}, "@version": "1", "@timestamp": now}
        take([event | {"host": {"ip": address[0]}}])


def take(events: list[dict[str, Any]]) -> None:
    """Where a filter would begin."""


async def serve(protocol: type[Any], port: int) -> None:
    """Serve a protocol for ever."""
    loop = asyncio.get_running_loop()
    if issubclass(protocol, asyncio.DatagramProtocol):
        await loop.create_datagram_endpoint(protocol, (HERE, port))
    else:
        await loop.create_server(protocol, HERE, port)
    await asyncio.Event().wait()


def write_json(port: int, count: int) -> None:
    """Events as lines of JSON over TCP, a batch at a time."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    with socket.create_connection((HERE, port)) as made:
        for _ in range(count // PIECE):
            made.sendall(b"".join([json.dumps(event).encode() + b"\n" for _ in range(PIECE)]))


def write_syslog(port: int, count: int) -> None:
    """Messages of RFC 5424 over TCP, a batch at a time."""
    event = {"message": "x" * 150, "when": dt.datetime.now(dt.UTC), "host": "here"}
    form = "<13>1 {0[when]:%Y-%m-%dT%H:%M:%S.%f%z} {0[host]} LOGSTASH - - - {0[message]}\n"
    with socket.create_connection((HERE, port)) as made:
        for _ in range(count // PIECE):
            made.sendall("".join([form.format(event) for _ in range(PIECE)]).encode())


def write_udp(port: int, count: int) -> None:
    """Events as JSON, each in a datagram."""
    event = {"message": "x" * 150, "@version": "1", "@timestamp": "2024-10-11T22:14:15.000Z"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for _ in range(count):
            made.sendto(json.dumps(event).encode(), (HERE, port))


SERVED: dict[str, type[Any]] = {"lines": Lines, "messages": Messages, "datagrams": Datagrams}
WRITTEN = {"json": write_json, "syslog": write_syslog, "udp": write_udp}


def main(count: int) -> None:
    """Measure all of it."""
    print("| | Penstock µs | by hand µs | ratio |\n|---|---|---|---|")
    tcp = f'tcp {{ host => "{HERE}" port => PORT dns_reverse_lookup_enabled => false }}'
    incoming("tcp in, one connection", tcp, "lines", send_tcp, LINE, count)
    incoming("tcp in, 200 connections, a line at a time", tcp, "lines", send_crowd, LINE, count)
    udp = f'udp {{ host => "{HERE}" port => PORT receive_buffer_bytes => 8000000 }}'
    incoming("udp in", udp, "datagrams", send_udp, LINE, count // 2)
    syslog = f'syslog {{ host => "{HERE}" port => PORT }}'
    incoming("syslog in, RFC 3164 over TCP", syslog, "messages", send_tcp, SYSLOG, count)
    to = f'host => "{HERE}" port => PORT'
    outgoing("tcp out, json_lines", f"tcp {{ {to} codec => json_lines }}", "json", count)
    rfc5424 = f'syslog {{ {to} protocol => tcp rfc => rfc5424 sourcehost => "here" }}'
    outgoing("syslog out, RFC 5424 over TCP", rfc5424, "syslog", count)
    outgoing("udp out, json", f"udp {{ {to} }}", "udp", count)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        kind, port = sys.argv[1], int(sys.argv[2])
        if kind in SERVED:
            asyncio.run(serve(SERVED[kind], port))
        else:
            WRITTEN[kind](port, int(sys.argv[3]))
    else:
        with tempfile.TemporaryDirectory() as DIRECTORY:
            main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
