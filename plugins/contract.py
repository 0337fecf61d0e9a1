"""The contract of plugins in one place, for who writes one: what an input, a filter, an output and
a codec is, and what it is given.
"""

from __future__ import annotations

from .batch import Batch, Chunk, Part, Payload, Position
from .codec import Codec
from .context import Context, OptionProblem
from .errors import (
    ConnectorError,
    Disconnected,
    EndOfInput,
    Misconfigured,
    Rejected,
    Retry,
)
from .filter import Filter
from .input import Answer, Emit, Input, Listener, Outcome
from .output import Batching, Output
from .plugin import Ecs, Plugin
from .rate_limit import complain

__all__ = [
    "Answer",
    "Batch",
    "Batching",
    "Chunk",
    "Codec",
    "ConnectorError",
    "Context",
    "Disconnected",
    "Ecs",
    "Emit",
    "EndOfInput",
    "Filter",
    "Input",
    "Listener",
    "Misconfigured",
    "OptionProblem",
    "Outcome",
    "Output",
    "Part",
    "Payload",
    "Plugin",
    "Position",
    "Rejected",
    "Retry",
    "complain",
]
