"""Where a database is: JDBC's connection strings, and SQLAlchemy's URLs, as the latter.

Sources: the documentation of the JDBC drivers of PostgreSQL, MySQL, MariaDB, SQL Server (also
jTDS), Oracle, SQLite and Db2 for the forms of their strings, and SQLAlchemy's for its dialects.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from ..dsl.diagnostics import PenstockError


class UrlProblem(PenstockError, ValueError):
    """A connection string that leads to no database; ``help`` says what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


@dataclass(frozen=True, slots=True)
class Address:
    """A database's URL, and the parameters of its connection string that mean nothing here."""

    url: URL
    ignored: list[str] = field(default_factory=list)


DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "sqlserver": "mssql+pymssql",
    "oracle": "oracle+oracledb",
    "db2": "db2+ibm_db",
    "sqlite": "sqlite",
}
"""JDBC's names of databases, and SQLAlchemy's with the driver that is taken for them."""

PACKAGES = {
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
    "pymysql": "PyMySQL",
    "pymssql": "pymssql",
    "oracledb": "oracledb",
    "ibm_db": "ibm_db_sa",
    "MySQLdb": "mysqlclient",
    "cx_Oracle": "cx_Oracle",
    "pyodbc": "pyodbc",
}
"""The packages that bring drivers, by the names under which these are imported."""

_DEFAULTS = {name: DRIVERS[name] for name in ("postgresql", "mysql", "mariadb", "oracle")}


def find_database(text: str, user: str | None = None, password: str | None = None) -> Address:
    """The database that a connection string names; raises UrlProblem. A user and password that are
    given win over its own.
    """
    address = _from_jdbc(text[5:]) if text.startswith("jdbc:") else Address(_from_url(text))
    url = address.url
    if user is not None:
        url = url.set(username=user)
    if password is not None:
        url = url.set(password=password)
    return Address(url, address.ignored)


def _from_url(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        message = f"`{text.partition(':')[0]}…` is not a valid connection string"
        raise UrlProblem(
            message, "write jdbc:postgresql://host/database, or a URL of SQLAlchemy"
        ) from None
    return url.set(drivername=_DEFAULTS.get(url.drivername, url.drivername))


_PLACE = re.compile(r"//(?P<hosts>[^/;?]*)/?(?P<name>[^;?:]*)(?P<rest>.*)", re.DOTALL)
_ORACLE = re.compile(
    r"(?:(?P<user>[^/@]+)/(?P<password>[^@]*))?@(?://)?(?P<host>[\w.-]+)(?::(?P<port>\d+))?"
    r"(?P<kind>[:/])(?P<name>[\w.$#-]+)"
)


def _from_jdbc(text: str) -> Address:
    kind, _, rest = text.removeprefix("jtds:").partition(":")
    if kind not in DRIVERS:
        known = ", ".join(DRIVERS)
        raise UrlProblem(
            f"unknown database `{kind}`",
            f"give a URL of SQLAlchemy, or one of {known} in JDBC's form",
        )
    if kind == "sqlite":
        return Address(_sqlite(rest))
    if kind == "oracle":
        return Address(_oracle(rest))
    if kind == "postgresql" and not rest.startswith("//"):
        rest = "//localhost/" + rest.lstrip("/")
    match = _PLACE.fullmatch(rest)
    if match is None:
        raise UrlProblem(
            f"`jdbc:{kind}:` is not followed by `//host`", f"write jdbc:{kind}://host/database"
        )
    return _at_hosts(
        kind, match["hosts"].split(","), unquote(match["name"]), _parameters(match["rest"])
    )


def _sqlite(rest: str) -> URL:
    path = rest.partition("?")[0].removeprefix("file:")
    return URL.create("sqlite", database=None if path in ("", ":memory:") else path)


def _oracle(rest: str) -> URL:
    match = _ORACLE.fullmatch(rest.removeprefix("thin:").removeprefix("oci:"))
    if match is None:
        raise UrlProblem(
            "this form of address is not supported", "write jdbc:oracle:thin:@//host:1521/service"
        )
    service = match["kind"] == "/"
    return URL.create(
        DRIVERS["oracle"],
        match["user"],
        match["password"],
        match["host"],
        int(match["port"] or 1521),
        None if service else match["name"],
        {"service_name": match["name"]} if service else {},
    )


def _at_hosts(kind: str, hosts: list[str], name: str, parameters: dict[str, str]) -> Address:
    fixed: dict[str, Any] = {"username": None, "password": None, "database": name or None}
    query: dict[str, str | tuple[str, ...]] = {}
    ignored = []
    for key, value in parameters.items():
        if key.lower() in _COMMON:
            fixed[_COMMON[key.lower()]] = value
        elif key.lower() in _KNOWN[kind]:
            query |= _KNOWN[kind][key.lower()](value)
        else:
            ignored.append(key)
    host, port = _host_and_port(hosts[0]) if len(hosts) == 1 else (None, None)
    if len(hosts) > 1:
        if kind != "postgresql":
            raise UrlProblem(f"several hosts cannot be given for {kind}", "give the first")
        query["host"] = tuple(hosts)
    return Address(URL.create(DRIVERS[kind], host=host, port=port, query=query, **fixed), ignored)


def _parameters(text: str) -> dict[str, str]:
    """`?a=1&b=2` (PostgreSQL, MySQL), `;a=1;b=2` (SQL Server), `:a=1;b=2;` (Db2)."""
    pairs = [pair.partition("=") for pair in re.split("[?&;]", text.lstrip(":")) if pair]
    return {key.strip(): unquote(value) for key, _, value in pairs}


def _host_and_port(text: str) -> tuple[str | None, int | None]:
    match = re.fullmatch(r"(\[[^]]+\]|[^:\\]*)(?:\\[^:]*)?(?::(\d+))?", text)
    if match is None:
        raise UrlProblem(
            f"`{text}` is not a valid host with a port",
            "write host:port, an IPv6 address in brackets",
        )
    return match[1].strip("[]") or "localhost", int(match[2]) if match[2] else None


Meaning = Callable[[str], dict[str, str]]


def _renamed(name: str) -> Meaning:
    return lambda value: {name: value}


def _encrypted(value: str) -> dict[str, str]:
    return {} if value == "false" else {"sslmode": "require"}


def _seconds(name: str) -> Meaning:
    """A time that is given in milliseconds."""
    return lambda value: {name: str(max(1, int(value) // 1000))} if value.isdecimal() else {}


_COMMON = {
    "user": "username",
    "password": "password",
    "databasename": "database",
    "database": "database",
}
_POSTGRESQL: dict[str, Meaning] = {
    **{name: _renamed(name) for name in ("sslmode", "sslcert", "sslkey", "sslrootcert")},
    "ssl": _encrypted,
    "currentschema": lambda value: {"options": f"-csearch_path={value}"},
    "connecttimeout": _renamed("connect_timeout"),
    "applicationname": _renamed("application_name"),
}
_MYSQL: dict[str, Meaning] = {
    "connecttimeout": _seconds("connect_timeout"),
    "sockettimeout": _seconds("read_timeout"),
}
_KNOWN: dict[str, dict[str, Meaning]] = {
    "postgresql": _POSTGRESQL,
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "sqlserver": {"logintimeout": _renamed("login_timeout")},
    "db2": {},
}
