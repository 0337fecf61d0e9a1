"""What the API of a process says of the job that it has started on an engine."""
from __future__ import annotations

import json
import urllib.request
from typing import Any

from .process import LOOPBACK, free_ports


class JobApi:
    """The API on a port of its own; ``flags`` turn it on."""

    def __init__(self) -> None:
        (port,) = free_ports()
        self._url = f"http://{LOOPBACK}:{port}/_node/stats/pipelines/main"
        self.flags = "-S", "api.enabled=true", "-S", f"api.http.port={port}"

    def told(self) -> dict[str, Any]:
        """The figures of the job, with ``in`` and ``filtered``; none while nobody answers."""
        try:
            with urllib.request.urlopen(self._url, timeout=30) as answer:
                found = json.load(answer)["pipelines"]["main"]
        except OSError:
            return {}
        return {**found["engine"]["figures"], **found["events"]}

    def reaches(self, **figures: float) -> bool:
        """Whether these figures are so large, or larger."""
        told = self.told()
        return all(told.get(name, -1) >= least for name, least in figures.items())
