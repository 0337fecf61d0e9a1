"""Where the state of filters outlives a run: one sqlite database for each pipeline.

What filters hold and the positions up to which inputs were taken in are written in one transaction,
so that each event is in the state once, whatever moment the process is killed at. A row is what one
filter holds of one key. A database that cannot be read is put aside, and the pipeline starts with
nothing; one of a newer version is refused, and left as it is.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ...dsl.diagnostics import PenstockError
from ...plugins.batch import Position
from ...plugins.data_paths import STATE_FILE
from ...plugins.records.lock import Lock

log = logging.getLogger("penstock")

T = TypeVar("T")

VERSION = 1

_ROWS = 400  # with two parameters each: some builds of sqlite take 999

_TABLES = """
create table if not exists about (name text primary key, value);
create table if not exists positions
  (source, partition text, incarnation text, offset integer, primary key (source, partition));
create table if not exists filters
  (id text primary key, kind text, version integer, fields integer, meaning text, text text,
   marks blob);
create table if not exists keys
  (filter text, key blob, state blob, primary key (filter, key)) without rowid;
"""


class Newer(PenstockError, OSError):
    """The database was written by a newer version."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(
            f"`{path}` was written by a newer version (format {version}, this one reads"
            f" {VERSION}): run the Penstock that wrote it, or move the file away"
        )


class Damaged(PenstockError, OSError):
    """The database cannot be read."""


class Held(msgspec.Struct):
    """What is known of a filter: its kind, the version and meaning of its state, how many fields
    its keys have, the text that it was made of, how far its time has come (plain data, encoded).
    """

    id: str
    kind: str
    version: int
    fields: int
    meaning: dict[str, str]
    text: str
    marks: bytes


class Change(msgspec.Struct):
    """What is to be written of a filter. ``keys``: encoded keys with their state, None where it is
    gone; ``is_anew``: what was there before goes first.
    """

    held: Held
    keys: list[tuple[bytes, bytes | None]]
    is_anew: bool = False


class StateStore:
    """The database in a directory, for one process: a second one gets InUse. Raises Newer, and
    OSError where there can be none. ``was_damaged``: what was there could not be read, and was put
    aside.
    """

    def __init__(self, directory: Path) -> None:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)  # it holds values of events
        self.directory, self.path = directory, directory / STATE_FILE
        self._lock = Lock(directory)
        self.was_damaged = False
        try:
            self._database = self._opened()
        except BaseException:
            self._lock.release()
            raise

    def _opened(self) -> sqlite3.Connection:
        try:
            return _open(self.path)
        except Damaged as error:
            log.error("the state `%s` cannot be read, put aside: %s", self.path, error)
            self.was_damaged = True
            put_aside(self.path)
            return _open(self.path)

    def positions(self) -> dict[Any, dict[str, Position]]:
        """By input and partition: up to where events are in the state."""
        found: dict[Any, dict[str, Position]] = {}
        rows = self._database.execute(
            "select source, partition, incarnation, offset from positions"
        )
        for source, partition, incarnation, offset in rows:
            found.setdefault(source, {})[partition] = Position(incarnation, offset)
        return found

    def filters(self) -> list[Held]:
        """The filters of which something is known."""
        return list(_filters(self._database))

    def keys(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """What a filter holds, by key, as it was encoded."""
        yield from self._database.execute("select key, state from keys where filter = ?", (name,))

    def commit(
        self,
        positions: Mapping[Any, Mapping[str, Position]],
        changes: Iterable[Change],
        gone: Iterable[str] = (),
        only_these: bool = False,
    ) -> None:
        """Write positions, and what has changed of filters, in one transaction; of filters that are
        ``gone`` nothing stays, nor of other positions where there are to be ``only_these``. Raises
        OSError.
        """
        try:
            with self._database:
                for name in gone:
                    _forget(self._database, name)
                for change in changes:
                    _write(self._database, change)
                if only_these:
                    self._database.execute("delete from positions")
                self._database.executemany(
                    "replace into positions values (?, ?, ?, ?)",
                    [
                        (source, name, *position)
                        for source, parts in positions.items()
                        for name, position in parts.items()
                    ],
                )
        except sqlite3.Error as error:
            raise OSError(f"`{self.path}` cannot be written: {error}") from error

    def forget_positions(self) -> None:
        """Positions are of no account any more: inputs go on where they themselves stand."""
        with self._database:
            self._database.execute("delete from positions")

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
        self._lock.release()


def _open(path: Path) -> sqlite3.Connection:
    """Open a database, and look whether it can be read; raises Damaged, Newer."""
    database = sqlite3.connect(path, check_same_thread=False)
    try:
        database.execute("pragma journal_mode = wal")
        database.execute("pragma synchronous = full")
        database.executescript(_TABLES)
        check_version(database, path)
        (said,) = database.execute("pragma quick_check(1)").fetchone()
        if said != "ok":
            raise Damaged(said)
        list(_filters(database))
        with database:
            database.execute("replace into about values ('version', ?)", (VERSION,))
    except sqlite3.OperationalError as error:
        database.close()
        raise OSError(f"`{path}` cannot be opened: {error}") from error
    except (sqlite3.DatabaseError, msgspec.MsgspecError) as error:
        database.close()
        raise Damaged(str(error)) from error
    except BaseException:
        database.close()
        raise
    return database


def check_version(database: sqlite3.Connection, path: Path) -> None:
    """Raise Newer where a database has a format that is not known here."""
    row = database.execute("select value from about where name = 'version'").fetchone()
    if row is not None and row[0] > VERSION:
        raise Newer(path, row[0])


def put_aside(path: Path) -> None:
    """Rename a database, with what sqlite keeps beside it, to NAME.damaged."""
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    path.replace(f"{path}.damaged")


def _filters(database: sqlite3.Connection) -> Iterator[Held]:
    rows = database.execute(
        "select id, kind, version, fields, meaning, text, marks from filters order by id"
    )
    for name, kind, version, fields, meaning, text, marks in rows:
        yield Held(name, kind, version, fields, msgspec.json.decode(meaning), text, marks)


def _forget(database: sqlite3.Connection, name: str) -> None:
    database.execute("delete from keys where filter = ?", (name,))
    database.execute("delete from filters where id = ?", (name,))


def _write(database: sqlite3.Connection, change: Change) -> None:
    held = change.held
    if change.is_anew:
        _forget(database, held.id)
    meaning = msgspec.json.encode(held.meaning).decode()
    row = (held.id, held.kind, held.version, held.fields, meaning, held.text, held.marks)
    database.execute("replace into filters values (?, ?, ?, ?, ?, ?, ?)", row)
    there = [row for row in change.keys if row[1] is not None]
    gone = [key for key, state in change.keys if state is None]
    # Many rows in a statement: behind each, this thread waits for its turn to run.
    for rows in _pieces(there):
        values = ", ".join(["(?1, ?, ?)"] * len(rows))
        database.execute(f"replace into keys values {values}", [held.id, *chain(*rows)])
    for keys in _pieces(gone):
        those = ", ".join(["?"] * len(keys))
        database.execute(
            f"delete from keys where filter = ? and key in ({those})", [held.id, *keys]
        )


def _pieces(rows: list[T]) -> Iterator[list[T]]:
    """Rows, as many at a time as a statement takes."""
    return (rows[at : at + _ROWS] for at in range(0, len(rows), _ROWS))
