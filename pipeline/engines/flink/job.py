"""The engine ``flink``: the same plan as a job of Flink's, in a cluster inside this process or in
one that runs elsewhere.

A job that is stopped leaves a savepoint in the checkpoint directory, one that dies its last
checkpoint: the next start with this directory goes on from the newer of them.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyflink.common import Row
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment
from pyflink.table.expressions import col

from ....dsl.diagnostics import Diagnostic
from ....plugins.errors import Undelivered
from ...compile.instantiate import uses
from ..abilities import ABILITIES
from ..plan import Plan
from .cluster import environment, range_bytes_of
from .kafka import refused_options
from .read import stream_of
from .rows import target_of
from .state import keyed_stream, timed
from .step import Routes
from .write import add_sinks, refused_write, static_topics, written


class FlinkEngine:
    """Runs plans on Flink."""

    name = "flink"
    abilities = ABILITIES["flink"]

    def check(self, plan: Plan) -> list[Diagnostic]:
        """What Flink's connectors cannot do."""
        return list(self._findings(plan))

    def _findings(self, plan: Plan) -> Iterator[Diagnostic]:
        program = plan.assembly.program
        for read, use in zip(plan.reads, uses(program.inputs), strict=True):
            if read.kind == "kafka":
                yield from refused_options(use)
        places = list(uses(program.outputs))
        for write, output in written(plan):
            yield from refused_write(write, places[write.number], output)

    def start(
        self, plan: Plan, options: Mapping[str, str], checkpoint: str | None = None
    ) -> FlinkJob:
        """Submit a plan. ``options``: ``cluster``, ``parallelism``, ``range_bytes``, and any of
        Flink's own, which have dots in their names.
        """
        env = environment(plan, options, checkpoint)
        graph(env, plan, range_bytes_of(options))
        return FlinkJob(env, plan, checkpoint)


def graph(env: StreamExecutionEnvironment, plan: Plan, range_bytes: int) -> None:
    """Put the parts of a job together."""
    tables = StreamTableEnvironment.create(env)
    files = [write.number for write, _ in written(plan) if write.kind == "file"]
    numbers = len(plan.writes), len(plan.keyed)
    routes = Routes(plan.shipment, files, static_topics(plan), *numbers)
    read = [stream_of(env, tables, plan, one, routes, range_bytes) for one in plan.reads]
    streams = [read[0].union(*read[1:]) if read[1:] else read[0]]
    for segment in plan.keyed:
        target = target_of(segment.number)
        if segment.number == 1:
            mine = tables.from_data_stream(streams[0]).where(col("target") == target)
            rows = tables.to_data_stream(mine)
            rows = rows if plan.is_bounded else timed(rows, segment)
        else:  # by Python, since a table would not pass watermarks on
            rows = streams[-1].filter(partial(_is_for, target))
        streams.append(keyed_stream(rows, plan, segment, routes))
    rows = streams[0].union(*streams[1:]) if streams[1:] else streams[0]
    statements = tables.create_statement_set()
    add_sinks(tables, statements, plan, tables.from_data_stream(rows))
    statements.attach_as_datastream()


def _is_for(target: int, row: Row) -> bool:
    return bool(row[0] == target)


class FlinkJob:
    """A job that was submitted."""

    def __init__(self, env: StreamExecutionEnvironment, plan: Plan, checkpoint: str | None) -> None:
        self._checkpoint = checkpoint
        self._is_stopped = threading.Event()
        self._client = env.execute_async(f"penstock {plan.shipment.digest[:8]}")

    def wait(self) -> None:
        """Return when the job has ended. Raises Undelivered with the reason where it failed."""
        try:
            self._client.get_job_execution_result().result()
        except Py4JJavaError as error:
            if not self._is_stopped.is_set():
                raise Undelivered(_reason(error.java_exception)) from None

    def stop(self) -> None:
        """Have the job stop with a savepoint, which the next start goes on from; without a place
        for it, have it end as its inputs would.
        """
        if not self._is_stopped.is_set():
            self._is_stopped.set()
            threading.Thread(target=self._stop, name="stop flink", daemon=True).start()

    def _stop(self) -> None:
        kinds = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType
        ends = self._checkpoint is None
        folder = self._checkpoint or tempfile.mkdtemp(prefix="penstock-flink-")
        place = Path(folder).absolute().as_uri()
        self._client._j_job_client.stopWithSavepoint(ends, place, kinds.CANONICAL).get()

    def figures(self) -> Mapping[str, int | float]:
        """Whether the job runs."""
        status = self._client.get_job_status().result()
        return {"is_running": int(status.name == "RUNNING")}


def _reason(error: Any) -> str:
    """The innermost cause of a failure; of a step in Python the last line of what it said."""
    while error.getCause() is not None:
        error = error.getCause()
    lines = [line for line in str(error.getMessage()).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith((" ", "\t"))]
    return (told or lines or [str(error)])[-1]
