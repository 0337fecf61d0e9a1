"""The input unix: streams of events over UNIX sockets."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract import Disconnected, Ecs, Misconfigured
from ..declaration import option
from ..servers.connections import Connection, Peer, Settings
from ..servers.sockets import BACKLOG
from ..servers.stream_listener import StreamListener


class Unix(Ecs, StreamListener, name="unix"):
    """Read events from a UNIX socket, line by line unless a codec says otherwise.

    As a server (the default) it makes the socket and takes any number of connections, each with a
    codec of its own; as a client it connects to a socket, and again whenever the connection ends.
    Events get the name of this machine as `[host][name]` and the path as `[file][path]` (`host` and
    `path` without ECS). What is promised is what the input `tcp` promises.

    Differs from Logstash: a socket file that a killed process has left behind, so that nobody
    listens on it, is replaced also without `force_unlink`.
    """

    default_codec = "line"

    path: str = option("The path to listen on, or to connect to.")
    mode: str = option(
        "Whether clients connect to it, or it connects to a server.",
        default="server",
        choices=("server", "client"),
    )
    force_unlink: bool = option(
        "Whether a socket is replaced on which another program listens.", default=False
    )
    data_timeout: float = option(
        "Seconds without a byte after which a connection is closed; -1 for never.", default=-1
    )
    socket_not_present_retry_interval_seconds: float = option(
        "Seconds to wait, as a client, where nobody listens on the path.", default=5
    )

    _dialled: Connection | None = None
    _made: tuple[int, int] | None = None

    def prepare(self) -> None:
        host = socket.gethostname()
        if self.ecs:
            self._origin: Mapping[str, Any] = {"host": {"name": host}, "file": {"path": self.path}}
        else:
            self._origin = {"host": host, "path": self.path}
        self.decoder()

    def claims(self) -> dict[str, str]:
        return {"path": f"socket {self.path}"} if self.mode == "server" else {}

    def connection_settings(self) -> Settings:
        return Settings(idle_after=None if self.data_timeout < 0 else self.data_timeout)

    def origin_of(self, peer: Peer) -> Mapping[str, Any]:
        return self._origin

    def bind(self) -> Sequence[socket.socket]:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._make_way()
            made.bind(self.path)
            made.listen(BACKLOG)
        except OSError as error:
            made.close()
            reason = f"`{self.path}` cannot be listened on: {error.strerror or error}"
            raise Misconfigured("path", reason, _HELP.get(error.errno or 0, "")) from error
        made.setblocking(False)
        found = Path(self.path).stat()
        self._made = found.st_dev, found.st_ino
        return [made]

    def _make_way(self) -> None:
        """Take away a socket that stands in the way, where that is allowed."""
        path = Path(self.path)
        if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
            return
        if self.force_unlink or not _is_served(self.path):
            path.unlink()

    def connect(self) -> None:
        if self.mode == "server":
            super().connect()
            return
        self.close()
        self.kept_loop().run_until_complete(self._dial())

    async def _dial(self) -> None:
        self.start_gathering()
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(made, self.path)
        except OSError as error:
            made.close()
            wait = self.socket_not_present_retry_interval_seconds
            reason = f"`{self.path}` cannot be connected to: {error.strerror or error}"
            raise Disconnected(reason, wait if wait > 0 else 5.0) from error
        _, self._dialled = await loop.create_connection(
            lambda: Connection(self.connections, Peer()), sock=made
        )

    def look(self) -> None:
        super().look()
        if self._dialled is not None and self._dialled not in self.connections.open:
            self._dialled = None
            raise Disconnected(f"`{self.path}` has closed the connection")

    def close(self) -> None:
        super().close()
        made, self._made = self._made, None
        with contextlib.suppress(OSError):
            found = os.stat(self.path)
            if (found.st_dev, found.st_ino) == made:
                os.unlink(self.path)


_HELP = {
    errno.EADDRINUSE: "stop the other program, take another path, or write force_unlink => true",
    errno.ENOENT: "make its directory",
    errno.EACCES: "let this user write in its directory",
}


def _is_served(path: str) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return False
        except OSError:
            pass  # its backlog is full, perhaps
    return True
