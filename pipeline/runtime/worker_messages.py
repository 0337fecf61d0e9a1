"""What the main process and a worker say to each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from ...dsl.reference import Event
from ...plugins.batch import Part
from ...plugins.context import Reasons
from ..observe.plugin_counters import Addition


class ChunkPlace(NamedTuple):
    """Of a job's bytes, the length of one chunk, and what else the chunk says."""

    length: int
    origin: Mapping[str, Any]
    part: int
    ends: Sequence[int] | None
    origins: Sequence[Mapping[str, Any]] | None
    owned: bool
    head: int


class JobMessage(NamedTuple):
    """A batch for a worker. ``sent``: bytes of chunks, or without ``chunks`` a pickled list of
    events; or where they stand in the shared memory.
    """

    slot: int
    sent: Any
    source: int
    chunks: list[ChunkPlace] | None
    parts: list[Part]
    is_full: bool = False
    """Whether whole events are wanted where columns would do."""


class WorkerOutput(NamedTuple):
    """What an output packed. ``data``: as packed, or where it stands; ``events`` are for the dead
    letters.
    """

    output: int
    data: Any
    lane: Hashable
    number: int
    events: list[Event] | None


class WorkerDeadLetter(NamedTuple):
    """Events that the plugin with this number could not handle."""

    plugin: int
    events: list[Event]
    reasons: Reasons


class Answer(NamedTuple):
    """What became of a job. ``counts``: the events of each part of its batch; ``counters``: what
    the filters did, where that is counted.
    """

    events_in: int
    events_out: int
    counts: list[int]
    outputs: list[WorkerOutput]
    dead_letters: list[WorkerDeadLetter]
    counters: list[Addition]


class Failure(NamedTuple):
    """A worker that cannot work, such as one whose filter cannot be opened."""

    reason: str
