"""Spark in local mode, in an environment of its own, with one session for the whole test run."""
from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, NamedTuple

from .packages import PROJECT, python
from .process import LOOPBACK, Server, accepts, free_ports

PATIENCE = 900.0
CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}
HERE = {"PYTHONPATH": str(PROJECT.parent), "SPARK_LOCAL_IP": LOOPBACK}
"""What a process of that environment needs in its own, to run Penstock from here."""


def server(home: Path) -> Server:
    """The session; ``port`` is where it is asked to run commands."""
    (port,) = free_ports()
    driver = Path(__file__).with_name("spark_driver.py")
    command = [python("spark"), driver, str(port), json.dumps(CONF)]
    return Server(command, accepts(port), home, environment=HERE, patience=PATIENCE, port=port)


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


def run(spark: Any, *arguments: str) -> Ended:
    """``penstock …`` in the session."""
    with socket.create_connection((LOOPBACK, spark.port), PATIENCE) as connection:
        connection.sendall(json.dumps({"arguments": list(arguments)}).encode() + b"\n")
        with connection.makefile("r", encoding="utf-8") as stream:
            return Ended(**json.loads(stream.readline()))


def run_on_spark(spark: Any, config: Path, *options: str) -> Ended:
    """``penstock run --engine spark`` of a file, which must come through."""
    ended = run(spark, "run", "-f", str(config), "--engine", "spark", *options)
    assert ended.status == 0, ended.err
    return ended


def lines_of(path: Path) -> list[str]:
    """The lines of all parts of a file that Spark has written, sorted."""
    return sorted(line for part in path.glob("part-*") for line in part.read_text().splitlines())
