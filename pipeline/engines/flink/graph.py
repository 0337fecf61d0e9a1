"""The graph of a job: read, then segment behind segment, then write; all rows of all steps meet
before the sinks, each of which takes its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pyflink.common import Row
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment
from pyflink.table.expressions import col

from ..plan import Plan
from ..ranges import Range
from .read import stream_of
from .rows import target_of
from .state import keyed_stream, timed
from .step import Routes
from .write import add_sinks, static_topics, written


def graph(env: StreamExecutionEnvironment, plan: Plan, ranges: Sequence[Sequence[Range]]) -> None:
    """Put the parts of a job together. ``ranges``: of each input those of its files."""
    tables = StreamTableEnvironment.create(env)
    files = [write.number for write, _ in written(plan) if write.kind == "file"]
    numbers = len(plan.writes), len(plan.keyed)
    routes = Routes(plan.shipment, files, static_topics(plan), *numbers)
    read = [
        stream_of(env, tables, plan, one, routes, its)
        for one, its in zip(plan.reads, ranges, strict=True)
    ]
    streams = [read[0].union(*read[1:]) if read[1:] else read[0]]
    for segment in plan.keyed:
        target = target_of(segment.number)
        if segment.number == 1:
            mine = tables.from_data_stream(streams[0]).where(col("target") == target)
            rows = tables.to_data_stream(mine)
            rows = rows if plan.is_bounded else timed(rows, segment)
        else:  # by Python, since a table would not pass watermarks on
            rows = streams[-1].filter(partial(_is_for, target))
        streams.append(keyed_stream(rows, plan, segment, routes))
    rows = streams[0].union(*streams[1:]) if streams[1:] else streams[0]
    statements = tables.create_statement_set()
    add_sinks(tables, statements, plan, tables.from_data_stream(rows))
    statements.attach_as_datastream()


def _is_for(target: int, row: Row) -> bool:
    return bool(row[0] == target)
