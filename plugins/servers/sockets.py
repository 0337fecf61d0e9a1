"""Sockets that listen: bound by name or address, IPv4 and IPv6, with errors at their options."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from ..errors import Disconnected, Misconfigured

BACKLOG = 1024
_REMEDIES = {
    errno.EADDRINUSE: "stop the other program (`ss -lptu` shows it), or take another port",
    errno.EACCES: "take a port above 1023, or allow this one: `setcap cap_net_bind_service=+ep`",
    errno.EADDRNOTAVAIL: "take an address of this machine (`ip address`), or 0.0.0.0 for all",
}


def bind(host: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[socket.socket]:
    """The sockets of a host's addresses, bound, not blocking; those of streams listen. ``::``
    takes IPv4 as well. Port 0 is a free one, the same for all addresses.

    Raises Misconfigured at ``host`` or ``port``.
    """
    if not 0 <= port <= 65535:
        raise Misconfigured("port", f"{port} is not a port", "ports go from 1 to 65535")
    with ExitStack() as opened:
        sockets: list[socket.socket] = []
        for family, address in _addresses(host, port, kind):
            if port == 0 and sockets:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            # asyncio sends small answers at once only where a socket names its protocol: otherwise
            # the second of two waits until the client's system confirms the first, after 40 ms.
            protocol = socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else 0
            made = opened.enter_context(socket.socket(family, kind, protocol))
            _bind(made, family, address, kind, host)
            sockets.append(made)
        opened.pop_all()
    return sockets


def _addresses(
    host: str, port: int, kind: socket.SocketKind
) -> list[tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]]:
    try:
        found = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise Disconnected(f"the name `{host}` cannot be resolved now: {error}") from error
        raise Misconfigured(
            "host", f"`{host}` is not an address of this machine: {error.strerror}"
        ) from error
    except UnicodeError as error:
        raise Misconfigured("host", f"`{host}` is not the name of a host: {error}") from error
    known = (socket.AF_INET, socket.AF_INET6)
    unique = {(entry[0], entry[4]): None for entry in found if entry[0] in known}
    return [(family, address) for family, address in unique]  # type: ignore[misc]


def _bind(
    made: socket.socket,
    family: socket.AddressFamily,
    address: tuple[str, int] | tuple[str, int, int, int],
    kind: socket.SocketKind,
    host: str,
) -> None:
    if kind == socket.SOCK_STREAM:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
    try:
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen(BACKLOG)
    except OSError as error:
        where = "host" if error.errno == errno.EADDRNOTAVAIL else "port"
        reason = f"{address[0]} port {address[1]} cannot be listened on: {error.strerror}"
        raise Misconfigured(where, reason, _REMEDIES.get(error.errno or 0, "")) from error
    made.setblocking(False)
