"""From inputs to rows: ranges of files, by their numbers, and topics of Kafka.

The numbers come from a source of Flink's whose position is part of a checkpoint, so that a range
is worked again only where what came of it was not committed. Of topics the source is Flink's, too;
messages reach Python by Arrow batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from pyflink.common import WatermarkStrategy
from pyflink.datastream import DataStream, StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.expressions import col
from pyflink.table.udf import udf

from ..engine_options import refuse
from ..parts import Read
from ..plan import Plan
from ..ranges import Range, ranges_of
from .cluster import newest_checkpoint
from .columns import MESSAGE, PLACE
from .kafka import java_properties, quoted, sql_options
from .messages import MessageStep, Unpack
from .rows import ROW
from .step import ReadStep, Routes


def stream_of(
    env: StreamExecutionEnvironment,
    tables: StreamTableEnvironment,
    plan: Plan,
    read: Read,
    routes: Routes,
    ranges: Sequence[Range],
) -> DataStream:
    """The rows that come of an input; of files these ``ranges`` are read."""
    if read.how == "engine":
        return _messages(tables, plan, read, routes)
    last = max(0, len(ranges) - 1)
    never = WatermarkStrategy.no_watermarks()
    source = NumberSequenceSource(0, last)
    numbers = env.from_source(source, never, f"input {read.id}").uid(f"numbers-{read.number}")
    if not ranges:
        numbers = numbers.set_parallelism(1)
    step = ReadStep(plan.shipment, routes, read, ranges)
    rows = numbers.flat_map(step, ROW).uid(f"read-{read.number}").name(f"read {read.id}")
    return rows if ranges else rows.set_parallelism(1)


def ranges_to_read(
    plan: Plan, read: Read, range_bytes: int, checkpoint: str | None
) -> Sequence[Range]:
    """The ranges of an input's files. A checkpoint knows them by their numbers, so they are kept
    beside it: a job that goes on reads those that it began with. Raises ConfigError where it began
    with other files.
    """
    if read.how != "ranges":
        return []
    named = read.options["path"]
    kept = Path(checkpoint or "", f"ranges-{read.number}.json")
    if checkpoint is not None and kept.exists() and newest_checkpoint(kept.parent) is not None:
        begun = msgspec.json.decode(kept.read_bytes(), type=_Begun)
        if begun.named != named:
            message = f"the checkpoint `{checkpoint}` is of a job that reads {begun.named}"
            refuse(message, "start with an empty checkpoint directory", "E265")
        return begun.ranges
    ranges = ranges_of(_input(plan, read).found(), read.splittable, range_bytes)
    if checkpoint is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(msgspec.json.encode(_Begun(named, ranges)))
    return ranges


class _Begun(msgspec.Struct):
    """What a job began to read. ``named``: the option ``path`` of the input."""

    named: Any
    ranges: list[Range]


def _messages(tables: StreamTableEnvironment, plan: Plan, read: Read, routes: Routes) -> DataStream:
    source = _input(plan, read)
    name = f"read_{read.number}"
    columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in MESSAGE.items())
    tables.execute_sql(f"CREATE TABLE {name} ({columns}) WITH ({sql_options(_options(source))})")
    wanted = ["value", *PLACE] if plan.keyed else ["value"]
    wanted = list(MESSAGE) if source.decoration.is_on else wanted
    function = MessageStep(plan.shipment, read, wanted)
    step = udf(function, result_type=DataTypes.BYTES(), func_type="pandas")
    worked = tables.from_path(name).select(step(*map(col, wanted)).alias("packed"))
    batches = tables.to_data_stream(worked.where(col("packed").is_not_null))
    return batches.flat_map(Unpack(routes), ROW).name(f"rows of {read.id}")


def _input(plan: Plan, read: Read) -> Any:
    return plan.assembly.plugins(plan.assembly.program.inputs)[read.number]


def _options(source: Any) -> dict[str, str]:
    """The options of a table of messages."""
    topics = {"topic": ";".join(source.topics)}
    if source.topics_pattern is not None:
        topics = {"topic-pattern": source.topics_pattern}
    is_committed = source.exactly_once or source.isolation_level == "read_committed"
    return {
        "connector": "kafka",
        **topics,
        **java_properties(source),
        "properties.group.id": source.group_id,
        "properties.auto.offset.reset": source.auto_offset_reset,
        "properties.isolation.level": "read_committed" if is_committed else "read_uncommitted",
        "scan.startup.mode": "group-offsets",
        "key.format": "raw",
        "key.fields": "key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
    }
