"""Redis: the options that its input and output share, the client that they make, and what its
errors mean.

A command is never repeated by the client library: a script that moves entries, or a push, may have
been carried out although its answer was lost, and only the plugin knows what to do then. So every
failure of a connection comes up as Disconnected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from ..contract import Disconnected, Misconfigured, Plugin
from ..declaration import Secret, option
from ..former import renamed
from ..option_groups import option_group
from ..tls import TlsContext
from .tcp import encrypted
from .tls import ClientTls, client_tls, tls_failure, tls_refusal
from .tls_failures import AUTHORITIES

DEFAULT_PORT = 6379
ANSWER_WITHIN = 30.0
"""Seconds after which a server that does not answer counts as gone."""

_AWAY = ("LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "UNBLOCKED", "BUSY ")
_LOGINS = ("WRONGPASS", "NOAUTH", "AUTH ", "ERR AUTH", "invalid password", "Authentication")
_REFUSED = re.compile(r"^Error -?\d+ connecting to (.+):(\d+)\. (.*?)\.?$")
_KEY_HELP = "name another key, or change `data_type`"
_FIRST_ANSWER = 10.0
"""Seconds that the login, and TLS before it, may take; what does not speak TLS, or Redis' protocol,
says nothing at all.
"""
_READING = re.compile(r"Error while reading from (.+):(\d+) : (?:\(-?\d+, '(.+)'\)|(.*))")
_NO_REDIS = "the server does not speak Redis' protocol; is this its port?"


@option_group
class RedisOptions(ClientTls):
    """The options of whatever talks to Redis."""

    former = renamed({"queue": "key"}, unused=("name",))

    port: int = option("The port.", default=DEFAULT_PORT, at_least=1)
    db: int = option("The number of the database.", default=0, at_least=0)
    user: str | None = option("A user of Redis' access control lists.", default=None)
    password: Secret | None = option("The password.", default=None)
    timeout: float = option("Seconds that connecting may take.", default=5, at_least=0)
    ssl_enabled: bool = option("Whether the connection uses TLS.", default=False)


class _Renamed:
    """Commands that have other names on this server."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = {old.upper(): new for old, new in names.items()}

    def command(self, args: Iterable[Any]) -> tuple[Any, ...]:
        """The command with the name that the server knows."""
        first, *rest = args
        name, *more = str(first).split()
        return self._names.get(name.upper(), name), *more, *rest


