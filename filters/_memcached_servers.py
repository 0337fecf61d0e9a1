"""Servers of memcached: which of them has a key, one connection to each, and values as Logstash
keeps them.

Keys are shared out as Dalli, Logstash's client, does: each server has points on a circle, by the
SHA-1 of its name, and a key belongs to the point at or before its CRC-32. Text is kept as it is,
other values in Ruby's Marshal format, which a flag says; so Logstash and Penstock read each other's
values.

Sources: doc/protocol.txt of memcached; Dalli's documentation and behaviour (ring, keys that are too
long, flags, times to live).
"""

from __future__ import annotations

import re
import time
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import md5, sha1
from typing import Any

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheUnexpectedCloseError

from ._addresses import parse_address
from ._ruby_marshal import MarshalError, dump, load

PAUSE = 1.0
"""Seconds before a server that could not be reached is retried."""

_PORT = 11211
_TIMEOUT = 1.0
_POINTS = 160
_MARSHALLED, _PACKED = 1, 2
_MOST_UNPACKED = 64 << 20
_MONTH = 30 * 86_400
_LONGEST_KEY = 250
_LOST = (OSError, MemcacheUnexpectedCloseError)

Stored = tuple[bytes, int]
"""The bytes of a value, and its flags."""


@dataclass(frozen=True, slots=True)
class Host:
    """A server: its host and port, or the path of its socket; ``weight`` is its share of the
    keys.
    """

    address: tuple[str, int] | str
    weight: int = 1

    @property
    def name(self) -> str:
        """The name by which keys are shared out."""
        return (
            self.address
            if isinstance(self.address, str)
            else f"{self.address[0]}:{self.address[1]}"
        )


_HOST = re.compile(r"(?:\[(?P<v6>[^]]+)\]|(?P<host>[^:]+))(?::(?P<port>\d+)(?::(?P<weight>\d+))?)?")


def parse_host(text: str) -> Host | None:
    """The server that a text names: `host`, `host:port`, `host:port:weight`, an IPv6 address (in
    brackets before a port), the path of a socket; None where it names none.
    """
    if text.startswith("/"):
        return Host(text)
    match = _HOST.fullmatch(text)
    if match is None:
        return Host((text, _PORT)) if parse_address(text) is not None else None
    port, weight = int(match["port"] or _PORT), int(match["weight"] or 1)
    return (
        Host((match["v6"] or match["host"], port), weight) if 0 < port < 65536 and weight else None
    )


def key_bytes(key: str, namespace: str | None) -> bytes:
    """A key as it is sent: behind its namespace; one that is too long is cut, and told apart by its
    digest.
    """
    whole = (f"{namespace}:{key}" if namespace else key).encode("utf-8", "replace")
    if len(whole) <= _LONGEST_KEY:
        return whole
    digest = b":md5:" + md5(whole, usedforsecurity=False).hexdigest().encode()
    return whole[: _LONGEST_KEY - (not namespace) - len(digest)] + digest


def store(value: Any) -> Stored:
    """A value of an event as bytes; raises MarshalError."""
    return (
        (value.encode("utf-8", "replace"), 0)
        if isinstance(value, str)
        else (dump(value), _MARSHALLED)
    )


def restore(stored: Stored) -> Any:
    """The value that bytes hold; raises MarshalError. What others wrote in forms of their own is
    text.
    """
    data, flags = stored
    if flags & _PACKED:
        data = _unpacked(data)
    if flags & _MARSHALLED and data.startswith(b"\x04\x08"):
        return load(data)
    return data.decode("utf-8", "replace")


def _unpacked(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, _MOST_UNPACKED)
    except zlib.error:
        return data
    if unpacker.unconsumed_tail:
        raise MarshalError("the decompressed value is too large")
    return unpacked if unpacker.eof else data


class _AsStored:
    """Hands values through as they are, with their flags."""

    def serialize(self, key: Any, value: Stored) -> Stored:
        return value

    def deserialize(self, key: Any, value: bytes, flags: int) -> Stored:
        return value, flags


