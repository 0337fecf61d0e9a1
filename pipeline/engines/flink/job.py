"""The engine ``flink``: the same plan as a job of Flink's, in a cluster inside this process or in
one that runs elsewhere.

A job that is stopped leaves a savepoint in the checkpoint directory, one that dies its last
checkpoint: the next start with this directory goes on from the newer of them.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JJavaError
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway

from ....dsl.diagnostics import ConfigError, Diagnostic
from ....plugins.errors import Undelivered
from ...compile.instantiate import uses
from ..abilities import ABILITIES
from ..engine_options import refuse
from ..plan import Plan
from .cluster import environment, read_options
from .figures import JobFigures
from .graph import graph
from .kafka import refused_options
from .read import ranges_to_read
from .write import refused_write, written

log = logging.getLogger("penstock")

_WHAT_IT_WANTS = "look at options of Flink's own, at `cluster`, and at what its job manager logs"


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
        """Submit a plan. ``options``: as of ``FlinkOptions``, and any of Flink's own, which have
        dots in their names. Raises ConfigError for those that are not valid, and where Flink does
        not take the job.
        """
        own = read_options(options)
        if own.cluster:
            _refuse_driver(plan)
        _start_java()
        ranges = [ranges_to_read(plan, read, own.range_bytes, checkpoint) for read in plan.reads]
        try:
            env = environment(plan, own, checkpoint)
            graph(env, plan, ranges)
            return FlinkJob(env, plan, checkpoint, own.cluster)
        except Py4JJavaError as error:
            reason = _reason(error.java_exception)
            refuse(f"Flink does not start: {reason}", _WHAT_IT_WANTS, "E251")


def _start_java() -> None:
    """Start the JVM of this process; raises ConfigError where there is none."""
    try:
        get_gateway()
    except Exception as error:  # PyFlink raises no class of its own
        help = "Flink needs Java 17: JAVA_HOME, or `java` on the path"
        refuse(f"Flink does not start: {error}", help, "E251")


def _refuse_driver(plan: Plan) -> None:
    """In a cluster inside this process the tasks are its threads, and may print; elsewhere not."""
    places = list(uses(plan.assembly.program.outputs))
    for write in plan.writes:
        if write.where == "driver":
            message = f"tasks of a cluster cannot write to `{write.kind}`"
            span = places[write.number].name_span
            raise ConfigError([Diagnostic("E260", message, span, "write a file, or a topic")])


class FlinkJob:
    """A job that was submitted. ``address``: of the job manager, empty for a cluster in this
    process.
    """

    def __init__(
        self, env: StreamExecutionEnvironment, plan: Plan, checkpoint: str | None, address: str
    ) -> None:
        self._checkpoint = checkpoint
        self._is_stopped = threading.Event()
        self._stopper: threading.Thread | None = None
        self._client = env.execute_async(f"penstock {plan.shipment.digest[:8]}")
        self._figures = JobFigures(self._client, address)

    def wait(self) -> None:
        """Return when the job has ended. Raises Undelivered with the reason where it failed."""
        try:
            self._client.get_job_execution_result().result()
        except Py4JJavaError as error:
            if self._stopper is not None:
                self._stopper.join()  # it knows whether the job ended by the stop, or before it
            if not self._is_stopped.is_set():
                raise Undelivered(_reason(error.java_exception)) from None

    def stop(self) -> None:
        """Have the job stop with a savepoint, which the next start goes on from; without a place
        for it, have it end as its inputs would.
        """
        if not self._is_stopped.is_set():
            self._is_stopped.set()
            self._stopper = threading.Thread(target=self._stop, name="stop flink", daemon=True)
            self._stopper.start()

    def _stop(self) -> None:
        kinds = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType
        ends = self._checkpoint is None
        client = self._client._j_job_client  # the method of Python lacks the kind
        with tempfile.TemporaryDirectory(prefix="penstock-flink-") as unwanted:
            place = Path(self._checkpoint or unwanted).absolute().as_uri()
            try:
                client.stopWithSavepoint(ends, place, kinds.CANONICAL).get()
            except Py4JJavaError as error:
                reason = _reason(error.java_exception)
                log.warning("flink: the job cannot stop with a savepoint now: %s", reason)
                self._is_stopped.clear()

    def figures(self) -> Mapping[str, int | float]:
        """What Flink tells of the job."""
        return self._figures.read()


def _reason(error: Any) -> str:
    """The innermost cause of a failure; of a step in Python the last line of what it said."""
    while error.getCause() is not None:
        error = error.getCause()
    lines = [line for line in str(error.getMessage()).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith((" ", "\t"))]
    return (told or lines or [str(error)])[-1]
