"""What is told of a job: the note of its last batch, and the tasks that Spark runs now."""

from __future__ import annotations

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

from ..parts import Plan
from .batch import Batches
from .progress import watermark_of
from .state import Manifest

Figures = dict[str, int | float]


def figures_of(batches: Batches | None, plan: Plan) -> Figures:
    """Counts since the checkpoint was begun, the state, and how far time has come."""
    last = Manifest() if batches is None else batches.last
    held = [shard for exchange in last.shards.values() for shard in exchange.values()]
    found: Figures = {
        "batches": last.batch + 1,
        "events_in": last.events_in,
        "events_out": last.events_out,
        "bytes_out": last.bytes_out,
        "dead_letters": last.dead_letters,
        "lag_events": 0 if batches is None else batches.left,
        "state_shards": len(held),
        "state_bytes": sum(shard.state.length for shard in held),
    }
    mark = watermark_of(last, plan.keyed[0]) if plan.keyed else None
    if mark is not None:
        found["watermark_ms"] = mark
    return found


def tasks_of(session: SparkSession | None) -> Figures:
    """The tasks of the stages that run, and how many of them are done."""
    if session is None:
        return {}
    try:
        tracker = session.sparkContext.statusTracker()
        infos = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
    except (Py4JError, OSError):  # the session ends at this moment
        return {}
    stages = [info for info in infos if info is not None]
    done = sum(stage.numCompletedTasks for stage in stages)
    return {"tasks": sum(stage.numTasks for stage in stages), "tasks_done": done}
