"""What an event costs over HTTP: CPU time beside a program written by hand with the same library.

    python benchmarks/connectors/over_http.py

Events of 200 bytes, 100 in a request, over eight connections that are kept. The programs by hand
make the same events, or send the same bodies. Their processes are measured by the operating system
while requests are under way, starts left out, in turn, three times; shown is the median.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EVENTS = 100
REQUESTS = 600
CONNECTIONS = 8
ROUNDS = 3
_TICKS = os.sysconf("SC_CLK_TCK")
_BODY = b"[" + b",".join([b'{"message":"%s","level":"info","n":1}' % (b"x" * 160)] * EVENTS) + b"]"

BY_HAND_IN = """
import sys, datetime, msgspec
from aiohttp import web
decode = msgspec.json.decode

async def take(request):
    body = await request.read()
    events, now = decode(body), datetime.datetime.now(datetime.UTC)
    headers = {k.lower().replace("-", "_"): v for k, v in request.headers.items()}
    for event in events:
        event["@timestamp"] = now
        event["@version"] = "1"
        event["host"] = {"ip": request.remote}
        event["http"] = {"version": "HTTP/1.1", "method": request.method, "request": {
            "mime_type": request.content_type, "body": {"bytes": headers["content_length"]}}}
        event["url"] = {"path": request.path, "domain": request.host}
        event["user_agent"] = {"original": headers.get("user_agent")}
        event["@metadata"] = {"input": {"http": {"request": {"headers": headers.copy()}}}}
    return web.Response(body=b"ok")

app = web.Application(client_max_size=100 << 20)
app.router.add_post("/", take)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
"""

BY_HAND_BARE = BY_HAND_IN.replace(
    BY_HAND_IN[BY_HAND_IN.index("    headers =") : BY_HAND_IN.index("    return web")], ""
)

BY_HAND_OUT = """
import itertools, msgspec, sys, urllib3
decode, encode = msgspec.json.decode, msgspec.json.Encoder().encode
pool = urllib3.PoolManager()
lines = iter(sys.stdin.buffer)
while batch := [decode(line) for line in itertools.islice(lines, 1000)]:
    body = b"[" + b",".join([encode(event) for event in batch]) + b"]"
    answer = pool.request("POST", sys.argv[1], body=body, headers={"Content-Type": "text/json"})
    assert answer.status == 200
"""


def cpu(pid: int) -> float:
    """The CPU seconds that a process and its threads have used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


@contextmanager
def running(command: list[str], at: int) -> Iterator[int]:
    """A server as a process, from the moment that it accepts; its id."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", at), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def load(at: int, requests: int) -> None:
    """Send requests over some connections, each when the one before it was answered."""
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)

    def send() -> None:
        with socket.create_connection(("127.0.0.1", at)) as made:
            for _ in range(requests // CONNECTIONS):
                made.sendall(head + _BODY)
                answer = made.recv(65536)
                while answer.startswith(b"HTTP/1.1 429"):
                    made.sendall(head + _BODY)
                    answer = made.recv(65536)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(answer)

    threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def cost_in(command: Callable[[int], list[str]]) -> float:
    """Microseconds of CPU time for an event that a server takes."""
    at = port()
    with running(command(at), at) as pid:
        load(at, 80)
        before = cpu(pid)
        load(at, REQUESTS)
        time.sleep(0.5)  # what was answered may still be on its way
        return (cpu(pid) - before) / (REQUESTS * EVENTS) * 1e6


def penstock(at: int, options: str = "") -> list[str]:
    """The same with Penstock."""
    config = (
        f'input {{ http {{ host => "127.0.0.1" port => {at} {options} }} }} output {{ null {{ }} }}'
    )
    return [sys.executable, "-m", "penstock", "run", "-e", config]


class Target(threading.Thread):
    """A server that reads bodies and says 200."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/"
        self.start()

    def run(self) -> None:
        while True:
            connection, _ = self.listening.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                length = 0
                while line.strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    line = reader.readline()
                reader.read(length)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def whole(command: list[str], events: int) -> float:
    """The CPU seconds of a process that is given events on stdin."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin as stdin:
        line = b'{"message":"%s","level":"info","n":1}\n' % (b"x" * 160)
        for _ in range(events // 1000):
            stdin.write(line * 1000)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed")
    return usage.ru_utime + usage.ru_stime


def cost_out(command: list[str]) -> float:
    """Microseconds of CPU time for an event that is read from stdin and sent."""
    few, many = 5_000, 65_000
    return (whole(command, many) - whole(command, few)) / (many - few) * 1e6


def sending(url: str, options: str) -> list[str]:
    """Penstock, from stdin to a server."""
    output = f'http {{ url => "{url}" http_method => post {options} }}'
    config = f"input {{ stdin {{ codec => json_lines }} }} output {{ {output} }}"
    without_ecs = ["--pipeline.ecs_compatibility", "disabled"]  # what is sent is then what came
    return [sys.executable, "-m", "penstock", "run", *without_ecs, "-e", config]


def main() -> None:
    """Print the figures."""
    url = Target().url
    ways: dict[str, Callable[[], float]] = {
        "aiohttp by hand, JSON read only": lambda: cost_in(
            lambda at: [sys.executable, "-c", BY_HAND_BARE, str(at)]
        ),
        "aiohttp by hand, the same events": lambda: cost_in(
            lambda at: [sys.executable, "-c", BY_HAND_IN, str(at)]
        ),
        "input http": lambda: cost_in(penstock),
        "input http, ecs_compatibility => disabled": lambda: cost_in(
            lambda at: penstock(at, "ecs_compatibility => disabled")
        ),
        "input http, respond_after => delivered": lambda: cost_in(
            lambda at: penstock(at, "respond_after => delivered")
        ),
        "urllib3 by hand, lists of 1000": lambda: cost_out(
            [sys.executable, "-c", BY_HAND_OUT, url]
        ),
        "output http, json_batch": lambda: cost_out(sending(url, "format => json_batch")),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, cost in ways.items():
            found[name].append(cost())
    for name, figures in found.items():
        print(f"{name:42} {statistics.median(figures):6.2f} µs an event")


if __name__ == "__main__":
    main()
