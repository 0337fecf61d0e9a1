"""Records of a shard as batches: a chunk of whole messages, each with where it came from.

A record that was packed of many (see ``_kinesis_aggregates``) stays in one batch, so that a
position never lies within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec

from ..batch import Batch, Chunk, Part, Position
from ._kinesis_aggregates import UserRecord, unpacked
from ._kinesis_places import SHARD_END

_NONE: Mapping[str, Any] = {}

Record = Mapping[str, Any]
"""A record as the client library gives it."""


class Token(msgspec.Struct, frozen=True):
    """What is to be known of a batch when it has ended. ``reading``: which reading of the shard it
    is of; ``before``: the record before its first one, or None.
    """

    shard: str
    reading: object
    before: str | None


def sequence_of(record: Record) -> str:
    """The number by which records of a shard are in order."""
    sequence: str = record["SequenceNumber"]
    return sequence


def position_at(sequence: str) -> Position:
    """The position behind a record. A sequence number has too many digits for an offset."""
    return Position(sequence, 0)


def batch_of(stream: str, token: Token, records: Sequence[Record]) -> Batch:
    """The batch of some records that follow each other in a shard."""
    place = {"stream": stream, "shard_id": token.shard}
    values: list[bytes] = []
    origins: list[Mapping[str, Any]] = []
    for record in records:
        packed = unpacked(record["Data"])
        if packed is None:
            values.append(record["Data"])
            origins.append({"@metadata": _metadata(record, record["PartitionKey"], place)})
        else:
            values += [each.data for each in packed]
            origins += _packed_origins(record, packed, place)
    part = Part(token.shard, position_at(sequence_of(records[-1])))
    ends = list(accumulate(map(len, values)))
    chunk = Chunk(b"".join(values), _NONE, 0, ends, origins, owned=True)
    return Batch(chunks=[chunk], token=token, parts=[part], bytes=len(chunk.data))


def _packed_origins(
    record: Record, packed: Sequence[UserRecord], place: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    return [
        {"@metadata": _metadata(record, each.key, {**place, "sub_sequence_number": number})}
        for number, each in enumerate(packed)
    ]


def _metadata(record: Record, key: str, place: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "approximate_arrival_timestamp": milliseconds(record),
        "partition_key": key,
        "sequence_number": record["SequenceNumber"],
        "kinesis": dict(place),
    }


def milliseconds(record: Record) -> int | None:
    """When a record came to the stream, since 1970."""
    arrived = record.get("ApproximateArrivalTimestamp")
    return None if arrived is None else round(arrived.timestamp() * 1000)


def end_of(token: Token) -> Batch:
    """The end of a shard, behind all of its records."""
    part = Part(token.shard, position_at(SHARD_END), 0, "finished")
    return Batch(events=[], token=token, parts=[part])
