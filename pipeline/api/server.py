"""The HTTP side of the API: Python's own server, a thread a request, a handful at once.

It answers on loopback unless told otherwise, and refuses to listen elsewhere without a password.
Nothing here can change what pipelines do, but for levels of logging.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ...plugins.certificates import warning_of
from ..observe.logging import levels, reset_levels, set_levels
from .documents import Node
from .process import hot_threads
from .settings import ports_of, wrong

log = logging.getLogger("penstock")

_MOST_REQUESTS = 8
_SECONDS = 10.0
_MOST_BODY = 1 << 16
_LENGTH = re.compile(r"[0-9]{1,9}")
_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"

_NO_PROMETHEUS = (
    b"/metrics needs the package prometheus-client: pip install 'penstock[prometheus]'\n"
)

Found = tuple[HTTPStatus, str, bytes]


class Api:
    """The API of a process. ``start`` takes the first free port; ``close`` gives it back."""

    def __init__(self, node: Callable[[str], Node], settings: Mapping[str, Any]) -> None:
        self._make_node, self._settings = node, settings
        self._server: _Server | None = None

    def start(self) -> str:
        """Listen; the address. Raises ConfigError where no port can be had, or the certificate
        cannot be used.
        """
        settings = self._settings
        host = str(settings["api.http.host"])
        server = _bound(host, ports_of(str(settings["api.http.port"])))
        if settings["api.ssl.enabled"]:
            server.socket = _wrapped(server, settings)
        port = server.server_address[1]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        server.node = self._make_node(address)
        if settings["api.auth.type"] == "basic":
            login = f"{settings['api.auth.basic.username']}:{settings['api.auth.basic.password']}"
            server.login = "Basic " + b64encode(login.encode()).decode()
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.5,), name="api", daemon=True).start()
        return address

    def close(self) -> None:
        """End the server."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    node: Node
    login = ""

    def __init__(self, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self._room = threading.BoundedSemaphore(_MOST_REQUESTS)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # That of HTTPServer asks DNS for the name of the address, which may take long.
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # there is no thread to be had
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("a request to the API failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _SECONDS
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Penstock", ""
    _body = b""

    def do_GET(self) -> None:
        self._answer(self._got)

    def do_HEAD(self) -> None:
        self._answer(self._got)

    def do_PUT(self) -> None:
        self._answer(self._put)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        log.debug("API: " + format, *arguments)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses, such as a method that there is no answer to, as JSON too."""
        status, reason = HTTPStatus(code), message or HTTPStatus(code).description
        if status == HTTPStatus.NOT_IMPLEMENTED:
            status = HTTPStatus.METHOD_NOT_ALLOWED
            reason = f"the method `{self.command}` is not supported: use GET, HEAD or PUT"
        self.close_connection = True  # a body that was not read is not the next request
        self._send(status, _JSON, _error(reason))

    def _answer(self, find: Callable[[str], Found]) -> None:
        refusal = self._refusal()
        if refusal is not None:
            # A body that was not read must not be taken for the next request.
            self.close_connection = True
            self._send(refusal[0], _JSON, _error(refusal[1]))
            return
        self._body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            status, kind, body = find(unquote(urlsplit(self.path).path).rstrip("/") or "/")
        except Exception as error:
            log.warning("API: %r: %s: %s", self.path, type(error).__name__, error)
            log.debug("a request to the API raised", exc_info=True)
            status, kind, body = HTTPStatus.INTERNAL_SERVER_ERROR, _JSON, _error("see the log")
        self._send(status, kind, body)

    def _refusal(self) -> tuple[HTTPStatus, str] | None:
        """Why a request is not answered, and its body not read; None where it is."""
        if not self._may():
            return HTTPStatus.UNAUTHORIZED, "a user and a password are required"
        lengths = self.headers.get_all("Content-Length") or ["0"]
        if "Transfer-Encoding" in self.headers:
            return HTTPStatus.LENGTH_REQUIRED, "send the body whole, with its Content-Length"
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            return HTTPStatus.BAD_REQUEST, f"`{', '.join(lengths)}` is not a valid Content-Length"
        if int(lengths[0]) > _MOST_BODY:
            largest = f"the body may have up to {_MOST_BODY} bytes"
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, largest
        return None

    def _may(self) -> bool:
        wanted, given = self.server.login, self.headers.get("Authorization", "")
        return not wanted or hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="penstock"')
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD, PUT")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _got(self, path: str) -> Found:
        if path == "/metrics":
            return self._metrics()
        if path == "/health/ready":
            told = self.server.node.ready()
            is_ready = told["status"] == "ready"
            status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
            return status, _JSON, _packed(told)
        if path == "/_node/hot_threads" and self._is_for_people():
            return HTTPStatus.OK, _TEXT, _threads_text().encode()
        found = document(self.server.node, path)
        if found is None:
            return HTTPStatus.NOT_FOUND, _JSON, _error(f"not found: {path}")
        return HTTPStatus.OK, _JSON, _packed(found)

    def _is_for_people(self) -> bool:
        """Whether `human` is asked for, as Logstash has it: its API answers with JSON otherwise."""
        asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return asked.get("human", ["false"])[-1] in ("", "true")

    def _metrics(self) -> Found:
        try:
            from .prometheus import exposition
        except ModuleNotFoundError:
            return HTTPStatus.NOT_IMPLEMENTED, _TEXT, _NO_PROMETHEUS
        kind, body = exposition(self.server.node, self.headers.get("Accept", ""))
        return HTTPStatus.OK, kind, body

    def _put(self, path: str) -> Found:
        if path == "/_node/logging/reset":
            reset_levels()
            return HTTPStatus.OK, _JSON, _packed({"acknowledged": True})
        if path != "/_node/logging":
            return HTTPStatus.NOT_FOUND, _JSON, _error(f"nothing can be put at {path}")
        try:
            set_levels(_wanted_levels(self._body))
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, _JSON, _error(str(error))
        return HTTPStatus.OK, _JSON, _packed({"acknowledged": True})


def document(node: Node, path: str) -> Mapping[str, Any] | None:
    """What stands at a path; None where nothing does."""
    plain: dict[str, Callable[[], Mapping[str, Any] | None]] = {
        "/": node.root,
        "/_node": node.node,
        "/_node/pipelines": node.pipelines,
        "/_node/stats": node.stats,
        "/_node/stats/pipelines": node.pipeline_stats,
        "/_node/logging": lambda: {**node.root(), "loggers": levels()},
        "/_node/hot_threads": lambda: {**node.root(), "hot_threads": {"threads": hot_threads()}},
        "/health/live": node.live,
    }
    if path in plain:
        return plain[path]()
    for start, of_name in (
        ("/_node/stats/pipelines/", node.pipeline_stats),
        ("/_node/pipelines/", node.pipelines),
        ("/_node/stats/", node.part),
        ("/_node/", node.part),
    ):
        if path.startswith(start):
            return of_name(path.removeprefix(start))
    return None


def _threads_text() -> str:
    lines = []
    for thread in hot_threads():
        lines.append(f"{thread['cpu_in_millis']} ms of CPU time: thread {thread['name']}")
        lines += [f"    {trace}" for trace in thread["traces"]]
    return "\n".join(lines) + "\n"


def _wanted_levels(body: bytes) -> dict[str, str]:
    try:
        given = json.loads(body)
    except ValueError:
        raise ValueError("the body is not valid JSON") from None
    if not isinstance(given, dict) or not all(key.startswith("logger.") for key in given):
        raise ValueError('write {"logger.NAME": "DEBUG"}; GET shows the names')
    return {key.removeprefix("logger."): str(value) for key, value in given.items()}


def _packed(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _error(text: str) -> bytes:
    return _packed({"error": text})


def _bound(host: str, ports: range) -> _Server:
    reason = ""
    for port in ports:
        try:
            return _Server(host, port)
        except (UnicodeError, TypeError):
            reason = "this is not a valid name of a host"
        except OSError as error:
            reason = error.strerror or str(error)
    where = f"{ports[0]}" if len(ports) == 1 else f"{ports[0]}-{ports[-1]}"
    raise wrong(
        f"the API cannot listen on {host} port {where}: {reason}",
        "set api.http.host and api.http.port to an address of this machine and a port that is free",
    )


def _wrapped(server: _Server, settings: Mapping[str, Any]) -> ssl.SSLSocket:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings["api.ssl.certificate"], settings["api.ssl.key"])
    except OSError as error:
        server.server_close()
        raise wrong(
            f"the certificate of the API cannot be used: {error}", "give PEM files that match"
        ) from error
    warning = warning_of(Path(settings["api.ssl.certificate"]))
    if warning is not None:
        log.warning("the certificate of the API: %s", warning[0])
    # The handshake is made by the thread of the request, not by the one that accepts.
    return context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
