"""What a pipeline has written to a file, while it is written to and its process killed.

A kill may cut off the line that is being written. The next life ends that line, and writes its
event again on a line of its own; so a line that does not hold an event is left out, and what it
stood for must come behind it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def events_in(path: Path) -> list[Any]:
    """The events of the lines of JSON that are whole; none where the file does not exist."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [event for line in lines if (event := _event(line)) is not None]


def size_of(path: Path) -> int:
    """How many bytes are there: it grows with each event, and costs nothing to ask."""
    return path.stat().st_size if path.exists() else 0


def _event(line: bytes) -> Any:
    if not line.endswith(b"\n"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None
