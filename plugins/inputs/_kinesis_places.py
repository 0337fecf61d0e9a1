"""Places in a shard: where reading begins, as it stands in the table of leases.

The table is the one of Amazon's client library, so that a pipeline goes on where Logstash stopped:
a checkpoint is the sequence number of the last record that was delivered, or the name of a
beginning or end. What that library cannot say is written beside it: with ``LATEST`` a crash before
the first checkpoint would lose what was read by then, so that the moment of the start, and then the
first record, are noted.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, NamedTuple

TRIM_HORIZON, LATEST, SHARD_END = "TRIM_HORIZON", "LATEST", "SHARD_END"
AT, AFTER, SINCE = "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "AT_TIMESTAMP"

_MARGIN = 10.0
"""Seconds that the clocks of two machines may differ by."""


class Place(NamedTuple):
    """``kind``: what a request for an iterator calls it; ``at``: a sequence number, or seconds
    since 1970.
    """

    kind: str
    at: str = ""

    def request(self) -> dict[str, Any]:
        """The parameters of a request for an iterator."""
        if self.kind == SINCE:
            moment = dt.datetime.fromtimestamp(float(self.at), dt.UTC)
            return {"ShardIteratorType": SINCE, "Timestamp": moment}
        if self.at:
            return {"ShardIteratorType": self.kind, "StartingSequenceNumber": self.at}
        return {"ShardIteratorType": self.kind}


def behind(sequence: str) -> Place:
    """Behind a record, or behind the end."""
    return Place(SHARD_END) if sequence == SHARD_END else Place(AFTER, sequence)


def since(seconds: float) -> Place:
    """From about a moment on."""
    return Place(SINCE, f"{seconds - _MARGIN:.3f}")


def noted(place: Place) -> str:
    """What is written of a start."""
    return f"{place.kind}:{place.at}"


def place_of(checkpoint: str, within: int, start: str) -> Place:
    """Where to begin. ``within``: how much of an aggregated record was delivered, which is then
    read again as a whole; ``start``: what was noted.
    """
    if checkpoint == LATEST and start:
        kind, _, at = start.partition(":")
        return Place(kind, at)
    if checkpoint in (LATEST, SHARD_END):
        return Place(checkpoint)
    if not checkpoint.isdigit():
        return Place(TRIM_HORIZON)
    return Place(AT if within else AFTER, checkpoint)


def is_further(sequence: str, checkpoint: str) -> bool:
    """Whether a record, or the end, lies behind a checkpoint."""
    if SHARD_END in (sequence, checkpoint):
        return checkpoint != SHARD_END
    return not checkpoint.isdigit() or int(sequence) > int(checkpoint)
