"""From rows to Flink's sinks: files, which appear when a checkpoint is complete, and topics of
Kafka, in transactions that checkpoints end. So each row is there once, whatever is killed.

A file becomes a directory of parts with its name. Where the name comes from events, each name is a
directory ``file=NAME`` below the part before the first field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pyflink.table import StatementSet, StreamTableEnvironment, Table
from pyflink.table.expressions import col

from ....dsl.diagnostics import Diagnostic
from ....dsl.event import receive
from ....dsl.program import PluginUse
from ....dsl.timestamp import Timestamp
from ..parts import Write
from ..plan import Plan
from .kafka import java_properties, refused_options, sql_options

_ROLLING = {
    "sink.rolling-policy.rollover-interval": "1 s",
    "sink.rolling-policy.check-interval": "1 s",
}
_TRANSACTION_MS = 900_000
"""A transaction waits for its checkpoint, and for a job that starts again to end it: as long as
brokers allow. After that what was in it is lost.
"""

_NO_LINES = "flink ends each piece of a file with a newline"


def refused_write(write: Write, use: PluginUse, output: Any) -> Iterator[Diagnostic]:
    """What Flink's sink for an output cannot do."""
    if write.kind == "kafka":
        yield from refused_options(use)
    elif not _ends_lines(output):
        place = use.settings.get("gzip") or use.settings.get("codec") or use.settings["path"]
        help = "use a codec of lines, such as `json_lines`, without `gzip`"
        yield Diagnostic("E261", f"{_NO_LINES}, and this codec does not", place.span_of(), help)


def _ends_lines(output: Any) -> bool:
    """Whether what a file gets of an event ends with a newline."""
    event = receive({"message": "a line"}, Timestamp.of_millis(0))
    return not output.gzip and all(each.data.endswith(b"\n") for each in output.pack([event]))


def static_topics(plan: Plan) -> Mapping[int, str | None]:
    """The outputs that are topics, by number, with the topic that is the same for all events."""
    found: dict[int, str | None] = {}
    for write, output in written(plan):
        if write.kind == "kafka":
            topic = output.topic_id
            found[write.number] = topic.text if topic.is_constant else None
    return found


def written(plan: Plan) -> list[tuple[Write, Any]]:
    """The outputs that Flink's own sinks write."""
    outputs = plan.assembly.plugins(plan.assembly.program.outputs)
    return [(each, outputs[each.number]) for each in plan.writes if each.where == "engine"]


def add_sinks(
    tables: StreamTableEnvironment, statements: StatementSet, plan: Plan, rows: Table
) -> None:
    """Hand rows to the sinks of their outputs; a job must have one."""
    if not written(plan):
        tables.execute_sql("CREATE TABLE nothing (target INT) WITH ('connector' = 'blackhole')")
        statements.add_insert("nothing", rows.select(col("target")))
    for write, output in written(plan):
        mine = rows.where(col("target") == write.number)
        name = f"write_{write.number}"
        if write.kind == "kafka":
            tables.execute_sql(_topics(name, write, output))
            wanted = [col(each) for each in ("address", "key", "payload", "headers")]
            statements.add_insert(name, mine.select(*wanted))
        elif output.path.is_constant:
            tables.execute_sql(_files(name, Path(output.path.text)))
            statements.add_insert(name, mine.select(col("payload")))
        else:
            root = output.path.text.partition("%{")[0].rpartition("/")[0] + "/"
            tables.execute_sql(_files(name, Path(root), "file"))
            below = col("address").substring(len(root) + 1)
            statements.add_insert(name, mine.select(col("payload"), below))


def _files(name: str, root: Path, by: str = "") -> str:
    columns, partitions = "payload BYTES", ""
    if by:
        columns, partitions = f"payload BYTES, `{by}` STRING", f" PARTITIONED BY (`{by}`)"
    options = {"connector": "filesystem", "path": root.absolute().as_uri(), "format": "raw"}
    return f"CREATE TABLE {name} ({columns}){partitions} WITH ({sql_options(options | _ROLLING)})"


def _topics(name: str, write: Write, output: Any) -> str:
    is_given = "transaction_timeout_ms" in output.given
    timeout = output.transaction_timeout_ms if is_given else _TRANSACTION_MS
    options = {
        "connector": "kafka",
        "topic-pattern": ".*",
        **java_properties(output),
        "key.format": "raw",
        "key.fields": "key",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
        "sink.delivery-guarantee": "exactly-once",
        "sink.transactional-id-prefix": output.transactional_slot or f"penstock-{write.id}",
        "properties.transaction.timeout.ms": timeout,
    }
    columns = (
        "topic STRING METADATA, `key` BYTES, `value` BYTES, headers MAP<STRING, BYTES> METADATA"
    )
    return f"CREATE TABLE {name} ({columns}) WITH ({sql_options(options)})"