class Ring:
    """Which of several servers has a key."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        total = sum(host.weight for host in hosts)
        points = []
        for place, host in enumerate(hosts):
            for number in range(len(hosts) * _POINTS * host.weight // total):
                digest = sha1(f"{host.name}:{number}".encode(), usedforsecurity=False).digest()
                points.append((int.from_bytes(digest[:4], "big"), place))
        points.sort(key=lambda point: point[0])
        self._values, self._places = [point[0] for point in points], [point[1] for point in points]

    def place(self, key: bytes) -> int:
        """The place of the server in the list."""
        return self._places[bisect_right(self._values, zlib.crc32(key)) - 1]


class _Server:
    def __init__(self, host: Host, clock: Callable[[], float]) -> None:
        self._client = Client(
            host.address,
            serde=_AsStored(),
            connect_timeout=_TIMEOUT,
            timeout=_TIMEOUT,
            no_delay=True,
            allow_unicode_keys=True,
        )
        self._clock, self._again = clock, 0.0

    def call(self, function: Callable[[Client], Any]) -> Any:
        """Do something with the connection; once more if one was open, and turns out to be lost.
        Raises OSError and MemcacheError.
        """
        if self._clock() < self._again:
            raise ConnectionError("the server was unreachable at the last attempt")
        if self._client.sock is not None:
            try:
                return function(self._client)
            except _LOST:
                self._client.close()
        try:
            return function(self._client)
        except _LOST:
            self._again = self._clock() + PAUSE
            raise

    def close(self) -> None:
        self._client.close()


class Servers:
    """Servers that are asked together; what went wrong with some keys leaves the others alone."""

    def __init__(self, hosts: Sequence[Host], clock: Callable[[], float] = time.monotonic) -> None:
        self._ring = Ring(hosts)
        self._servers = [_Server(host, clock) for host in hosts]

    def get(self, keys: Iterable[bytes]) -> tuple[dict[bytes, Stored], dict[bytes, Exception]]:
        """What is kept under keys, and why some could not be looked up."""
        found: dict[bytes, Stored] = {}
        failed: dict[bytes, Exception] = {}
        for server, several in self._shared_out(keys):
            self._get(server, several, found, failed)
        return found, failed

    def _get(
        self,
        server: _Server,
        keys: list[bytes],
        found: dict[bytes, Stored],
        failed: dict[bytes, Exception],
    ) -> None:
        try:
            found.update(server.call(lambda client: client.get_many(keys)))
        except Exception as error:
            if len(keys) == 1 or isinstance(error, _LOST):
                failed.update(dict.fromkeys(keys, error))
            else:  # one of them is not a key
                for key in keys:
                    self._get(server, [key], found, failed)

    def set(self, values: dict[bytes, Stored], seconds: int) -> dict[bytes, Exception]:
        """Keep values for some seconds, 0 for no limit; why some could not be kept."""
        expire = seconds if seconds <= _MONTH else int(time.time()) + seconds
        failed: dict[bytes, Exception] = {}
        for server, keys in self._shared_out(values):
            self._set(server, {key: values[key] for key in keys}, expire, failed)
        return failed

    def _set(
        self,
        server: _Server,
        values: dict[bytes, Stored],
        expire: int,
        failed: dict[bytes, Exception],
    ) -> None:
        try:
            refused = server.call(lambda client: client.set_many(values, expire, noreply=False))
            failed.update(dict.fromkeys(refused, ValueError("the server did not store it")))
        except Exception as error:
            if len(values) == 1 or isinstance(error, _LOST):
                failed.update(dict.fromkeys(values, error))
            else:  # one of them is too large, or its key is none
                for key, value in values.items():
                    self._set(server, {key: value}, expire, failed)

    def _shared_out(self, keys: Iterable[bytes]) -> Iterable[tuple[_Server, list[bytes]]]:
        if len(self._servers) == 1:
            return [(self._servers[0], list(keys))]
        shares: dict[int, list[bytes]] = {}
        for key in keys:
            shares.setdefault(self._ring.place(key), []).append(key)
        return [(self._servers[place], share) for place, share in shares.items()]

    def reach(self) -> None:
        """Ask each server for its version; raises what comes of the first that does not answer."""
        for server in self._servers:
            server.call(lambda client: client.version())

    def close(self) -> None:
        """Close the connections."""
        for server in self._servers:
            server.close()
