"""Where Penstock keeps what outlives a run: positions, queues, dead letters, spills."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def data_directory(settings: Mapping[str, Any]) -> Path:
    """The directory ``path.data``, or, where it is not set, the user's directory for the state of
    programs.
    """
    given = settings.get("path.data")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser(), "penstock")


def spills_directory(settings: Mapping[str, Any]) -> Path:
    """Where the outputs of a pipeline keep what did not fit into their buffers."""
    given = settings.get("penstock.path.spill")
    root = Path(given) if given else data_directory(settings) / "spill"
    return root / str(settings.get("pipeline.id", "main"))


STATE_FILE = "state.db"
"""The name of the database of what filters of event time hold."""


def state_directory(settings: Mapping[str, Any]) -> Path:
    """Where the state of a pipeline's filters is kept."""
    return data_directory(settings) / "state" / str(settings.get("pipeline.id", "main"))
