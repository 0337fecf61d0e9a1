"""Connections of streams, thousands of them on one event loop: accepted, read, put to rest while
the runtime takes no more, and given up when they fail, each for itself.

All of them read into one buffer, since only one is read at a time: a connection that is idle costs
some kilobytes. While there is no room they read little before they rest.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, cast

from ..contract import Plugin
from .feeds import Feed, Held
from .gathering import Gathering
from .handshakes import serve
from .proxy_protocol import Proxied, ProxyError, take_header
from .reverse_names import ReverseNames
from .tls_failures import handshake_failure

_BUFFER = 1 << 16
_SMALL = 1 << 12
_AT_ONCE = 256
_PASSES = 1000
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SHORT = {
    "commonName": "CN",
    "organizationalUnitName": "OU",
    "organizationName": "O",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
}


class Peer(NamedTuple):
    """The other end of a connection; ``subject``: of its certificate, where it was verified."""

    ip: str = ""
    port: int = 0
    name: str = ""
    proxy_ip: str | None = None
    proxy_port: int | None = None
    subject: str | None = None


class Settings(NamedTuple):
    """How connections are treated. ``idle_after``: seconds without a byte after which one is
    closed, or None; ``handshake``: seconds that TLS may take.
    """

    keep_alive: bool = False
    proxy_protocol: bool = False
    looks_up_names: bool = False
    idle_after: float | None = None
    handshake: float = 10.0


class Connections:
    """The connections of one listener; used in its event loop.

    ``feed_of`` makes the feed of a new connection, from its peer.
    """

    def __init__(
        self,
        plugin: Plugin,
        settings: Settings,
        gathering: Gathering,
        feed_of: Callable[[Peer], Feed],
        longest: int,
    ) -> None:
        self.plugin, self.settings, self.gathering = plugin, settings, gathering
        self.feed_of, self.held = feed_of, Held(longest)
        self.open: set[Connection] = set()
        self.buffer = memoryview(bytearray(_BUFFER))
        self.reads = 0
        self._names = ReverseNames()
        self._admitting: set[asyncio.Task[None]] = set()
        self._refused = plugin.context.metrics.counter("connections_refused")
        self._count = plugin.context.metrics.gauge("connections")

    def admit(self, made: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve a connection that was accepted."""
        task = asyncio.ensure_future(self._admitted(made, tls))
        self._admitting.add(task)
        task.add_done_callback(self._admitting.discard)

    async def _admitted(self, made: socket.socket, tls: ssl.SSLContext | None) -> None:
        who = "a client"
        try:
            peer = await self._peer_of(made)
            who = peer.ip or who
            await serve(made, lambda: Connection(self, peer), tls, self.settings.handshake)
        except (OSError, ProxyError) as error:
            self._refuse(error, who)
            made.close()
        except asyncio.CancelledError:
            made.close()
            raise

    async def _peer_of(self, made: socket.socket) -> Peer:
        if self.settings.keep_alive and made.family != socket.AF_UNIX:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        proxied = await take_header(made) if self.settings.proxy_protocol else None
        return await self.peer_of(made, proxied)

    async def peer_of(self, made: socket.socket, proxied: Proxied | None = None) -> Peer:
        """Who is at the other end of a connection."""
        if made.family == socket.AF_UNIX:
            return Peer()
        ip, port = cast("tuple[str, int]", made.getpeername()[:2])
        if proxied is not None and proxied.ip is not None:
            ip, port = proxied.ip, proxied.port or 0
        ip = plain_ip(ip)
        name = await self._names.name(ip) if self.settings.looks_up_names else ip
        if proxied is None or proxied.ip is None:
            return Peer(ip, port, name)
        return Peer(ip, port, name, proxied.proxy_ip, proxied.proxy_port)

    def _refuse(self, error: Exception, who: str) -> None:
        self._refused.add()
        log = self.plugin.context.log
        if isinstance(error, ProxyError):
            text = "a connection was closed, since it does not speak the PROXY protocol: %s"
            log.warning(text, error)
        elif isinstance(error, ssl.SSLError):
            text, reason = "a connection of %s was closed, TLS failed: %s", handshake_failure(error)
            log.warning(text, who, reason, about=reason)
        else:
            log.debug("a connection was closed before it was served: %s", error)

    def opened(self, connection: Connection) -> None:
        """A connection is served from now on."""
        self.open.add(connection)
        self._count.set(len(self.open))

    def closed(self, connection: Connection) -> None:
        """A connection has ended."""
        self.open.discard(connection)
        self._count.set(len(self.open))

    def tick(self) -> None:
        """Called about once a second: what is due while nothing comes."""
        now = time.monotonic()
        for connection in list(self.open):
            connection.tick(now)

    async def come_to_rest(self) -> None:
        """Read what has come already, as far as there is room, and read no more."""
        for task in list(self._admitting):
            task.cancel()
        for _ in range(_PASSES):
            before = self.reads
            await asyncio.sleep(0)  # a turn in which the loop looks at its sockets,
            await asyncio.sleep(0)  # and one in which it reads them
            if self.reads == before:
                break
        for connection in self.open:
            connection.pause()

    def go_on(self) -> None:
        """Read again."""
        for connection in list(self.open):
            connection.resume()

    async def hang_up(self) -> None:
        """End all connections."""
        cut = sum(connection.feed.held > 0 for connection in self.open)
        if cut:
            self.plugin.context.log.warning(
                "%d connections were closed in the middle of a line, which is lost", cut
            )
        for connection in list(self.open):
            connection.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class Connection(asyncio.BufferedProtocol):
    """One connection."""

    _transport: asyncio.Transport

    def __init__(self, owner: Connections, peer: Peer) -> None:
        self._owner, self._peer = owner, peer
        self._heard = time.monotonic()
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there, its handshake done."""
        self._transport = cast(asyncio.Transport, transport)
        certificate = transport.get_extra_info("peercert")
        if certificate:
            self._peer = self._peer._replace(subject=subject_of(certificate))
        self.feed = self._owner.feed_of(self._peer)
        self._owner.opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read to."""
        owner = self._owner
        return owner.buffer[:_SMALL] if owner.gathering.is_full else owner.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So much was read."""
        owner, feed = self._owner, self.feed
        owner.reads += 1
        self._heard = time.monotonic()
        before = feed.held
        feed.feed(bytes(owner.buffer[:nbytes]))
        if feed.held != before:
            owner.held.changed(feed, before)
        if owner.gathering.is_full:
            self.pause()
            owner.gathering.rest(self)

    def eof_received(self) -> bool:
        """Nothing more comes."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """It has ended, whoever ended it: what came before is given."""
        before = self.feed.held
        self.feed.end()
        self._owner.held.changed(self.feed, before)
        self._owner.closed(self)

    def pause(self) -> None:
        """Read no more for now."""
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._is_paused:
            self._is_paused = False
            self._heard = time.monotonic()
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def tick(self, now: float) -> None:
        """About once a second."""
        self.feed.idle()
        idle_after = self._owner.settings.idle_after
        if idle_after is not None and not self._is_paused and now - self._heard > idle_after:
            self._transport.close()

    def abort(self) -> None:
        """End it at once; what it holds is lost."""
        self._transport.abort()


class Admits(Protocol):
    """What connections are handed to when they are accepted."""

    plugin: Plugin

    def admit(self, made: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Serve a connection."""
        ...


