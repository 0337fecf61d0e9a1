"""Where a job runs, and with what settings of Flink's: a cluster in this process, for trying a
configuration and for tests, or one that ``--engine-option cluster=HOST:PORT`` names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.find_flink_home import _find_flink_home
from pyflink.java_gateway import get_gateway

from ..engine_options import declared, refuse, typed
from ..plan import Plan
from .shipped import archive_of

_OPTIONS = (
    declared("cluster", "text"),
    declared("parallelism", "integer", 1),
    declared("range_bytes", "bytes", 1),
)
_ARCHIVES, _JARS = "python.archives", "pipeline.jars"

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
    plan: Plan, options: FlinkOptions, checkpoint: str | None
) -> StreamExecutionEnvironment:
    """An environment for a plan."""
    settings = _settings(plan, options, checkpoint)
    configuration = Configuration()
    for name, value in settings.items():
        configuration.set_string(name, value)
    if not options.cluster:
        return StreamExecutionEnvironment.get_execution_environment(configuration)
    # What PyFlink makes of these settings would be a cluster in this process all the same.
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment
    made = java.StreamExecutionEnvironment(configuration._j_configuration)
    return StreamExecutionEnvironment(made)


class FlinkOptions(NamedTuple):
    """What ``--engine-option`` says. ``flinks``: options of Flink's own; ``cluster``: host and port
    of a job manager, empty for a cluster in this process; ``parallelism``: how many times each step
    runs side by side, 0 for what the cluster says; ``range_bytes``: how large a range of a file is.
    """

    flinks: dict[str, str]
    cluster: str = ""
    parallelism: int = 0
    range_bytes: int = 8 << 20
    """Small, since what is between two checkpoints is a number of ranges."""


def read_options(given: Mapping[str, str]) -> FlinkOptions:
    """The options of a run; raises ConfigError for a key or a value that is not valid."""
    flinks = {key: text for key, text in given.items() if "." in key}
    mine = {key: text for key, text in given.items() if key not in flinks}
    options = FlinkOptions(flinks, **typed("flink", mine, _OPTIONS, _OTHERS))
    host, _, port = options.cluster.rpartition(":")
    if options.cluster and not (host and port.isdecimal()):
        message = (
            f"option `cluster` of the engine `flink`: `{options.cluster}` is not a valid address"
        )
        refuse(message, "write HOST:PORT, where the port is that of REST, such as jobmanager:8081")
    return options


_OTHERS = ", and Flink's own, which have a dot, such as execution.checkpointing.interval"


def _settings(plan: Plan, options: FlinkOptions, checkpoint: str | None) -> dict[str, str]:
    has_topics = any(read.how == "engine" for read in plan.reads)
    settings = {"python.executable": sys.executable, "execution.runtime-mode": "STREAMING"}
    settings |= _OF_MESSAGES if has_topics else _OF_RANGES
    if checkpoint is not None or not plan.is_bounded or _writes_topics(plan):
        settings |= _CHECKPOINTS
    if checkpoint is not None:
        settings |= _checkpoint_settings(Path(checkpoint).absolute())
    return settings | options.flinks | _place(options) | _shipped(plan, options)


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


def _place(options: FlinkOptions) -> dict[str, str]:
    """Where it runs, and how many times side by side."""
    settings = {}
    if options.parallelism or not options.cluster:
        settings["parallelism.default"] = str(options.parallelism or 1)
    if options.cluster:
        host, _, port = options.cluster.rpartition(":")
        settings |= {"execution.target": "remote", "rest.address": host, "rest.port": port}
        (own,) = Path(_find_flink_home()).glob("opt/flink-python-*.jar")
        jars = filter(None, [own.as_uri(), options.flinks.get(_JARS)])
        settings[_JARS] = ";".join(jars)
    return settings


def _shipped(plan: Plan, options: FlinkOptions) -> dict[str, str]:
    """The files that the configuration names, besides what is sent along already."""
    archive = archive_of(plan.shipment) if options.cluster else ""
    if not archive:
        return {}
    return {_ARCHIVES: ",".join(filter(None, [options.flinks.get(_ARCHIVES), archive]))}
