"""What a queue says where it cannot take or give anything."""

from __future__ import annotations

from ...dsl.diagnostics import PenstockError


class Full(PenstockError):
    """The queue, or its disk, had no room within the time given."""


class Closed(PenstockError):
    """The queue was closed."""
