"""Telling a store from another that was made anew in the same directory: a position in the one says
nothing of the other.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from ...plugins.records.segments import INCARNATION


def incarnation_of(directory: Path) -> str:
    """The name of this incarnation of a store, made at the first call; raises OSError."""
    path = directory / INCARNATION
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        made = uuid4().hex
        path.write_text(f"{made}\n", encoding="ascii")
        return made
