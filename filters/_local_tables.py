"""Tables in memory: rows that are asked for event by event, in SQLite, and exchanged as a whole
while that goes on.

A new load fills a copy of the database, which then takes the place of the one that look-ups use:
they never wait, and see all tables as they were or all as they are. SQLite has no booleans
and no instants: columns that are declared so are given types of their own, by whose names values
are turned back.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp, parse_timestamp
from ..dsl.values import json_text

Parameters = dict[str, Any] | list[Any]

_TYPES = (
    (re.compile(r"\s*bool", re.IGNORECASE), "PENSTOCK_BOOLEAN"),
    (re.compile(r"\s*(?:date|timestamp)", re.IGNORECASE), "PENSTOCK_TIMESTAMP"),
    (re.compile(r"\s*(?:dec|num)\w*\s*\(\s*\d+\s*,\s*0*[1-9]\d*\s*\)", re.IGNORECASE), "REAL"),
)


def _timestamp(text: bytes) -> Timestamp | str:
    held = text.decode()
    return parse_timestamp(held) or held


sqlite3.register_converter("PENSTOCK_BOOLEAN", lambda text: text == b"1")
sqlite3.register_converter("PENSTOCK_TIMESTAMP", _timestamp)


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns with their types, and those that look-ups go by."""

    name: str
    columns: tuple[tuple[str, str], ...]
    indexes: tuple[str, ...] = ()

    def statements(self) -> Iterable[str]:
        """The statements that make it."""
        columns = ", ".join(f"{_quoted(name)} {_local_type(kind)}" for name, kind in self.columns)
        yield f"CREATE TABLE {_quoted(self.name)} ({columns})"
        if self.indexes:
            yield (
                f"CREATE INDEX {_quoted(f'{self.name} index')} ON {_quoted(self.name)}"
                f" ({', '.join(map(_quoted, self.indexes))})"
            )


class Tables:
    """Tables in memory. Raises sqlite3.Error where they cannot be as they are declared."""

    def __init__(self, tables: Iterable[Table] = ()) -> None:
        self._db = sqlite3.connect(
            ":memory:",
            isolation_level=None,
            check_same_thread=False,
            detect_types=sqlite3.PARSE_DECLTYPES,
        )
        for table in tables:
            for statement in table.statements():
                self._db.execute(statement)

    def copy(self) -> Tables:
        """Tables with the same rows, which can be filled while these are read."""
        copied = Tables()
        self._db.backup(copied._db)
        return copied

    def fill(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Put rows in the place of those of a table; raises sqlite3.Error where they have not as
        many values as it has columns.
        """
        marks = ", ".join("?" * len(rows[0])) if rows else "NULL"
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(f"DELETE FROM {_quoted(table)}")
            insert = f"INSERT INTO {_quoted(table)} VALUES ({marks})"
            self._db.executemany(insert, ([_storable(value) for value in row] for row in rows))

    def rows(self, query: str, parameters: Parameters) -> list[Event]:
        """The rows that a query finds; raises sqlite3.Error, and OverflowError for a number beyond
        64 bits.
        """
        cursor = self._db.execute(query, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def test(self, query: str, parameters: Parameters) -> None:
        """Read a query without asking it; raises sqlite3.Error where it cannot be asked."""
        self._db.execute(f"EXPLAIN {query}", parameters).close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _local_type(kind: str) -> str:
    return next((local for pattern, local in _TYPES if pattern.match(kind)), kind)


def _storable(value: Any) -> Any:
    """A value as SQLite takes it."""
    if type(value) is Timestamp:
        return str(value)
    return json_text(value) if isinstance(value, list | dict) else value
