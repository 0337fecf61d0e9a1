"""UDP sockets, read many datagrams at a time; and what is lost of them, counted and said.

Asyncio's own transport wakes its loop for each datagram, which costs more than all the rest. Here a
socket is read until it is empty. What comes while the runtime takes no more is held up to a number
of datagrams, and behind that in the system's receive buffer; where that is full too the system
drops them, and says how many (Linux: ``SO_MEMINFO``).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from ..batch import Chunk
from ..codec import Codec
from ..contract import Plugin
from .connections import plain_ip
from .gathering import Gathering
from .sockets import bind

_TURN = 500
_MOST_PEERS = 10_000
_SO_MEMINFO = 55
_MEMORY = struct.Struct("=9I")
_DROPS = 8
_SO_RCVBUFFORCE = 33

Origin = Mapping[str, Any]


class DatagramFeed(Protocol):
    """What takes datagrams, with the address that each came from."""

    def __call__(self, data: bytes, ip: str) -> None: ...


class Datagrams:
    """Reads a socket, which belongs to it; an acceptor. Used in one event loop.

    ``size``: the bytes of a datagram that are kept; ``most``: how many datagrams are held while
    there is no room.
    """

    def __init__(
        self,
        plugin: Plugin,
        reading: socket.socket,
        gathering: Gathering,
        feed: DatagramFeed,
        size: int,
        most: int,
    ) -> None:
        self._socket, self._gathering, self._feed = reading, gathering, feed
        self._size, self._most = size, most
        self._log = plugin.context.log
        self._truncated = plugin.context.metrics.counter("datagrams_truncated")
        self._held = 0
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(reading, self._read)

    def _read(self) -> bool:
        """Read what is there; whether there may be more."""
        receive, size, feed, gathering = (
            self._socket.recvfrom,
            self._size,
            self._feed,
            self._gathering,
        )
        for _ in range(_TURN):
            try:
                data, address = receive(size + 1)
            except BlockingIOError:
                return False
            except OSError as error:
                self._log.warning("a datagram cannot be read: %s", error.strerror or error)
                return False
            if len(data) > size:
                data = data[:size]
                self._cut_short()
            if data:
                feed(data, address[0])
            if gathering.is_full and self._rest_if_full():
                return False
        return True

    def _cut_short(self) -> None:
        self._truncated.add()
        self._log.warning(
            "%d datagrams were longer than %d bytes and were cut there; raise `buffer_size`",
            self._truncated.value,
            self._size,
            about="cut",
        )

    def _rest_if_full(self) -> bool:
        """Read nothing until there is room, where as much is held as may be; whether it is."""
        self._held += 1
        if self._held < self._most:
            return False
        self._loop.remove_reader(self._socket)
        self._gathering.rest(self)
        return True

    def resume(self) -> None:
        """There is room again."""
        self._held = 0
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Read what has come already, as far as there is room, and no more."""
        self._loop.remove_reader(self._socket)
        while not self._gathering.is_full and self._read():
            pass
        self._loop.remove_reader(self._socket)
        self._socket.close()


class ChunkDatagrams:
    """Feeds datagrams that are decoded by themselves, by whoever filters."""

    def __init__(self, gathering: Gathering, origin_of: Callable[[str], Origin]) -> None:
        self._gathering, self._origin_of = gathering, origin_of
        self._origins: dict[str, Origin] = {}

    def __call__(self, data: bytes, ip: str) -> None:
        origin = self._origins.get(ip)
        if origin is None:
            if len(self._origins) >= _MOST_PEERS:
                self._origins.clear()
            origin = self._origins[ip] = self._origin_of(plain_ip(ip))
        self._gathering.add(Chunk(data, origin))


class CodecDatagrams:
    """Decodes datagrams by a codec that remembers something of those before, such as templates: one
    for each address, here.
    """

    def __init__(
        self, gathering: Gathering, codec: Codec, origin_of: Callable[[str], Origin]
    ) -> None:
        self._gathering, self._codec, self._origin_of = gathering, codec, origin_of
        self._codecs: dict[str, Codec] = {}

    def __call__(self, data: bytes, ip: str) -> None:
        codec = self._codecs.get(ip)
        if codec is None:
            if len(self._codecs) >= _MOST_PEERS:
                self._codecs.pop(next(iter(self._codecs)))
            codec = self._codecs[ip] = self._codec.stream(self._origin_of(plain_ip(ip)))
        events = codec.decode_or_keep(data)
        events += codec.flush()
        self._gathering.add_events(codec.complete(events), len(data))


class Losses:
    """What the system drops of the datagrams of some sockets: counted, and said."""

    def __init__(self, plugin: Plugin) -> None:
        self._log = plugin.context.log
        self._dropped = plugin.context.metrics.counter("datagrams_dropped")
        self._seen: dict[int, int] = {}

    def look(self, sockets: list[socket.socket]) -> None:
        """Count what is new; called about once a second."""
        new = 0
        for each in sockets:
            total = drops_of(each)
            new += total - self._seen.get(each.fileno(), 0)
            self._seen[each.fileno()] = total
        if new > 0:
            self._dropped.add(new)
            self._log.warning(
                "the system dropped %d datagrams so far, since its receive buffer was full; raise"
                " `receive_buffer_bytes` (with net.core.rmem_max), or add workers",
                self._dropped.value,
                about="drops",
            )


def drops_of(reading: socket.socket) -> int:
    """How many datagrams the system dropped of a socket; 0 where it does not say."""
    try:
        memory = reading.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMORY.size)
        return cast(int, _MEMORY.unpack(memory)[_DROPS])
    except (OSError, struct.error):
        return 0


def bind_datagrams(
    plugin: Plugin, host: str, port: int, receive_buffer: int | None
) -> list[socket.socket]:
    """Sockets for datagrams, with a receive buffer of so many bytes; raises Misconfigured."""
    sockets = bind(host, port, socket.SOCK_DGRAM)
    if receive_buffer is not None:
        for each in sockets:
            got = _with_buffer(each, receive_buffer)
            if got < receive_buffer:
                plugin.context.log.warning(
                    "the receive buffer has %d bytes, not %d; raise net.core.rmem_max",
                    got,
                    receive_buffer,
                )
    return sockets


def _with_buffer(reading: socket.socket, size: int) -> int:
    """Set the size of the receive buffer, past the system's limit where that is allowed; what it is
    then.
    """
    try:
        reading.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
    except OSError:
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return reading.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2  # it counts its own too
