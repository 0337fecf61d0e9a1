"""The filter sql_static: look-ups in tables that were fetched from a database beforehand.

The tables stand in memory, so that an event costs microseconds and the database is asked once, or
when a schedule says so.
"""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.joda.zones import find_zone, platform_zone
from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ..plugins.schedule import Schedule, ScheduleError, parse_schedule
from ._database import Database, JdbcOptions
from ._loading import Loader, Loading
from ._local_tables import Tables
from ._per_process import PerProcess
from ._sql_values import value_reader
from ._static_parts import Lookup, UnanswerableError, read_loaders, read_lookups, read_tables


class SqlStatic(JdbcOptions, Filter, name="sql_static"):
    """Add rows of tables that are fetched from a database; `jdbc_static` is its name in Logstash.

    `local_db_objects` declares tables in memory: each has a `name`, `columns` as pairs of name and
    type, and `index_columns`, by which it is searched. `loaders` fill them: each runs its `query`
    in the database and puts the rows, column by column, into its `local_table`; one with more than
    `max_rows` (a million) takes none. A loader may have connection options of its own.

    `local_lookups` are done for each event: a `query` of the tables, in SQLite's SQL, with
    `parameters` by name (`:ip`) or `prepared_parameters` in order (`?`), each a field or a string
    with fields. The rows are set as a list of maps in `target`, which is the look-up's `id` unless
    given. Where there are none and the look-up has a `default_hash`, this is the row, and the event
    is tagged with `tag_on_default_use`; without one the list is empty. A look-up may have tags of
    its own. When a parameter has no value, or a list or a map, or the query fails, the event gets
    the tags of `tag_on_failure`. The common options apply when all look-ups went well.

    Tables are loaded when the pipeline starts, and again by `loader_schedule`: a cron line (`*/30 *
    * * *`, perhaps with a time zone) or `every 10m`. What cannot be loaded keeps its rows. As long
    as the first load has not succeeded it is retried every ten seconds, and look-ups fail.

    `jdbc_connection_string` is in JDBC's form, `jdbc:postgresql://host:5432/name`, or a URL of
    SQLAlchemy; see sql_streaming.

    The filter needs the package SQLAlchemy: `pip install 'penstock[sql_static]'`.

    Differs from Logstash: the tables are SQLite's, not Derby's, and the queries too; all of them
    are looked at when the configuration is checked. New rows take the place of old ones in all
    tables at once. Events that come before anything was loaded are tagged as failed, where Logstash
    finds nothing. `staging_directory`, `jdbc_driver_class` and `jdbc_driver_library` have no
    effect.
    """

    external = True

    loaders: list[dict[str, Any]] = option(
        "What is fetched from the database, and into which table.", default=[]
    )
    local_db_objects: list[dict[str, Any]] = option("The tables in memory.", default=[])
    local_lookups: list[dict[str, Any]] = option(
        "The look-ups that are done for each event.", default=[]
    )
    loader_schedule: str | None = option(
        "When to load again: a cron line, or `every 10m`.", default=None
    )
    staging_directory: str | None = option(
        "Has no effect: nothing is staged in files.", default=None
    )
    tag_on_failure: list[str] = option(
        "Tags for an event when a look-up failed.", default=["_jdbcstaticfailure"]
    )
    tag_on_default_use: list[str] = option(
        "Tags for an event that was given a default.", default=["_jdbcstaticdefaultsused"]
    )

    examples = (
        Example(
            "the server that belongs to an address",
            """sql_static {
  jdbc_connection_string => "jdbc:sqlite:tests/data/sql/shop.db"
  loaders => [ { query => "SELECT ip, name, rack FROM servers" local_table => "servers" } ]
  local_db_objects => [ {
    name => "servers"
    index_columns => ["ip"]
    columns => [["ip", "varchar(64)"], ["name", "varchar(64)"], ["rack", "int"]]
  } ]
  local_lookups => [ {
    query => "SELECT name, rack FROM servers WHERE ip = :ip"
    parameters => { "ip" => "[source][ip]" }
    target => "server"
  } ]
}""",
            before=[{"source": {"ip": "10.0.0.9"}}, {"source": {"ip": "10.9.9.9"}}],
            after=[
                {"source": {"ip": "10.0.0.9"}, "server": [{"name": "db-1", "rack": 5}]},
                {"source": {"ip": "10.9.9.9"}, "server": []},
            ],
        ),
        Example(
            "a default, and a look-up that an event has no value for",
            """sql_static {
  jdbc_connection_string => "sqlite:///tests/data/sql/shop.db"
  loaders => [ {
    query => "SELECT rack, count(*) FROM servers GROUP BY rack" local_table => "racks"
  } ]
  local_db_objects => [ { name => "racks" columns => [["rack", "int"], ["servers", "int"]] } ]
  local_lookups => [ {
    query => "SELECT servers FROM racks WHERE rack = ?"
    prepared_parameters => ["[rack]"]
    target => "in_rack"
    default_hash => { "servers" => 0 }
  } ]
}""",
            before=[{"rack": 4}, {"rack": 9}, {"rack": None}],
            after=[
                {"rack": 4, "in_rack": [{"servers": 2}]},
                {"rack": 9, "in_rack": [{"servers": 0}], "tags": ["_jdbcstaticdefaultsused"]},
                {"rack": None, "tags": ["_jdbcstaticfailure"]},
            ],
        ),
    )

    def prepare(self) -> None:
        if self.staging_directory is not None:
            self.problem(
                "staging_directory",
                "`staging_directory` has no effect: nothing is staged",
                "remove it",
                code="W305",
            )
        if not self.local_lookups:
            self.problem(
                "local_lookups",
                "without `local_lookups` nothing is added",
                "add local_lookups => [{ … }]",
                code="E214",
            )
        tables = read_tables(self, self.local_db_objects)
        self._lookups = read_lookups(
            self, self.local_lookups, tables, (self.tag_on_failure, self.tag_on_default_use)
        )
        common = {name: getattr(self, name) for name in JdbcOptions.__annotations__}
        plans = read_loaders(self, self.loaders, tables, common)
        schedule = self._schedule()
        read, where = value_reader(self.context.settings), self.context.where

        def load() -> Loading:
            loaders = [
                Loader(plan.id, plan.table, plan.clause, plan.most, Database(plan.url, read, where))
                for plan in plans
            ]
            return Loading(tables, loaders, schedule, where).start()

        self._loading = PerProcess(load, Loading.close)

    def _schedule(self) -> Schedule | None:
        if self.loader_schedule is None:
            return None
        zone = find_zone(str(self.context.settings.get("penstock.timezone"))) or platform_zone()
        try:
            return parse_schedule(self.loader_schedule, zone)
        except ScheduleError as error:
            self.problem("loader_schedule", str(error), error.help)
            return None

    def open(self) -> None:
        self._loading.get()

    def run(self, events: list[Event]) -> list[Event]:
        tables = self._loading.get().tables
        for event in events:
            try:
                found = [self._look_up(lookup, tables, event) for lookup in self._lookups]
                if all(found) and self.decorate is not None:
                    self.decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _look_up(self, lookup: Lookup, tables: Tables | None, event: Event) -> bool:
        """Do a look-up for an event; whether it went well."""
        try:
            if tables is None:
                raise UnanswerableError("nothing has been loaded yet")
            rows = lookup.rows(tables, event)
        except Exception as error:
            complain(
                f"{self.context.where} {lookup.id}",
                "%s: the look-up %s failed: %s",
                self.context.where,
                lookup.id,
                error,
            )
            self.failures += 1
            for tag in lookup.tag_on_failure:
                add_tag(event, tag)
            return False
        if not rows and lookup.default is not None:
            for tag in lookup.tag_on_default_use:
                add_tag(event, tag)
            rows = copy(lookup.default)
        lookup.target.set(event, rows)
        return True

    def stats(self) -> dict[str, int | float]:
        """Loads, how many of them failed in part, and rows that were loaded."""
        loading = self._loading.peek()
        if loading is None:
            return {}
        return {
            "loads": loading.loads,
            "load_failures": loading.failures,
            "rows_loaded": loading.rows,
        }

    def close(self) -> None:
        self._loading.close()
