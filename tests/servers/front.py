"""An HTTP server before another one: it terminates TLS, asks who is there, and answers what it is told to.

What the real server cannot be made to show (a login that is refused, too many requests, an API that is not there) is
shown by this. All else is passed on. Every request is noted.
"""
from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self

from .process import LOOPBACK, free_ports

_OF_THE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class Asked(NamedTuple):
    """A request that came. Names of headers are small."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Told(NamedTuple):
    """What is answered in the place of the server. ``status`` 0: the connection is cut, after the server was asked."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = {}


Rule = Callable[[Asked], Told | None]


class Front:
    """Serves ``port``, the same after a ``stop`` and another ``start``. ``target``: the port of the server behind it; where
    there is none, 404 is answered. ``logins``: the values of Authorization that are let through; any, where it is empty.
    ``identity``: a certificate and its key, for TLS; ``clients``: the authority of clients' certificates, which are asked for.
    """

    def __init__(
        self,
        target: int | None = None,
        *,
        logins: Iterable[str] = (),
        identity: tuple[Path, Path] | None = None,
        clients: Path | None = None,
    ) -> None:
        self.target, self.logins = target, set(logins)
        (self.port,) = free_ports()
        self.asked: list[Asked] = []
        self.rules: list[Rule] = []
        self._identity, self._clients = identity, clients
        self._connections: set[socket.socket] = set()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self._identity else ''}://{LOOPBACK}:{self.port}"

    def tell(self, path: str, *answers: Told) -> None:
        """Answer the next requests whose path begins so with these, one by one."""
        left = list(answers)

        def rule(asked: Asked) -> Told | None:
            return left.pop(0) if left and asked.path.startswith(path) else None

        self.rules.append(rule)

    def always(self, method: str, path: str, told: Told) -> None:
        """Answer all requests of a method whose path begins so with this."""
        self.rules.append(lambda asked: told if asked.method == method and asked.path.startswith(path) else None)

    def paths(self, method: str = "") -> list[str]:
        """The paths that were asked, by a method."""
        return [asked.path for asked in self.asked if method in ("", asked.method)]

    def start(self) -> Self:
        """Serve."""
        front = self

        class Handler(_Handler):
            owner = front

        server = self._server = ThreadingHTTPServer((LOOPBACK, self.port), Handler)
        server.daemon_threads = True
        if self._identity is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._identity)
            if self._clients is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(self._clients)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """End at once, and with it every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        self.cut()

    def cut(self) -> None:
        """End every connection."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def told(self, asked: Asked) -> Told | None:
        """What is answered in the place of the server."""
        if self.logins and asked.headers.get("authorization") not in self.logins:
            return Told(401, {"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401})
        for rule in list(self.rules):
            told = rule(asked)
            if told is not None:
                return told
        return Told(404, {"error": "nothing is here"}) if self.target is None else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Front

    def handle(self) -> None:
        self.owner._connections.add(self.connection)
        self._behind: http.client.HTTPConnection | None = None
        try:
            super().handle()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            self.owner._connections.discard(self.connection)
            if self._behind is not None:
                self._behind.close()

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        self.owner.asked.append(asked)
        told = self.owner.told(asked)
        if told is None:
            self._answer(*self._pass_on(asked))
        elif told.status == 0:
            if self.owner.target is not None:
                self._pass_on(asked)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            data = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
            self._answer(told.status, {"content-type": "application/json", **told.headers}, data)

    def _pass_on(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        assert self.owner.target is not None
        if self._behind is None:
            self._behind = http.client.HTTPConnection(LOOPBACK, self.owner.target, timeout=60)
        headers = {name: value for name, value in asked.headers.items() if name not in _OF_THE_CONNECTION}
        self._behind.request(asked.method, asked.path, asked.body or None, headers)
        response = self._behind.getresponse()
        data = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders() if k.lower() not in _OF_THE_CONNECTION}, data

    def _answer(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


for _method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)
