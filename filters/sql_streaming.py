"""The filter sql_streaming: rows of a database that belong to an event, asked for as events come.

Answers are kept by their parameters, so that a stream that repeats itself asks once; failures too,
for as long, so that a statement that fails does not slow every event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.timestamp import Timestamp
from ..dsl.values import copy
from ..plugins.clients.cache import Cache
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._database import Database, JdbcOptions, find_url
from ._references import named_field, named_template
from ._sql_statements import Statement, unknown_names, with_names
from ._sql_values import parameter, value_reader

Read = Callable[[Event], Any]


class SqlStreaming(JdbcOptions, Filter, name="sql_streaming"):
    """Add the rows that a statement finds in a database; `jdbc_streaming` is its name in Logstash.

    `statement` is SQL with parameters, `:code`; `parameters` says which field each is: `{ "code" =>
    "[country][code]" }`, or a string with fields, `"%{city}, %{country}"`. A list may stand where
    SQL wants one: `IN :codes`. With `use_prepared_statements`, parameters are written `?`, and
    `prepared_statement_bind_values` gives their values in order: `"[field]"`, strings with fields,
    and constants.

    The rows are set as a list of maps in `target`, over what is there. Where there are none,
    `target` is a list with `default_hash`, and the event gets the tags of `tag_on_default_use`;
    where the statement failed or the database could not be reached, it also gets those of
    `tag_on_failure`. The common options apply in any case. A database that could not be reached is
    retried after a second; until then look-ups fail at once.

    What was found (or not) is kept for `cache_expiration` seconds, for up to `cache_size` sets of
    parameters.

    The database is given in JDBC's form, `jdbc:postgresql://host:5432/name`, likewise for `mysql`,
    `mariadb`, `sqlserver`, `oracle`, `db2` and `sqlite` (a file: `jdbc:sqlite:path`), or as a URL
    of SQLAlchemy, for any database that it knows. The driver is a package of Python, which is named
    where it is missing.

    The filter needs the package SQLAlchemy: `pip install 'penstock[sql_streaming]'`.

    Differs from Logstash: drivers are packages of Python, so that `jdbc_driver_class` is not needed
    and has no effect, as have `jdbc_driver_library`, `jdbc_validation_timeout` and `sequel_opts`.
    Of the parameters in a JDBC connection string, those that Python's driver does not know have no
    effect. In a prepared statement a `?` in quotes is text.
    """

    external = True

    statement: str = option("The statement, with `:name` for parameters.")
    parameters: dict[str, str] = option(
        "Parameters by name: a field, or a string with field references.", default={}
    )
    target: FieldRef = option("The field for the rows.")
    default_hash: dict[str, Any] = option("The row to use when the query returns none.", default={})
    tag_on_failure: list[str] = option(
        "Tags for an event when its look-up failed.", default=["_jdbcstreamingfailure"]
    )
    tag_on_default_use: list[str] = option(
        "Tags for an event that has no rows.", default=["_jdbcstreamingdefaultsused"]
    )
    use_cache: bool = option("Whether to cache results.", default=True)
    cache_expiration: float = option("For how many seconds a result is cached.", default=5.0)
    cache_size: int = option("For how many sets of parameters results are cached.", default=500)
    use_prepared_statements: bool = option("Whether parameters are written `?`.", default=False)
    prepared_statement_name: str = option(
        "A name for the prepared statement, which Logstash asks for.", default=""
    )
    prepared_statement_bind_values: list[Any] = option(
        "The values for each `?`: fields, strings, constants.", default=[]
    )
    prepared_statement_warn_on_constant_usage: bool = option(
        "Whether to warn of a constant that may be meant as a field.", default=True
    )
    jdbc_validate_connection: bool = option(
        "Whether to try a connection before each use.", default=False
    )
    jdbc_validation_timeout: float = option(
        "Has no effect: connections are tried each time, if at all.", default=3600
    )
    sequel_opts: dict[str, Any] = option(
        "Has no effect: these are options of a library of Ruby.", default={}
    )

    examples = (
        Example(
            "the row of a customer",
            """sql_streaming {
  jdbc_connection_string => "jdbc:sqlite:tests/data/sql/shop.db"
  statement => "SELECT name, city FROM customers WHERE id = :id"
  parameters => { "id" => "customer" }
  target => "found"
  add_field => { "name" => "%{[found][0][name]}" }
}""",
            before={"customer": 7},
            after={"customer": 7, "found": [{"name": "Ada", "city": "London"}], "name": "Ada"},
        ),
        Example(
            "a default without a row",
            """sql_streaming {
  jdbc_connection_string => "sqlite:///tests/data/sql/shop.db"
  statement => "SELECT name FROM customers WHERE city = ? AND id > ?"
  use_prepared_statements => true
  prepared_statement_name => "by_city"
  prepared_statement_bind_values => ["[city]", 3]
  target => "customers"
  default_hash => { "name" => "nobody" }
}""",
            before=[{"city": "London"}, {"city": "Rome"}],
            after=[
                {"city": "London", "customers": [{"name": "Ada"}]},
                {
                    "city": "Rome",
                    "customers": [{"name": "nobody"}],
                    "tags": ["_jdbcstreamingdefaultsused"],
                },
            ],
        ),
    )

    _database: Database | None = None

    def prepare(self) -> None:
        for name in ("sequel_opts", "jdbc_validation_timeout"):
            if name in self.given:
                self.problem(name, f"`{name}` has no effect here", "remove it", code="W305")
        self._cache: Cache[tuple[list[Event], bool]] = Cache(
            self.cache_size if self.use_cache else 0, self.cache_expiration
        )
        self._statement, self._reads = (
            self._prepared() if self.use_prepared_statements else self._named()
        )
        given = {name: getattr(self, name) for name in JdbcOptions.__annotations__}
        url = find_url(self, given)
        if url is not None:
            read = value_reader(self.context.settings)
            self._database = Database(url, read, self.context.where, self.jdbc_validate_connection)

    def _named(self) -> tuple[Statement, list[Read]]:
        names = list(self.parameters)
        for name in unknown_names(self.statement, names):
            self.problem(
                "statement",
                f"`:{name}` is not in `parameters`",
                f"add {name} => … to `parameters`",
                code="W305",
            )
        reads = [
            self._field_or_text(text, "parameters", name) for name, text in self.parameters.items()
        ]
        return Statement(self.statement, names), reads

    def _prepared(self) -> tuple[Statement, list[Read]]:
        sql, names = with_names(self.statement)
        values = self.prepared_statement_bind_values
        if not self.prepared_statement_name:
            self.problem(
                "use_prepared_statements",
                "a prepared statement needs a name",
                "add prepared_statement_name => …",
            )
        if len(names) != len(values):
            option_name = "prepared_statement_bind_values"
            message = (
                f"the statement has {len(names)} `?`, but there are {len(values)} values for them"
            )
            self.problem(
                option_name if option_name in self.given else "statement",
                message,
                "give one for each",
            )
        return Statement(sql, names[: len(values)]), [
            self._bind_value(value, i) for i, value in enumerate(values[: len(names)])
        ]

    def _bind_value(self, value: Any, place: int) -> Read:
        if isinstance(value, str):
            if value.strip().startswith("[") and value.strip().endswith("]"):
                return named_field(
                    self, "prepared_statement_bind_values", value.strip(), path=(place,)
                ).get
            if _has_fields(value):
                return self._field_or_text(value, "prepared_statement_bind_values", place)
            if self.prepared_statement_warn_on_constant_usage:
                message = f"`{value}` is a constant"
                help = (
                    f"write [{value}] for a field, or prepared_statement_warn_on_constant_usage =>"
                    " false"
                )
                self.problem(
                    "prepared_statement_bind_values", message, help, path=(place,), code="W305"
                )
        return lambda event: value

    def _field_or_text(self, text: str, option_name: str, place: str | int) -> Read:
        if not _has_fields(text):
            return named_field(self, option_name, text, path=(place,)).get
        return named_template(self, option_name, text, (place,)).render

    def open(self) -> None:
        if self._database is not None:
            self._database.open()

    def apply(self, event: Event) -> bool:
        rows, failed = self._find([read(event) for read in self._reads])
        if failed:
            self.failures += 1
            _tag(event, self.tag_on_failure)
        if rows:
            self.target.set(event, copy(rows))
        else:
            _tag(event, self.tag_on_default_use)
            self.target.set(event, [copy(self.default_hash)])
        return True

    def _find(self, values: list[Any]) -> tuple[list[Event], bool]:
        """The rows for values of the parameters, and whether looking for them failed."""
        key = tuple(
            [
                (type(value), value if type(value) not in (list, dict) else repr(value))
                for value in values
            ]
        )
        found = self._cache.get(key)
        if found is None:
            found = self._ask(values)
            self._cache.put(key, found)
        return found

    def _ask(self, values: list[Any]) -> tuple[list[Event], bool]:
        assert self._database is not None
        try:
            turned = [self._turned(value) for value in values]
            return self._database.rows(*self._statement.bound(turned)), False
        except Exception as error:
            complain(
                self.context.where,
                "%s: a look-up in the database failed: %s",
                self.context.where,
                error,
            )
            return [], True

    def _turned(self, value: Any) -> Any:
        assert self._database is not None
        if type(value) is Timestamp and not self._database.knows_instants:
            return str(value)
        return parameter(value)

    def stats(self) -> dict[str, int | float]:
        return self._cache.stats()

    def close(self) -> None:
        if self._database is not None:
            self._database.close()


def _tag(event: Event, tags: Sequence[str]) -> None:
    for tag in tags:
        add_tag(event, tag)


def _has_fields(text: str) -> bool:
    return "}" in text.partition("%{")[2]
