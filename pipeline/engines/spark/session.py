"""The session of Spark: what ``--engine-option`` says, and what Penstock needs of it.

Keys that begin with ``spark.`` are Spark's own configuration; the others are Penstock's and are
known here. In local mode the tasks run the interpreter of this process. On a cluster they run what
is there, or the environment that ``environment`` names: an archive made by ``venv-pack``, which
Spark unpacks beside each executor. A zip of modules would not do: some of what Penstock needs is
compiled, and cannot be imported from one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from ..engine_options import declared, refuse, typed

_UNPACKED = "environment"
_QUIET = {
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "4096",
    "spark.python.worker.reuse": "true",
}
_LOCAL = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1"}


class SparkOptions(NamedTuple):
    """What ``--engine-option`` says. ``split_bytes``: how much of a file is one task's;
    ``partitions``: how many tasks share the keys, 0 for as many as there are cores;
    ``batch_records`` and ``batch_seconds``: the most messages of a partition in a batch of a
    stream, and the shortest time between two of its batches; ``until_idle``: whether a stream ends
    when it has read what was there at its start; ``idle``: for how many seconds a partition that
    gives nothing holds windows back.
    """

    conf: dict[str, str]
    environment: str = ""
    split_bytes: int = 32 << 20
    partitions: int = 0
    batch_records: int = 100_000
    batch_seconds: float = 1.0
    until_idle: bool = False
    idle: float = 60.0


_OPTIONS = (
    declared("environment", "text"),
    declared("split_bytes", "bytes", 1),
    declared("partitions", "integer", 0),
    declared("batch_records", "integer", 1),
    declared("batch_seconds", "duration"),
    declared("until_idle", "boolean"),
    declared("idle", "duration"),
)


def read_options(given: Mapping[str, str]) -> SparkOptions:
    """The options of a run; raises ConfigError for a key or a value that is not valid."""
    conf = {key: text for key, text in given.items() if key.startswith("spark.")}
    mine = {key: text for key, text in given.items() if key not in conf}
    options = SparkOptions(conf, **typed("spark", mine, _OPTIONS, ", and Spark's own: spark.…"))
    if options.environment and not Path(options.environment).is_file():
        refuse(
            f"option `environment` of the engine `spark`: `{options.environment}` does not exist",
            "pack an environment that has penstock and pyarrow: venv-pack -o environment.tar.gz",
        )
    return options


def running_session() -> SparkSession | None:
    """The session of whoever has embedded Penstock, such as a notebook."""
    try:
        return SparkSession.active()
    except PySparkException:
        return None


def share_modules(session: SparkSession) -> None:
    """In local mode, have tasks import what this process imports: another Penstock may be installed
    beside the one that runs.
    """
    context = session.sparkContext
    if context.master.startswith("local"):
        context.environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))


def start_session(options: SparkOptions, name: str) -> SparkSession:
    """A new session; raises ConfigError where Spark does not start."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = {**_QUIET, **options.conf}
    master = conf.get("spark.master") or os.environ.get("SPARK_MASTER") or "local[*]"
    if master.startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        conf = {**_LOCAL, **conf}
    if options.environment:
        conf = {**conf, **_shipped(options.environment)}
    builder = SparkSession.builder.appName(name).master(master)
    for key, value in conf.items():
        builder = builder.config(key, value)
    try:
        return builder.getOrCreate()
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        help = "Spark needs Java 17 (JAVA_HOME), and a master that answers (spark.master)"
        refuse(f"Spark does not start: {reason}", help, "E251")


def _shipped(archive: str) -> dict[str, str]:
    """The packed environment as configuration: each executor unpacks it and runs its Python."""
    os.environ["PYSPARK_PYTHON"] = f"./{_UNPACKED}/bin/python"
    return {"spark.archives": f"{archive}#{_UNPACKED}"}
