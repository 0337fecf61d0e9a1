"""The parts of sql_static, read from the hashes of its options: tables, loaders and look-ups, with
what is wrong at its place.

Look-ups are read by SQLite before any table is loaded, so that a misspelt column is found when the
configuration is checked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import URL

from ..dsl.diagnostics import PenstockError, did_you_mean
from ..dsl.reference import Event, FieldRef
from ..dsl.timestamp import Timestamp
from ..plugins.contract import Plugin
from ._database import find_url
from ._local_tables import Table, Tables
from ._references import named_field, named_template
from ._sql_statements import with_names

Hashes = Sequence[dict[str, Any]]

_TABLE_KEYS = ("name", "columns", "index_columns", "preserve_existing")
_LOADER_KEYS = (
    "id",
    "local_table",
    "query",
    "max_rows",
    "jdbc_connection_string",
    "jdbc_user",
    "jdbc_password",
    "jdbc_driver_class",
    "jdbc_driver_library",
)
_LOOKUP_KEYS = (
    "id",
    "query",
    "parameters",
    "prepared_parameters",
    "target",
    "default_hash",
    "tag_on_failure",
    "tag_on_default_use",
)
_MOST_ROWS = 1_000_000


class UnanswerableError(PenstockError):
    """A look-up cannot be done: the event does not have what it asks with, or there are no tables
    yet.
    """


@dataclass(frozen=True, slots=True)
class Lookup:
    """A query of the local tables for each event; ``default`` is None where it has none."""

    id: str
    query: str
    reads: dict[str, Callable[[Event], Any]] | list[Callable[[Event], Any]]
    target: FieldRef
    default: list[Event] | None
    tag_on_failure: list[str]
    tag_on_default_use: list[str]

    def rows(self, tables: Tables, event: Event) -> list[Event]:
        """The rows for an event; raises UnanswerableError, and as ``Tables.rows``."""
        reads = self.reads
        if isinstance(reads, dict):
            return tables.rows(self.query, {name: read(event) for name, read in reads.items()})
        return tables.rows(self.query, [read(event) for read in reads])


@dataclass(frozen=True, slots=True)
class LoaderPlan:
    """A loader before it has a database."""

    id: str
    table: str
    clause: TextClause
    most: int
    url: URL


def read_tables(plugin: Plugin, given: Hashes) -> list[Table]:
    """The tables of `local_db_objects`."""
    tables: list[Table] = []
    for place, each in _checked(
        plugin, "local_db_objects", given, ("name", "columns"), _TABLE_KEYS
    ):
        columns = each["columns"]
        if (
            not (
                isinstance(columns, list)
                and all(isinstance(c, list) and len(c) == 2 for c in columns)
            )
            or not columns
        ):
            message = "`columns` is a list of pairs, a name and a type"
            plugin.problem(
                "local_db_objects",
                message,
                'write [["ip", "varchar(64)"], ["name", "text"]]',
                (place, "columns"),
            )
            continue
        names = [str(name) for name, _ in columns]
        indexes = [str(name) for name in _listed(each.get("index_columns"))]
        for name in [name for name in indexes if name not in names]:
            help = did_you_mean(name, names) or "add it to `columns`"
            plugin.problem(
                "local_db_objects", f"unknown column `{name}`", help, (place, "index_columns")
            )
            indexes.remove(name)
        table = Table(
            str(each["name"]),
            tuple((str(name), str(kind)) for name, kind in columns),
            tuple(indexes),
        )
        try:
            Tables([*tables, table])
        except sqlite3.Error as error:
            plugin.problem(
                "local_db_objects",
                f"the table cannot be made: {error}",
                "check its column names and types",
                (place,),
            )
            continue
        tables.append(table)
    return tables


def read_loaders(
    plugin: Plugin, given: Hashes, tables: Sequence[Table], common: dict[str, Any]
) -> list[LoaderPlan]:
    """The loaders; ``common`` has the connection options of the filter, which hold where a loader
    has none of its own.
    """
    plans = []
    names = {table.name.lower(): table.name for table in tables}
    shared = find_url(plugin, common)
    for place, each in _checked(plugin, "loaders", given, ("local_table", "query"), _LOADER_KEYS):
        table = str(each["local_table"])
        if table.lower() not in names:
            help = did_you_mean(table, names.values()) or "declare it in `local_db_objects`"
            plugin.problem("loaders", f"unknown table `{table}`", help, (place, "local_table"))
            continue
        own = {key: value for key, value in each.items() if key.startswith("jdbc_")}
        url = (
            find_url(plugin, _without_drivers(common) | own, "loaders", (place,)) if own else shared
        )
        most = str(each.get("max_rows", _MOST_ROWS))
        if not most.isdecimal():
            plugin.problem(
                "loaders",
                f"`{most}` is not a valid number of rows",
                "write max_rows => 5000",
                (place, "max_rows"),
            )
        elif url is not None:
            query = text(str(each["query"]).replace(":", "\\:"))
            plans.append(
                LoaderPlan(str(each.get("id", table)), names[table.lower()], query, int(most), url)
            )
    return plans


def read_lookups(
    plugin: Plugin, given: Hashes, tables: Sequence[Table], tags: tuple[list[str], list[str]]
) -> list[Lookup]:
    """The look-ups; ``tags`` are those of the filter, on failure and where a default is used."""
    empty, lookups = Tables(tables), list[Lookup]()
    for place, each in _checked(plugin, "local_lookups", given, ("query",), _LOOKUP_KEYS):
        lookup = _lookup(plugin, place, each, tags)
        problem = _problem_of(lookup, empty)
        if problem:
            help = "look-ups run in SQLite's SQL, on the tables of `local_db_objects`"
            plugin.problem(
                "local_lookups", f"the query cannot be run: {problem}", help, (place, "query")
            )
        lookups.append(lookup)
    _told_apart(plugin, lookups)
    return lookups


def _problem_of(lookup: Lookup, empty: Tables) -> str:
    """Why a query cannot be asked of these tables; "" if it can."""
    _, marks = with_names(lookup.query)
    given = 0 if isinstance(lookup.reads, dict) else len(lookup.reads)
    if len(marks) != given:
        return f"it has {len(marks)} `?`, but there are {given} `prepared_parameters`"
    try:
        empty.test(
            lookup.query,
            dict.fromkeys(lookup.reads) if isinstance(lookup.reads, dict) else [None] * given,
        )
    except sqlite3.Error as error:
        return str(error)
    return ""


def _lookup(
    plugin: Plugin, place: int, each: dict[str, Any], tags: tuple[list[str], list[str]]
) -> Lookup:
    if "parameters" in each and "prepared_parameters" in each:
        message = "a look-up has `parameters` or `prepared_parameters`, not both"
        plugin.problem("local_lookups", message, "remove one", (place, "prepared_parameters"))
    name = str(each.get("id", f"lookup-{place + 1}"))
    default = each.get("default_hash")
    if default is not None and not isinstance(default, dict):
        plugin.problem(
            "local_lookups",
            "`default_hash` is a hash",
            'write { "name" => "nobody" }',
            (place, "default_hash"),
        )
    on_failure, on_default = (
        _listed(each[key]) if key in each else tags[i] for i, key in enumerate(_LOOKUP_KEYS[-2:])
    )
    return Lookup(
        name,
        str(each["query"]),
        _reads(plugin, place, each),
        named_field(plugin, "local_lookups", str(each.get("target", name)), (place, "target")),
        [default] if default else None,
        on_failure,
        on_default,
    )


def _reads(
    plugin: Plugin, place: int, each: dict[str, Any]
) -> dict[str, Callable[[Event], Any]] | list[Callable[[Event], Any]]:
    named = each.get("parameters", {})
    if "prepared_parameters" in each:
        values = _listed(each["prepared_parameters"])
        return [
            _read(plugin, str(value), (place, "prepared_parameters", i))
            for i, value in enumerate(values)
        ]
    if not isinstance(named, dict):
        plugin.problem(
            "local_lookups",
            "`parameters` is a hash",
            'write { "ip" => "[source][ip]" }',
            (place, "parameters"),
        )
        return {}
    return {
        name: _read(plugin, str(value), (place, "parameters", name))
        for name, value in named.items()
    }


def _read(plugin: Plugin, value: str, path: tuple[str | int, ...]) -> Callable[[Event], Any]:
    """The function that reads a parameter: a field, or a text with fields; it raises
    UnanswerableError.
    """
    if "}" not in value.partition("%{")[2]:
        return _field_reader(named_field(plugin, "local_lookups", value, path))
    template = named_template(plugin, "local_lookups", value, path)

    def render(event: Event) -> str:
        made = template.render(event)
        if made == value:
            raise UnanswerableError(f"`{value}` contains no field reference")
        return made

    return render


def _field_reader(field: FieldRef) -> Callable[[Event], Any]:
    def read(event: Event) -> Any:
        value = field.get(event)
        if value is None or type(value) in (dict, list):
            raise UnanswerableError(f"`{field}` has no single value")
        return str(value) if type(value) is Timestamp else value

    return read


def _told_apart(plugin: Plugin, lookups: Sequence[Lookup]) -> None:
    """Look-ups have ids and targets of their own."""
    ids: set[str] = set()
    targets: set[FieldRef] = set()
    for place, lookup in enumerate(lookups):
        if lookup.id in ids:
            plugin.problem(
                "local_lookups",
                f"there are two look-ups `{lookup.id}`",
                "give each an id of its own",
                (place, "id"),
            )
        elif lookup.target in targets:
            message = f"two look-ups have the target `{lookup.target}`"
            plugin.problem(
                "local_lookups", message, "give each a target of its own", (place, "target")
            )
        ids.add(lookup.id)
        targets.add(lookup.target)


def _checked(
    plugin: Plugin, option: str, given: Hashes, needed: Sequence[str], known: Sequence[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The hashes that have what they need, with their places; keys that mean nothing are
    reported.
    """
    for place, each in enumerate(given):
        for key in each.keys() - {*known}:
            help = did_you_mean(key, known) or "it has " + ", ".join(known)
            plugin.problem(
                option, f"`{key}` is not a key of `{option}`", help, (place, key), "E203"
            )
        lacking = [key for key in needed if not each.get(key)]
        for key in lacking:
            plugin.problem(option, f"`{key}` is missing", f"add {key} => …", (place,), "E214")
        if not lacking:
            yield place, each


def _without_drivers(options: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if not key.startswith("jdbc_driver")}


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
