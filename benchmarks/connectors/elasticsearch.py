"""What an event costs on its way into OpenSearch and out of it, beside loops written by hand with
the same libraries for HTTP (urllib3) and JSON (msgspec), in the same run.

    python benchmarks/connectors/elasticsearch.py [ROUNDS]

Each line: microseconds of CPU an event, of this process with all its threads, the best of some
rounds; the plugin and the loop take turns. An output is given decoded events, in the batches that
the runtime makes, and joins what becomes one request; an input gives decoded events. The server,
which the tests know how to start, pays for itself.
"""

from __future__ import annotations

import contextlib
import gzip
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import urllib3

from penstock.dsl.event import complete
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import EndOfInput
from penstock.plugins.input import Outcome

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from servers import opensearch

HERE, REQUEST, CHUNK, PAGE, SIZES = "127.0.0.1", 5000, 32 << 10, 1000, (200, 500)
WORDS = "GET /shop/items/%d HTTP/1.1 accepted for user%d by worker %d, cache missed, upstream ok; "

encode = msgspec.json.Encoder(enc_hook=str).encode
decode = msgspec.json.Decoder().decode


def events(count: int, size: int) -> list[dict[str, Any]]:
    """Events whose JSON has about so many bytes."""
    made = []
    for n in range(count):
        message = (WORDS % (n, n % 997, n % 7)) * 6
        at = Timestamp(f"2025-09-10T12:{n // 60 % 60:02d}:{n % 60:02d}.000Z")
        host = {"name": f"web{n % 10}"}
        made.append(
            {"@timestamp": at, "@version": "1", "host": host, "message": message[: size - 109]}
        )
    return made


def plugin(section: str, config: str) -> Any:
    """A plugin, open and connected."""
    other = "output { null { } }" if section == "input" else "input { stdin { } }"
    assembly = assemble([Source("bench.conf", f"{other} {section} {{ {config} }}")], settled({}))
    program = assembly.program
    uses = program.inputs if section == "input" else program.outputs
    (made,) = assembly.plugins(uses)
    made.open()
    made.connect()  # type: ignore[attr-defined]
    return made


def index_of(port: int) -> str:
    """A name for indices that make the server no more work than they must."""
    name = opensearch.fresh("bench")
    settings = {"refresh_interval": "-1", "number_of_replicas": 0}
    template = {"index_patterns": [f"{name}*"], "template": {"settings": settings}}
    opensearch.ask(port, f"/_index_template/{name}", template, "PUT")
    return name


def writing(port: int, given: list[dict[str, Any]], level: int, size: int) -> Callable[[], None]:
    """The output, given one request."""
    options = f'index => "{index_of(port)}-%{{+YYYY.MM.dd}}" manage_template => false'
    hosts = f'hosts => "{HERE}:{port}" compression_level => {level}'
    output = plugin("output", f"elasticsearch {{ {hosts} {options} }}")
    step = CHUNK // size
    batches = [given[start : start + step] for start in range(0, len(given), step)]

    def write() -> None:
        payloads = [payload for batch in batches for payload in output.pack(batch)]
        output.deliver(output.join(payloads))

    return write


def writing_by_hand(port: int, given: list[dict[str, Any]], level: int) -> Callable[[], None]:
    """The same, as a loop."""
    pool, index = urllib3.PoolManager(), index_of(port).encode()
    url = f"http://{HERE}:{port}/_bulk?filter_path=errors,items.*.error,items.*.status"
    headers = {"Content-Type": "application/x-ndjson"}
    if level:
        headers["Content-Encoding"] = "gzip"

    def write() -> None:
        parts = []
        for event in given:
            day = event["@timestamp"][:10].replace("-", ".").encode()
            parts.append(b'{"index":{"_index":"%b-%b"}}\n' % (index, day))
            parts.append(encode(event))
            parts.append(b"\n")
        body = b"".join(parts)
        if level:
            body = gzip.compress(body, level)
        response = pool.request("POST", url, body=body, headers=headers)
        if response.status != 200 or decode(response.data)["errors"]:
            raise RuntimeError("refused")

    return write


def reading(port: int, index: str, rounds: int) -> Callable[[], None]:
    """The input, to its end; one that is connected, for each round."""
    config = f'elasticsearch {{ hosts => "{HERE}:{port}" index => "{index}" }}'
    sources = [plugin("input", config) for _ in range(rounds)]

    def read() -> None:
        source = sources.pop()
        with contextlib.suppress(EndOfInput):
            while True:
                batch = source.read(1.0)
                if batch is not None:
                    complete(batch.events, Timestamp("2025-09-10T12:00:00.000Z"), {})
                    behind = {part.partition: part.position for part in batch.parts}
                    source.settle([Outcome(batch.token, None)], behind)
        source.close()

    return read


def reading_by_hand(port: int, index: str) -> Callable[[], None]:
    """The same, as a loop: events with their times as the program has them."""
    pool = urllib3.PoolManager()
    headers = {"Content-Type": "application/json", "Accept-Encoding": "gzip, deflate"}

    def pages() -> Iterator[list[dict[str, Any]]]:
        path, body = f"/{index}/_search?scroll=1m", {"size": PAGE, "sort": ["_doc"]}
        while True:
            url = f"http://{HERE}:{port}{path}"
            answer = decode(pool.request("POST", url, body=encode(body), headers=headers).data)
            hits = [hit["_source"] for hit in answer["hits"]["hits"]]
            yield hits
            if len(hits) < PAGE:
                return
            path, body = "/_search/scroll", {"scroll": "1m", "scroll_id": answer["_scroll_id"]}

    def read() -> None:
        for hits in pages():
            for event in hits:
                event["@timestamp"] = Timestamp(event["@timestamp"])

    return read


def compare(what: str, count: int, rounds: int, *works: Callable[[], None]) -> None:
    """Print what the plugin and the loop cost, in turns."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            before = time.process_time()
            work()
            best[place] = min(best[place], (time.process_time() - before) / count * 1e6)
    ratio = best[0] / best[1]
    print(f"{what}: {best[0]:.1f} µs, by hand {best[1]:.1f} µs ({ratio:.2f} ×)", flush=True)


def main(rounds: int) -> None:
    """Print a line for each comparison."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        port = stack.enter_context(opensearch.server(Path(name))).port
        for size in SIZES:
            given = events(REQUEST, size)
            for level in (0, 1):
                works = writing(port, given, level, size), writing_by_hand(port, given, level)
                compare(f"to OpenSearch, {size} B, gzip {level}", REQUEST, rounds, *works)
        index, stored = index_of(port), 4 * REQUEST
        for start in range(0, stored, REQUEST):
            lines: list[Any] = []
            for event in events(stored, 200)[start : start + REQUEST]:
                lines += [{"index": {}}, event]
            opensearch.ask(
                port, f"/{index}/_bulk", b"".join(encode(line) + b"\n" for line in lines)
            )
        opensearch.ask(port, f"/{index}/_refresh", b"")
        works = reading(port, index, rounds), reading_by_hand(port, index)
        compare("from OpenSearch, 200 B", stored, rounds, *works)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 15)
