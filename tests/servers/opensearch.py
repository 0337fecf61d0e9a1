"""OpenSearch 2.19: one node in a small JVM, from its jars, without security.

What this node does not have (users, TLS, lifecycle policies) a ``front.Front`` before it shows.
"""
from __future__ import annotations

import json
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from .packages import java, require
from .process import LOOPBACK, Server, free_ports
from .shared import shared

_OPTIONS = ["--add-opens=java.base/java.nio=ALL-UNNAMED", "-Dlog4j2.level=warn", "-Djava.awt.headless=true"]


def server(home: Path) -> Server:
    """A node with nothing in it. ``port``: that of HTTP."""
    (home / "config").mkdir()
    (port,) = free_ports()
    source = Path(__file__).with_name("OpenSearchNode.java")
    command = [*java("opensearch", *_OPTIONS, heap="384m"), source, home, port]
    return Server(command, lambda: ask(port, "/_cluster/health?wait_for_status=yellow&timeout=1s")["number_of_nodes"] == 1, home, port=port)


def ask(port: int, path: str, body: Any = None, method: str = "") -> Any:
    """What the node answers, from JSON; ``body``: JSON, or bytes as they are. Raises HTTPError."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
    request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", data, {"Content-Type": kind}, method=method or None)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def documents(port: int, index: str, sort: str = "_seq_no") -> list[dict[str, Any]]:
    """The hits of an index (or a pattern), in the order in which they were written; none where it is missing."""
    ask(port, f"/{index}/_refresh?ignore_unavailable=true", b"")
    hits: list[dict[str, Any]] = []
    query: dict[str, Any] = {"size": 10_000, "sort": [sort]}
    while True:
        found = ask(port, f"/{index}/_search?ignore_unavailable=true&version=true", query)["hits"]["hits"]
        hits += found
        if len(found) < 10_000:
            return hits
        query["search_after"] = found[-1]["sort"]


def node() -> Any:
    """The node of this test run; a test takes names of its own for indices, templates and aliases (``fresh``)."""
    require("opensearch")
    return shared("opensearch", server)


def fresh(kind: str = "t") -> str:
    """A name that no other test has."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"
