"""A pipeline that runs as a job on an engine, as the API tells it: what the engine knows of it, in
the places where a pipeline of this process has the same, and the rest under ``engine``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..engines.engine import Job
from ..runtime.supervisor import Reloads


class EngineJob(msgspec.Struct, eq=False):
    """What is told of a job. ``job``: None until it has started."""

    id: str
    settings: dict[str, Any]
    engine: str
    job: Job | None = None
    error: BaseException | None = None
    pipeline: None = None
    is_removed: bool = False
    reloads: Reloads = msgspec.field(default_factory=Reloads)

    @property
    def is_running(self) -> bool:
        """Whether it has started and not failed."""
        return self.job is not None and self.error is None

    def stats(self) -> dict[str, Any]:
        """What stands in the document of a pipeline."""
        figures = {} if self.job is None else dict(self.job.figures())
        events_in, events_out = figures.pop("events_in", 0), figures.pop("events_out", 0)
        events = {"in": events_in, "filtered": events_out, "out": events_out}
        return {
            "events": {**events, "duration_in_millis": 0},
            "running": self.is_running,
            "engine": {"name": self.engine, "figures": figures},
        }
