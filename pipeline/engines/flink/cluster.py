"""Where a job runs, and with what settings of Flink's: a cluster in this process, for trying a
configuration and for tests, or one that ``--engine-option cluster=HOST:PORT`` names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.find_flink_home import _find_flink_home
from pyflink.java_gateway import get_gateway

from ....dsl.diagnostics import ConfigError, Diagnostic, did_you_mean
from ..plan import Plan
from .shipped import archive_of

OPTIONS = ("cluster", "parallelism", "range_bytes")
_ARCHIVES = "python.archives"
_RANGE_BYTES = 8 << 20
"""Small, since what is between two checkpoints is a number of ranges."""

_OF_RANGES = {"python.fn-execution.bundle.size": "16"}
"""How many elements are worked before a checkpoint can be taken: ranges of files are large."""

_OF_MESSAGES = {
    "python.fn-execution.arrow.batch.size": "4096",
    "python.fn-execution.bundle.size": "20000",
    "python.fn-execution.bundle.time": "500",
}
_CHECKPOINTS = {
    "execution.checkpointing.interval": "10 s",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    "restart-strategy.type": "failure-rate",
    "restart-strategy.failure-rate.delay": "1 s",
    "restart-strategy.failure-rate.failure-rate-interval": "10 min",
    "restart-strategy.failure-rate.max-failures-per-interval": "10",
}


def environment(
    plan: Plan, options: Mapping[str, str], checkpoint: str | None
) -> StreamExecutionEnvironment:
    """An environment for a plan. Raises ConfigError for options that nobody knows."""
    _check(options)
    settings = _settings(plan, options, checkpoint)
    configuration = Configuration()
    for name, value in settings.items():
        configuration.set_string(name, value)
    if "cluster" not in options:
        return StreamExecutionEnvironment.get_execution_environment(configuration)
    # What PyFlink makes of these settings would be a cluster in this process all the same.
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment
    made = java.StreamExecutionEnvironment(configuration._j_configuration)
    return StreamExecutionEnvironment(made)


def range_bytes_of(options: Mapping[str, str]) -> int:
    """How large a range of a file is."""
    return int(options.get("range_bytes", _RANGE_BYTES))


def _settings(plan: Plan, options: Mapping[str, str], checkpoint: str | None) -> dict[str, str]:
    has_topics = any(read.how == "engine" for read in plan.reads)
    settings = {"python.executable": sys.executable, "execution.runtime-mode": "STREAMING"}
    settings |= _OF_MESSAGES if has_topics else _OF_RANGES
    if checkpoint is not None or not plan.is_bounded or _writes_topics(plan):
        settings |= _CHECKPOINTS
    if checkpoint is not None:
        settings |= _checkpoint_settings(Path(checkpoint).absolute())
    given = {name: value for name, value in options.items() if "." in name}
    return settings | given | _place(options) | _shipped(plan, options)


def _writes_topics(plan: Plan) -> bool:
    return any(write.kind == "kafka" and write.where == "engine" for write in plan.writes)


def _checkpoint_settings(directory: Path) -> dict[str, str]:
    settings = {"execution.checkpointing.dir": directory.as_uri()}
    newest = newest_checkpoint(directory)
    if newest is not None:
        settings["execution.state-recovery.path"] = newest.as_uri()
    return settings


def newest_checkpoint(directory: Path) -> Path | None:
    """The checkpoint, or savepoint, below a directory that a job goes on from."""
    found = [path for path in directory.absolute().rglob("_metadata") if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent if found else None


def _place(options: Mapping[str, str]) -> dict[str, str]:
    """Where it runs, and how many times side by side."""
    settings = {}
    jars = [options["pipeline.jars"]] if "pipeline.jars" in options else []
    if "parallelism" in options or "cluster" not in options:
        settings["parallelism.default"] = options.get("parallelism", "1")
    if "cluster" in options:
        host, _, port = options["cluster"].rpartition(":")
        settings |= {"execution.target": "remote", "rest.address": host, "rest.port": port}
        (own,) = Path(_find_flink_home()).glob("opt/flink-python-*.jar")
        settings["pipeline.jars"] = ";".join([own.as_uri(), *jars])
    return settings


def _shipped(plan: Plan, options: Mapping[str, str]) -> dict[str, str]:
    """The files that the configuration names, besides what is sent along already."""
    archive = archive_of(plan.shipment) if "cluster" in options else ""
    if not archive:
        return {}
    return {_ARCHIVES: ",".join(filter(None, [options.get(_ARCHIVES), archive]))}


def _check(options: Mapping[str, str]) -> None:
    for name in options:
        if name not in OPTIONS and "." not in name:
            known = did_you_mean(name, OPTIONS) or "known ones: " + ", ".join(OPTIONS)
            help = f"{known}, and those of Flink, such as parallelism.default"
            message = f"unknown option `{name}` of the engine `flink`"
            raise ConfigError([Diagnostic("E230", message, None, help)])
