"""What travels between the parts of a job: one kind of row for all, so that a job is one graph
whatever the configuration says.

Most rows are batches: the payload of a file's lines, or the events of one shard of keys. Only what
Flink's own sink writes message by message (Kafka) is a row for each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyflink.common import Row, Types

from ....plugins.outputs._kafka_rows import row_of
from ..packed import KeyedRow, Payload
from ..parts import SHARDS

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())

ROW = Types.ROW_NAMED(
    ["target", "address", "time", "payload", "key", "headers"],
    [
        Types.INT(),
        Types.STRING(),
        Types.LONG(),
        BYTES,
        BYTES,
        Types.MAP(Types.STRING(), BYTES),
    ],
)
"""``target``: the number of an output, or what ``target_of`` says of a segment; ``address``: the
path of a file, a topic, or a shard; ``time``: of events on their way to a shard, in milliseconds;
``key`` and ``headers`` of a message.
"""


def target_of(segment: int) -> int:
    """What stands for a segment in the place of an output's number: segments count from 1."""
    return -1 - segment


def lines_row(payload: Payload) -> Row:
    """A payload for a file. Flink's sink ends each row with a newline, so the last one goes."""
    return Row(payload.output, payload.address, 0, payload.payload[:-1], None, None)


def message_rows(payload: Payload, topic: str | None) -> Iterator[Row]:
    """The messages of a payload for Kafka; ``topic``: where it is the same for all events."""
    for item in payload.unpacked().data:
        message = row_of(item)
        pairs: Any = message.headers or ()
        address = message.topic or topic
        yield Row(payload.output, address, 0, message.value, message.key, dict(pairs) or None)


def keyed_row(segment: int, row: KeyedRow) -> Row:
    """Events on their way to the shard of their key."""
    return Row(target_of(segment), str(row.shard), row.time_ms, row.blob, None, None)


def tick_rows(segment: int, time_ms: int) -> Iterator[Row]:
    """Rows without events that tell all shards how far time has come."""
    for shard in range(SHARDS):
        yield Row(target_of(segment), str(shard), time_ms, b"", None, None)
