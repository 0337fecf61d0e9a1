"""Sending datagrams to a host whose address may change."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import Disconnected, Rejected

_VALID = 60.0


class DatagramSender:
    """Sends to ports of one host. A datagram that the system does not take is tried again
    ``retries`` times, each after ``pause`` seconds, and then rejected.
    """

    def __init__(self, host: str, retries: int, pause: float, wait: Callable[[float], Any]) -> None:
        self._host, self._retries, self._pause, self._wait = host, retries, pause, wait
        self._socket: socket.socket | None = None
        self._address: tuple[Any, ...] = ()
        self._resolved = 0.0

    def connect(self) -> None:
        """Find the host's address; raises Disconnected."""
        try:
            family, _, _, _, address = socket.getaddrinfo(self._host, None, type=socket.SOCK_DGRAM)[
                0
            ]
        except socket.gaierror as error:
            raise Disconnected(f"`{self._host}` cannot be resolved: {error.strerror}") from error
        if self._socket is None or self._socket.family != family:
            self.close()
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._address, self._resolved = address, time.monotonic()

    def send(self, items: Sequence[tuple[int, bytes]]) -> None:
        """Send datagrams, each to a port. Raises Rejected for those that were not sent,
        Disconnected.
        """
        if time.monotonic() - self._resolved > _VALID:
            self.connect()
        refused: dict[int, str] = {}
        for index, (port, data) in enumerate(items):
            reason = self._refused(port, data)
            if reason:
                refused[index] = reason
        if refused:
            raise Rejected(refused)

    def _refused(self, port: int, data: bytes) -> str:
        """Why a datagram was not sent; an empty text where it was."""
        assert self._socket is not None
        if not 0 < port < 65536:
            return f"{port} is not a port"
        to = (self._address[0], port, *self._address[2:])
        for tries_left in range(self._retries, -1, -1):
            try:
                self._socket.sendto(data, to)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    return f"{len(data)} bytes are too long for a datagram"
                reason = error.strerror or str(error)
            else:
                return ""
            if tries_left:
                self._wait(self._pause)
        return reason

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
