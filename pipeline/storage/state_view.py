"""Looking into the state of filters, and taking it elsewhere.

A database is read beside the pipeline that writes it; what changes it wants it for itself. An
export is lines of JSON: a head with the version, then filters, keys and positions, each a map of
one name.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from ...filters.state import NEVER
from ...filters.state.keys import value_of
from ...filters.state.plain import revive
from ...plugins.batch import Position
from ...plugins.data_paths import STATE_FILE
from .state_store import VERSION, Change, Held, StateStore, check_version

_decode = msgspec.msgpack.Decoder().decode
_encode = msgspec.msgpack.Encoder().encode

HEAD = "penstock_state"

_NAME = re.compile(r"[\w-][\w.-]*")


class Unreadable(OSError):
    """What is to be imported is not an export, or is one of a newer version."""


class FilterView(msgspec.Struct):
    """What is known of one filter. ``bytes``: the size of its state; ``watermark``: milliseconds
    since 1970, None where no event was taken in.
    """

    id: str
    kind: str
    keys: int
    bytes: int
    watermark: int | None
    partitions: int


def opened(directory: Path) -> sqlite3.Connection:
    """The database in a directory, to be read only. Raises OSError."""
    path = directory / STATE_FILE
    if not path.exists():
        raise FileNotFoundError(2, "no state", str(path))
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        check_version(database, path)
    except sqlite3.Error as error:
        raise OSError(f"`{path}` cannot be read: {error}") from error
    return database


def filters(directory: Path) -> list[FilterView]:
    """The filters that have state in a directory; raises OSError."""
    with closing(opened(directory)) as database:
        sizes = {
            name: (count, size)
            for name, count, size in database.execute(
                "select filter, count(*), sum(length(key) + length(state)) from keys"
                " group by filter"
            )
        }
        rows = database.execute("select id, kind, marks from filters order by id").fetchall()
    found = []
    for name, kind, marks in rows:
        watermark, partitions = _decode(marks)
        count, size = sizes.get(name, (0, 0))
        mark = revive(watermark)
        at = None if mark == NEVER else mark
        found.append(FilterView(name, kind, count, size, at, len(partitions)))
    return found


def positions(directory: Path) -> list[dict[str, Any]]:
    """Up to where inputs are in the state; raises OSError."""
    names = ("input", "partition", "incarnation", "offset")
    with closing(opened(directory)) as database:
        rows = database.execute(
            "select source, partition, incarnation, offset from positions order by 1, 2"
        ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def keys(directory: Path, name: str) -> Iterator[tuple[Any, Any]]:
    """The keys of a filter, as the values of its fields, and what it holds of each, as plain data.
    Raises OSError.
    """
    with closing(opened(directory)) as database:
        known = database.execute("select fields from filters where id = ?", (name,)).fetchone()
        rows = database.execute("select key, state from keys where filter = ?", (name,))
        for key, state in rows:
            yield key_values(_decode(key), known[0]), _decode(state)


def key_values(data: Any, fields: int) -> Any:
    """The values of so many fields that a key was made of: one, or a list."""
    key = revive(data)
    if type(key) is tuple and len(key) == 1:  # what is gathered of all keys that are too many
        return list(key)
    return value_of(key) if fields == 1 else [value_of(part) for part in key]


def forget(store: StateStore, name: str, wanted: Any = None) -> int:
    """Forget what a filter holds, all of it or of one key; how many keys."""
    rows = [key for key, _ in store.keys(name)]
    if wanted is None:
        store.commit({}, [], [name])
        return len(rows)
    held = next(each for each in store.filters() if each.id == name)
    gone = [key for key in rows if key_values(_decode(key), held.fields) == wanted]
    store.commit({}, [Change(held, [(key, None) for key in gone])])
    return len(gone)


def export(directory: Path, pipeline: str) -> Iterator[str]:
    """All that is in a directory, as lines of JSON without their ends; raises OSError."""
    with closing(opened(directory)) as database:
        yield _line({HEAD: VERSION, "pipeline": pipeline})
        for name, kind, version, fields, meaning, text, marks in database.execute(
            "select id, kind, version, fields, meaning, text, marks from filters order by id"
        ):
            about = {"id": name, "kind": kind, "version": version, "fields": fields, "text": text}
            yield _line(
                {"filter": about | {"meaning": json.loads(meaning), "marks": _decode(marks)}}
            )
        for name, key, state in database.execute("select filter, key, state from keys"):
            yield _line({"key": [name, _decode(key), _decode(state)]})
        for row in database.execute("select source, partition, incarnation, offset from positions"):
            yield _line({"position": list(row)})


def import_lines(store: StateStore, lines: Iterable[str]) -> int:
    """Put an export in the place of what a store holds, in one step; how many keys. Raises
    Unreadable, and nothing has changed.
    """
    changes: dict[str, Change] = {}
    found: dict[Any, dict[str, Position]] = {}
    count = 0
    try:
        rows = iter(lines)
        pipeline_of(next(rows))
        for line in rows:
            ((what, content),) = json.loads(line).items()
            if what == "filter":
                about = content | {"marks": _encode(content["marks"])}
                held = msgspec.convert(about, Held)
                changes[held.id] = Change(held, [], is_anew=True)
            elif what == "key":
                name, key, state = content
                changes[name].keys.append((_encode(key), _encode(state)))
                count += 1
            else:
                source, partition, incarnation, offset = content
                found.setdefault(source, {})[partition] = Position(incarnation, offset)
    except Unreadable:
        raise
    except (StopIteration, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"this is not a valid export of state: {error or 'it is empty'}") from None
    gone = [held.id for held in store.filters()]
    store.commit(found, changes.values(), gone, only_these=True)
    return count


def pipeline_of(head: str) -> str:
    """The pipeline that an export was made of, by its first line; ``main`` where it has no name
    that can be a directory. Raises Unreadable.
    """
    try:
        said = json.loads(head or "null")
    except ValueError as error:
        raise Unreadable(f"this is not a valid export of state: {error}") from None
    version = said.get(HEAD) if isinstance(said, dict) else None
    if type(version) is not int:
        raise Unreadable("this is not a valid export of state: it has no head")
    if version > VERSION:
        raise Unreadable(
            f"this export was written by a newer version (format {version}, this one reads"
            f" {VERSION}): import it with the Penstock that wrote it"
        )
    name = said.get("pipeline")
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "main"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