class Acceptor:
    """Takes connections from a socket, which belongs to it."""

    def __init__(self, listening: socket.socket, owner: Admits, tls: ssl.SSLContext | None) -> None:
        self._listening, self._owner, self._tls = listening, owner, tls
        self._loop = asyncio.get_running_loop()
        self._retry: asyncio.TimerHandle | None = None
        self._begin()

    def _begin(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        try:
            for _ in range(_AT_ONCE):
                made, _ = self._accepted()
                made.setblocking(False)
                self._owner.admit(made, self._tls)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass  # nobody waits any more
        except OSError as error:  # of the new connection alone, says accept(2)
            log = self._owner.plugin.context.log
            log.warning("a connection cannot be accepted: %s", error.strerror or error)

    def _accepted(self) -> tuple[socket.socket, Any]:
        try:
            return self._listening.accept()
        except OSError as error:
            if error.errno not in _OUT_OF_DESCRIPTORS:
                raise
            self._owner.plugin.context.log.error(
                "no connection can be accepted: %s; raise the limit of open files (`ulimit -n`)",
                error.strerror,
            )
            self._loop.remove_reader(self._listening)
            self._retry = self._loop.call_later(1.0, self._begin)
            raise BlockingIOError from error

    def close(self) -> None:
        """Take no more."""
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()


def plain_ip(ip: str) -> str:
    """An IPv4 address that came over an IPv6 socket, as IPv4."""
    mapped = ip.removeprefix("::ffff:")
    return mapped if "." in mapped else ip.partition("%")[0]


def subject_of(certificate: Mapping[str, Any]) -> str:
    """The subject of a certificate, as RFC 4514 writes it: the most specific part first."""
    parts = [pair for names in certificate.get("subject", ()) for pair in names]
    return ",".join(f"{_SHORT.get(name, name)}={value}" for name, value in reversed(parts))
