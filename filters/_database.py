"""A database that filters ask: rows as maps, a connection that comes back, and one that does not is
left alone for a moment.

Each statement is on its own, nothing is kept open in a transaction. A connection that the server
has dropped meanwhile (it was started again, or ends what is idle) is made anew, and the statement
done once more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, TextClause, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ..dsl.diagnostics import PenstockError
from ..dsl.reference import Event
from ..plugins.contract import Plugin, complain
from ..plugins.declaration import Secret, option
from ..plugins.option_groups import option_group
from ._per_process import PerProcess
from ._sql_urls import PACKAGES, UrlProblem, find_database
from ._sql_values import Reader

PAUSE = 1.0
"""Seconds before a database that could not be reached is retried."""

_CONNECT_SECONDS = 10


class UnreachableError(PenstockError):
    """The database cannot be connected to."""


@option_group
class JdbcOptions:
    """The options that say which database is asked."""

    jdbc_connection_string: str = option(
        "Where the database is: in JDBC's form, `jdbc:postgresql://host/database`, or as a URL of"
        " SQLAlchemy."
    )
    jdbc_user: str | None = option("The user to connect as.", default=None)
    jdbc_password: Secret | None = option("The user's password.", default=None)
    jdbc_driver_class: str | None = option(
        "Has no effect: the connection string says which driver is used.", default=None
    )
    jdbc_driver_library: str | None = option(
        "Has no effect: drivers are packages of Python.", default=None
    )


def find_url(
    plugin: Plugin, given: dict[str, Any], option: str = "", path: Sequence[str | int] = ()
) -> URL | None:
    """The URL that connection options lead to, with what is wrong or in vain reported at their
    places: at the options themselves, or in the hash that stands at the path of an option.
    """

    def place(key: str) -> tuple[str, tuple[str | int, ...]]:
        return (option, (*path, key)) if option else (key, ())

    for key in ("jdbc_driver_class", "jdbc_driver_library"):
        if given.get(key) is not None:
            name, where = place(key)
            plugin.problem(
                name, f"`{key}` has no effect: no Java is used", "remove it", where, "W305"
            )
    name, where = place("jdbc_connection_string")
    try:
        address = find_database(
            str(given["jdbc_connection_string"]), given.get("jdbc_user"), given.get("jdbc_password")
        )
        make_engine(address.url).dispose()
    except UrlProblem as problem:
        plugin.problem(name, str(problem), problem.help, where)
        return None
    for key in address.ignored:
        plugin.problem(
            name,
            f"the parameter `{key}` of the connection string has no effect",
            "remove it",
            where,
            "W305",
        )
    return address.url


def make_engine(url: URL, validate: bool = False) -> Engine:
    """An engine, which does not connect yet; raises UrlProblem where there is no driver."""
    more: dict[str, Any] = {}
    if url.drivername == "postgresql+psycopg" and "connect_timeout" not in url.query:
        more["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    try:
        return create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=validate, **more)
    except NoSuchModuleError:
        help = (
            "install the package that brings it, or write another URL:"
            " postgresql+psycopg://host/database"
        )
        raise UrlProblem(f"SQLAlchemy has no driver `{url.drivername}`", help) from None
    except ImportError as error:
        package = PACKAGES.get(error.name or "", error.name or url.drivername)
        raise UrlProblem(
            f"the driver `{url.drivername}` is not installed", f"pip install '{package}'"
        ) from None
    except (ArgumentError, TypeError, ValueError) as error:
        raise UrlProblem(
            f"the connection string cannot be used: {error}", "see the documentation of SQLAlchemy"
        ) from None


class Database:
    """A database; each process has connections of its own. ``read`` makes values of an event of a
    database's.
    """

    def __init__(
        self,
        url: URL,
        read: Reader,
        where: str,
        validate: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read, self._where, self._clock = read, where, clock
        self._engines = PerProcess(lambda: make_engine(url, validate), Engine.dispose)
        self._name = url.set(query={}).render_as_string()
        self._again = 0.0
        self.knows_instants = url.get_backend_name() != "sqlite"

    def open(self) -> None:
        """Connect, to see whether it works; where it does not, this is logged."""
        try:
            self._connected().close()
        except UnreachableError as error:
            complain(f"{self._where} database", "%s: %s", self._where, error)

    def rows(self, clause: TextClause, parameters: dict[str, Any]) -> list[Event]:
        """The rows of a statement as maps. Raises UnreachableError, and what SQLAlchemy and the
        driver raise.
        """
        names, rows = self.table(clause, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def table(
        self, clause: TextClause, parameters: dict[str, Any], most: int | None = None
    ) -> tuple[list[str], list[list[Any]]]:
        """The columns' names and the rows of a statement, up to so many; raises as ``rows``."""
        try:
            return self._done(clause, parameters, most)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._done(clause, parameters, most)

    def _done(
        self, clause: TextClause, parameters: dict[str, Any], most: int | None
    ) -> tuple[list[str], list[list[Any]]]:
        with self._connected() as connection:
            result = connection.execute(clause, parameters)
            if not result.returns_rows:
                return [], []
            rows = result.fetchall() if most is None else result.fetchmany(most)
            read = self._read
            return list(result.keys()), [[read(value) for value in row] for row in rows]

    def _connected(self) -> Connection:
        if self._clock() < self._again:
            raise UnreachableError(f"the database {self._name} was unreachable at the last attempt")
        try:
            return self._engines.get().connect()
        except Exception as error:
            self._again = self._clock() + PAUSE
            raise UnreachableError(
                f"the database {self._name} cannot be reached: {_first_line(error)}"
            ) from error

    def close(self) -> None:
        """Close the connections of this process."""
        self._engines.close()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
