"""Where Penstock keeps what outlives a run: positions, queues, dead letters."""
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def data_folder(settings: Mapping[str, Any]) -> Path:
    """The folder ``path.data``, or, where it is not set, the user's folder for the state of programs."""
    given = settings.get("path.data")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser(), "penstock")
