"""The PROXY protocol: what a proxy says, before a connection's first byte, of the client behind it.

Version 1 is a line of text, version 2 a binary header
(https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt). The header is looked at without
taking it from the socket, so that what stands behind it, be it the start of TLS, is read by whoever
comes next.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import struct
from typing import NamedTuple

from ...dsl.diagnostics import PenstockError

_TEXT = b"PROXY "
_BINARY = b"\r\n\r\n\x00\r\nQUIT\n"
_LONGEST_TEXT = 107
_LONGEST = 16 + 4096
_FIXED = struct.Struct("!12sBBH")
_ADDRESSES = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}
"""Of TCP over IPv4 and IPv6; what is said of other families is passed over."""

_PATIENCE = 10.0


class ProxyError(PenstockError):
    """What comes is not a header of the PROXY protocol."""


class Proxied(NamedTuple):
    """A client as its proxy names it: address and port of both ends of the connection to the proxy.
    ``size``: of the header, in bytes.
    """

    size: int
    ip: str | None = None
    port: int | None = None
    proxy_ip: str | None = None
    proxy_port: int | None = None


def parse(data: bytes) -> Proxied | None:
    """The header that data begins with; None where it is not complete. Raises ProxyError."""
    if data.startswith(_BINARY):
        return _parse_binary(data)
    if data.startswith(_TEXT):
        return _parse_text(data)
    if _TEXT.startswith(data) or _BINARY.startswith(data):
        return None
    raise ProxyError(f"it begins with {data[:16]!r}")


def _parse_text(data: bytes) -> Proxied | None:
    end = data.find(b"\r\n", 0, _LONGEST_TEXT)
    if end < 0:
        if len(data) >= _LONGEST_TEXT:
            raise ProxyError("its first line has no end")
        return None
    words = data[:end].decode("ascii", "replace").split(" ")
    if words[1] == "UNKNOWN":
        return Proxied(end + 2)
    try:
        _, family, ip, proxy_ip, port, proxy_port = words
        if family not in ("TCP4", "TCP6"):
            raise ValueError
        ips = [str(ipaddress.ip_address(text)) for text in (ip, proxy_ip)]
        return Proxied(end + 2, ips[0], int(port), ips[1], int(proxy_port))
    except ValueError:
        raise ProxyError(f"its first line is {data[:end]!r}") from None


def _parse_binary(data: bytes) -> Proxied | None:
    if len(data) < _FIXED.size:
        return None
    _, command, family, length = _FIXED.unpack_from(data)
    size = _FIXED.size + length
    if command >> 4 != 2 or size > _LONGEST:
        raise ProxyError(f"its binary header begins with {data[:16]!r}")
    if len(data) < size:
        return None
    if command & 15 == 0 or family not in _ADDRESSES:  # the proxy's own check of health
        return Proxied(size)
    form = _ADDRESSES[family]
    if length < form.size:
        raise ProxyError("its binary header is too short for its addresses")
    ip, proxy_ip, port, proxy_port = form.unpack_from(data, _FIXED.size)
    ips = [str(ipaddress.ip_address(packed)) for packed in (ip, proxy_ip)]
    return Proxied(size, ips[0], port, ips[1], proxy_port)


async def take_header(connection: socket.socket, patience: float = _PATIENCE) -> Proxied:
    """Take the header off a connection that was just made, and nothing behind it. Raises
    ProxyError, OSError, TimeoutError.
    """
    loop = asyncio.get_running_loop()
    seen = 0
    async with asyncio.timeout(patience):
        while True:
            await _more_than(connection, seen)
            data = connection.recv(_LONGEST, socket.MSG_PEEK)
            if len(data) <= seen:
                raise ProxyError("it ends within the header")
            found = parse(data)
            if found is not None:
                await loop.sock_recv(connection, found.size)
                return found
            seen = len(data)


async def _more_than(connection: socket.socket, seen: int) -> None:
    """Wait until more can be seen than that. A socket with bytes in it is always ready, so that
    this asks for more of them by its low-water mark.
    """
    loop = asyncio.get_running_loop()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, seen + 1)
    ready = asyncio.Event()
    loop.add_reader(connection, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
