"""A plan that runs on Spark."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Mapping

from pyspark.sql import SparkSession

from ..job_thread import JobThread
from ..parts import Plan
from .batch import Batches
from .failures import reason_of
from .figures import figures_of, tasks_of
from .read import bounded_pieces
from .session import read_options, running_session, share_modules, start_session
from .shipped import add_files
from .state import Checkpoint


class SparkJob(JobThread):
    """Inputs that end are one batch. Others are a stream, whose checkpoint is a directory that goes
    with the job where none was named. All of it runs in a thread of its own, Spark's start too:
    in the main thread it would take the signals.
    """

    def __init__(self, plan: Plan, options: Mapping[str, str], checkpoint: str | None) -> None:
        super().__init__("spark")
        self._plan, self._options = plan, read_options(options)
        self._checkpoint = None if checkpoint is None else Checkpoint(checkpoint)
        run = f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:6]}"
        self._name = run if self._checkpoint is None else self._checkpoint.id
        self._session: SparkSession | None = None
        self._batches: Batches | None = None
        self.begin()

    def stop(self) -> None:
        """Let the batch that runs end, and no other begin; inputs that end are given up, since they
        are one batch. From any thread.
        """
        self._stopping.set()
        session = self._session
        if self._plan.is_bounded and session is not None:
            session.interruptTag(self._name)

    def figures(self) -> Mapping[str, int | float]:
        """What is noted of the batches that are done, and of that which runs how many of its tasks
        are done.
        """
        return {**figures_of(self._batches, self._plan), **tasks_of(self._session)}

    def _work(self) -> None:
        if self._checkpoint is None and not self._plan.is_bounded:
            with tempfile.TemporaryDirectory(prefix="penstock-spark-") as directory:
                self._run_session(Checkpoint(directory))
        else:
            self._run_session(self._checkpoint)

    def _failure(self, error: BaseException) -> BaseException | None:
        """One batch that is given up at a stop ends with an error of Spark's own."""
        is_given_up = self._stopping.is_set() and self._plan.is_bounded
        return None if is_given_up else reason_of(error)

    def _run_session(self, checkpoint: Checkpoint | None) -> None:
        plan, options = self._plan, self._options
        name = str(plan.shipment.settings["pipeline.id"])
        running = running_session()
        self._session = session = running or start_session(options, f"penstock {name}")
        try:
            share_modules(session)
            session.addTag(self._name)
            add_files(session, plan.shipment)
            self._run_batches(session, checkpoint)
        finally:
            session.removeTag(self._name)
            self._session = None
            if running is None:
                session.stop()

    def _run_batches(self, session: SparkSession, checkpoint: Checkpoint | None) -> None:
        plan, options = self._plan, self._options
        self._batches = batches = Batches(session, plan, options, self._name, checkpoint)
        if not plan.is_bounded:
            from .stream import run_stream

            run_stream(plan, options, batches, self._stopping)
        elif not self._stopping.is_set():
            pieces = bounded_pieces(plan.assembly, options.split_bytes)
            batches.work(0, pieces, ends=True)
