"""How far time and state have come with a batch: what its reports say, folded into the note of it.

Time is what the slowest partition of a source has reached: while several catch up after an outage,
what the slower ones bring is not late. A file that gave nothing in a batch is at its end and holds
nothing back; a partition of a topic does for a while.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..parts import Segment
from .pieces import FILE
from .state import Manifest, Shard

if TYPE_CHECKING:
    from .step import Report


def note(after: Manifest, report: Report) -> None:
    """Take a report of a task into the note of its batch."""
    after.events_in += report.events_in
    after.events_out += report.events_out
    after.bytes_out += report.bytes_out
    after.dead_letters += report.dead_letters
    after.staged = [*after.staged, *report.staged]
    number = report.exchange
    known = dict(after.tops.get(number + 1, {}))
    for source, top in report.tops.items():
        known[source] = max(top, known.get(source, top))
    after.tops = {**after.tops, number + 1: known}
    shards: dict[int, Shard | None] = {**after.shards.get(number, {}), **report.shards}
    held = {shard: state for shard, state in shards.items() if state is not None}
    after.shards = {**after.shards, number: held}


def forget_idle(after: Manifest, given: Iterable[str], now: float, idle: float) -> None:
    """Let partitions that give nothing hold nothing back: ``given`` are those that gave something
    in this batch, ``idle`` is how many seconds a partition of a topic is waited for.
    """
    seen = {**after.seen, **dict.fromkeys(given, now)}
    tops = after.tops.get(1, {})
    waited_for = {source for source, last in seen.items() if now - last <= _patience(source, idle)}
    after.seen = {source: last for source, last in seen.items() if source in tops}
    active = {source: top for source, top in tops.items() if source in waited_for}
    after.tops = {**after.tops, 1: active or tops}


def _patience(source: str, idle: float) -> float:
    return 0.0 if source.split(":")[1] == FILE else idle


def watermark_of(manifest: Manifest, segment: Segment) -> int | None:
    """The time before which no event is expected any more: what the slowest partition has reached,
    less how long the filter waits; in milliseconds since 1970, None before the first event.
    """
    tops = manifest.tops.get(segment.number)
    return min(tops.values()) - segment.lateness_ms if tops else None


def due_shards(manifest: Manifest, segment: Segment) -> list[int]:
    """The shards whose timer the watermark has passed."""
    mark = watermark_of(manifest, segment)
    shards = manifest.shards.get(segment.number, {})
    if mark is None:
        return []
    return [n for n, shard in shards.items() if shard.timer is not None and shard.timer <= mark]