class _Packing(redis.connection.AbstractConnection):
    """A connection that gives commands their names; mixed into those of the client library."""

    def __init__(self, *, renamed: _Renamed, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._renamed = renamed

    def send_command(self, *args: Any, **kwargs: Any) -> None:
        """As the client library's."""
        renamed = self._renamed.command(args)
        super().send_command(*renamed, **kwargs)  # type: ignore[no-untyped-call]

    def pack_commands(self, commands: Any) -> Any:
        """As the client library's."""
        return super().pack_commands(  # type: ignore[no-untyped-call]
            [self._renamed.command(command) for command in commands]
        )


class _Tls(redis.Connection):
    """A connection with TLS, by a context that is read again when certificates change."""

    def __init__(self, *, tls: TlsContext, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self._tls = tls

    def _connect(self) -> Any:
        made = super()._connect()  # type: ignore[no-untyped-call]
        patience = made.gettimeout()
        made.settimeout(_FIRST_ANSWER)
        # A server may judge our certificate only after the handshake: its verdict is awaited.
        wrapped = encrypted(made, self._tls.current(), self.host, AUTHORITIES)
        wrapped.settimeout(patience)
        return wrapped


class _RenamedTcp(_Packing, redis.Connection):
    pass


class _RenamedTls(_Packing, _Tls):
    pass


class _RenamedUnix(_Packing, redis.UnixDomainSocketConnection):
    pass


class RedisClient:
    """Makes connections, as the options of a plugin say. Made in ``prepare``."""

    def __init__(
        self, plugin: Plugin, options: RedisOptions, command_map: dict[str, str] | None = None
    ) -> None:
        self._options = options
        self._tls = client_tls(plugin, options) if options.ssl_enabled else None
        self._renamed = _Renamed(command_map) if command_map else None

    def connect(self, host: str, port: int, path: str | None = None) -> redis.Redis:
        """A client of one connection that is open, logged in and answers. Raises Disconnected,
        Misconfigured.
        """
        options = self._options
        kwargs: dict[str, Any] = {
            "db": options.db,
            "username": options.user,
            "password": options.password and str(options.password),
            "socket_connect_timeout": options.timeout or None,
            "socket_timeout": _FIRST_ANSWER,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
        }
        if path is None:
            kwargs |= {"host": host, "port": port, "socket_keepalive": True}
        else:
            kwargs["path"] = path
        if self._tls is not None and path is None:
            kwargs["tls"] = self._tls
        if self._renamed is not None:
            kwargs["renamed"] = self._renamed
        pool = redis.ConnectionPool(connection_class=self._kind(path), **kwargs)
        client = redis.Redis(connection_pool=pool)
        place = path or f"{host} port {port}"
        try:
            client.ping()
            _allow(client, ANSWER_WITHIN)
        except (Disconnected, Misconfigured):
            close(client)
            raise
        except redis.exceptions.TimeoutError as error:
            close(client)
            late = f"{place}: no answer"
            raise Disconnected(late if "connecting" in str(error) else late + self._hint) from error
        except (RedisError, OSError) as error:
            close(client)
            if isinstance(error, redis.exceptions.ConnectionError) and "reset" in str(error):
                raise Disconnected(f"{_said(error)}{self._hint}") from error
            raise_as_ours(error)
        return client

    @property
    def _hint(self) -> str:
        """What most often is the matter with a server that does not answer."""
        return "" if self._tls is not None else "; if the port is for TLS, set `ssl_enabled`"

    def _kind(self, path: str | None) -> Any:
        if path is not None:
            return redis.UnixDomainSocketConnection if self._renamed is None else _RenamedUnix
        if self._tls is not None:
            return _Tls if self._renamed is None else _RenamedTls
        return redis.Connection if self._renamed is None else _RenamedTcp


def _allow(client: redis.Redis, seconds: float) -> None:
    """How long a command may take from now on, on the connection that is open and on later ones."""
    pool = client.connection_pool
    pool.connection_kwargs["socket_timeout"] = seconds
    connection = pool.get_connection()
    connection.socket_timeout = seconds
    if connection._sock is not None:
        connection._sock.settimeout(seconds)
    pool.release(connection)


def close(client: redis.Redis | None) -> None:
    """Close a client and its connections."""
    if client is not None:
        client.close()
        client.connection_pool.disconnect()


def _said(error: Exception) -> str:
    """What an error of the client library says, with the server's address where it has it."""
    text = str(error)
    if text == "Timeout reading from socket":
        return f"the server did not answer in {ANSWER_WITHIN:.0f} s"
    if "as reply type byte" in text or isinstance(error, redis.exceptions.InvalidResponse):
        return _NO_REDIS
    reading = _READING.fullmatch(text)
    if reading is not None:
        return f"{reading[1]} port {reading[2]}: {reading[3] or reading[4]}"
    return _REFUSED.sub(r"\1 port \2: \3", text) or type(error).__name__


def raise_as_ours(error: Exception, key_option: str = "key") -> NoReturn:
    """Raise what an error of the client library means. ``key_option``: what is to blame where the
    key holds a value of another type, or may not be used.
    """
    tls = tls_failure(error)
    if tls is not None:
        raise tls_refusal(tls) from error
    text = _said(error)
    if isinstance(error, AuthenticationError) or text.startswith(_LOGINS):
        help = "give the password that the server asks for"
        if "without any password configured" in text:
            raise Misconfigured("password", "the server asks for no password", "remove `password`")
        raise Misconfigured("password", text, help) from error
    if isinstance(error, BusyLoadingError | ReadOnlyError) or not isinstance(error, ResponseError):
        raise Disconnected(text) from error
    if isinstance(error, NoPermissionError) or text.startswith("NOPERM"):
        help = "give this user the right in the server's access control list"
        raise Misconfigured(key_option, text, help) from error
    if "WRONGTYPE" in text:
        raise Misconfigured(
            key_option, "the key holds a value of another type", _KEY_HELP
        ) from error
    if "DB index" in text or "invalid DB" in text:
        help = "name a database that the server has (`databases` in its configuration)"
        raise Misconfigured("db", text, help) from error
    if "unknown command" in text:
        help = "the server is too old, or has renamed the command: see `command_map`"
        raise Misconfigured("data_type", text, help) from error
    raise Disconnected(text) from error


def asked(command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a command answers; raises Disconnected, Misconfigured."""
    try:
        return command(*args, **kwargs)
    except (RedisError, OSError) as error:
        raise_as_ours(error)


def is_away(error: Exception) -> bool:
    """Whether a server says that it cannot serve now."""
    return str(error).startswith(_AWAY) or isinstance(error, BusyLoadingError | ReadOnlyError)
