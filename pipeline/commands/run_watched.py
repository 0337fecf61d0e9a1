"""What tells others of a run: the API and OpenTelemetry, where the settings ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..observe.batch_trace import Tracer
from .run_api import node_of, started_api
from .run_otlp import otlp_exporter

if TYPE_CHECKING:
    from ..api.documents import Member
    from ..api.server import Api


class Watched:
    """``tracer``: chooses batches to be traced, None where none are. Raises ConfigError where what
    the settings ask for cannot be had.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._api: Api | None = None
        self._otlp = otlp_exporter(settings)
        self.tracer: Tracer | None = None
        every = int(settings["penstock.otlp.traces"])
        if self._otlp is not None and every:
            self.tracer = Tracer(every, self._otlp.emit)

    def start(self, members: Sequence[Member]) -> None:
        """Tell of pipelines from now on. Raises ConfigError."""
        self._api = started_api(members, self._settings)
        if self._otlp is not None:
            self._otlp.start(node_of(members))

    def close(self) -> None:
        """End the API, and send what is left."""
        if self._api is not None:
            self._api.close()
        if self._otlp is not None:
            self._otlp.close()
