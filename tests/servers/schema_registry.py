"""Apicurio's schema registry, with the API of Confluent's: one in a small JVM, with what it has in memory."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from .packages import jars, require
from .process import LOOPBACK, Server, free_ports
from .shared import shared

API = "/apis/ccompat/v7"
_KIND = "application/vnd.schemaregistry.v1+json"


def server(home: Path) -> Server:
    """A registry without schemas. ``port``: that of HTTP."""
    (port,) = free_ports()
    (runner,) = jars("registry").glob("*-runner.jar")
    options = [
        f"-Dquarkus.http.port={port}",
        f"-Dquarkus.http.host={LOOPBACK}",
        "-Dquarkus.log.level=WARN",
    ]
    tuning = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    return Server(
        ["java", *tuning, *options, "-jar", runner],
        lambda: ask(port, "/subjects") == [],
        home,
        port=port,
    )


def registry() -> Any:
    """The registry of this test run; a test takes subjects of its own."""
    require("registry")
    return shared("registry", server)


def ask(port: int, path: str, body: Any = None, method: str = "") -> Any:
    """What it answers. Raises HTTPError."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://{LOOPBACK}:{port}{API}{path}", data, {"Content-Type": _KIND}, method=method or None
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def register(port: int, subject: str, schema: Any, references: Any = ()) -> int:
    """Register a schema; its number."""
    body = {"schema": json.dumps(schema), "schemaType": "AVRO", "references": list(references)}
    return int(ask(port, f"/subjects/{subject}/versions", body)["id"])
