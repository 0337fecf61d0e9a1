"""The input tcp: streams of events over TCP, from clients that connect or from a server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..clients.tls import ClientTls, client_tls, tls_refusal
from ..clients.tls_failures import distrusted
from ..contract import Disconnected, Ecs, Misconfigured
from ..declaration import option
from ..former import VERIFIED_BY_SERVER, renamed
from ..servers.connections import Connection, Connections, Peer, Settings
from ..servers.proxy_protocol import ProxyError, take_header
from ..servers.stream_listener import StreamListener
from ..servers.tls import ServerTls, server_tls
from ..tls import TlsContext

_CONNECT = 10.0
_VERDICT = 1.0


class _Dialled(Connection):
    """The connection to a server. ``failure``: what it has ended with."""

    def __init__(self, owner: Connections, peer: Peer) -> None:
        super().__init__(owner, peer)
        self.failure: Exception | None = None
        self._said_something = asyncio.Event()

    @property
    def is_judged_late(self) -> bool:
        """Whether the server judges our certificate only after the handshake."""
        tls = self._transport.get_extra_info("ssl_object")
        return tls is not None and tls.version() == "TLSv1.3"

    async def verdict(self) -> None:
        """Wait for the first bytes, or for the refusal of our certificate, a second at most. Raises
        SSLError.
        """
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._said_something.wait(), _VERDICT)
        if isinstance(self.failure, ssl.SSLError):
            raise self.failure

    def buffer_updated(self, nbytes: int) -> None:
        self._said_something.set()
        super().buffer_updated(nbytes)

    def connection_lost(self, error: Exception | None) -> None:
        self.failure = error
        self._said_something.set()
        super().connection_lost(error)


class Tcp(Ecs, ServerTls, ClientTls, StreamListener, name="tcp"):
    """Read events from TCP connections, line by line unless a codec says otherwise.

    As a server (the default) it takes any number of connections, each with a codec of its own; as a
    client it connects to a server, and again whenever the connection ends. What is known of the
    other end is in the event: with ECS in `[@metadata][input][tcp][source]` (`name`, `ip`, `port`),
    `[@metadata][input][tcp][proxy]` (`ip`, `port`) and `[@metadata][input][tcp][tls][client]`
    (`subject`); without, in `host`, `[@metadata][ip_address]`, `port`, `proxy_host`, `proxy_port`
    and `sslsubject`.

    TCP has no acknowledgement by the reader: what the sender's system has sent, and was not
    delivered when this process is killed, is lost. What has come is read no faster than it is
    delivered or put into the disk queue, so that a sender waits. A stop delivers what has come; a
    reload that leaves the input as it is keeps the connections.

    Differs from Logstash: the PROXY protocol may be version 2 as well, and its header may stand
    before TLS, as proxies send it; ports are numbers, also there. A line over
    `penstock.limits.line` comes in parts.
    """

    former = renamed({"ssl_verify": VERIFIED_BY_SERVER}, unused=("data_timeout",))

    default_codec = "line"

    port: int = option("The port to listen on, or to connect to.")
    host: str = option("The address to listen on, or the host to connect to.", default="0.0.0.0")
    mode: str = option(
        "Whether clients connect to it, or it connects to a server.",
        default="server",
        choices=("server", "client"),
    )
    proxy_protocol: bool = option(
        "Whether connections begin with a header of the PROXY protocol, version 1 or 2.",
        default=False,
    )
    tcp_keep_alive: bool = option(
        "Whether the system asks connections that are idle whether they are still there.",
        default=False,
    )
    dns_reverse_lookup_enabled: bool = option(
        "Whether the name of a client is looked up, for at most five seconds.", default=True
    )
    ssl_enabled: bool = option("Whether connections are encrypted with TLS.", default=False)
    ssl_client_authentication: str = option(
        "Whether clients must show a certificate, as a server.",
        default="required",
        choices=("none", "optional", "required"),
    )
    ssl_extra_chain_certs: list[Path] = option(
        "Cannot be used: the file of `ssl_certificate` may hold the whole chain.", default=[]
    )

    _tls: TlsContext | None = None
    _dialled: _Dialled | None = None

    def prepare(self) -> None:
        for path in self.ssl_extra_chain_certs[:1]:
            self.problem(
                "ssl_extra_chain_certs",
                f"`{path}` cannot be used beside `ssl_certificate`",
                "append it to the file of `ssl_certificate`, and remove this option",
            )
        wrong = "ssl_verification_mode" if self._is_server else "ssl_client_authentication"
        right = "ssl_client_authentication" if self._is_server else "ssl_verification_mode"
        if wrong in self.given:
            self.problem(wrong, f"`{wrong}` is not an option of mode {self.mode}", f"write {right}")
        if self._is_server:
            self._tls = server_tls(self, self)
        elif self.ssl_enabled:
            self._tls = client_tls(self, self)
        self.decoder()

    @property
    def _is_server(self) -> bool:
        return self.mode == "server"

    def claims(self) -> dict[str, str]:
        has_port = self._is_server and self.port
        return {"port": f"TCP port {self.port} of {self.host}"} if has_port else {}

    def tls(self) -> TlsContext | None:
        return self._tls if self._is_server else None

    def connection_settings(self) -> Settings:
        names, handshake = self.dns_reverse_lookup_enabled, self.ssl_handshake_timeout / 1000
        return Settings(self.tcp_keep_alive, self.proxy_protocol, names, None, handshake)

    def origin_of(self, peer: Peer) -> Mapping[str, Any]:
        return _with_ecs(peer) if self.ecs else _without_ecs(peer)

    def connect(self) -> None:
        if self._is_server:
            super().connect()
            return
        self.close()
        self.kept_loop().run_until_complete(self._dial())

    async def _dial(self) -> None:
        """Connect to the server; raises OSError, Disconnected, Misconfigured."""
        loop = asyncio.get_running_loop()
        self.start_gathering()
        try:
            async with asyncio.timeout(_CONNECT):
                found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
                made = await _connected([(entry[0], entry[4]) for entry in found])
                await self._serve_dialled(made)
        except socket.gaierror as error:
            raise Disconnected(f"`{self.host}` cannot be resolved: {error.strerror}") from error
        except TimeoutError:
            text = f"{self.host} port {self.port}: no connection in {_CONNECT:.0f} s"
            hint = "; does it speak TLS on this port?" if self._tls else ""
            raise Disconnected(text + hint) from None
        except ProxyError as error:
            raise Disconnected(f"the server does not speak the PROXY protocol: {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise Misconfigured(self._tls_option, *distrusted(error)) from error
        except ssl.SSLError as error:
            raise tls_refusal(error) from error
        except OSError as error:  # asyncio's text has the call in it
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise Disconnected(f"{self.host} port {self.port}: {reason}") from error

    @property
    def _tls_option(self) -> str:
        authorities = "ssl_certificate_authorities"
        return authorities if authorities in self.given else "ssl_enabled"

    async def _serve_dialled(self, made: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        if self.tcp_keep_alive:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        proxied = await take_header(made) if self.proxy_protocol else None
        peer = await self.connections.peer_of(made, proxied)
        tls = None if self._tls is None else self._tls.current()
        _, dialled = await loop.create_connection(
            lambda: _Dialled(self.connections, peer),
            sock=made,
            ssl=tls,
            server_hostname=self.host if tls else None,
            ssl_handshake_timeout=self.ssl_handshake_timeout / 1000 if tls else None,
        )
        self._dialled = dialled
        if dialled.is_judged_late:
            await dialled.verdict()

    def look(self) -> None:
        super().look()
        if self._dialled is not None and self._dialled not in self.connections.open:
            failure, self._dialled = self._dialled.failure, None
            if isinstance(failure, ssl.SSLError):
                raise tls_refusal(failure) from failure
            raise Disconnected(f"{self.host} port {self.port} has closed the connection")


async def _connected(addresses: list[tuple[int, Any]]) -> socket.socket:
    """A connection to the first address that takes one; raises OSError."""
    loop = asyncio.get_running_loop()
    failure: OSError = OSError("the host has no address")
    for family, address in addresses:
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            await loop.sock_connect(made, address)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure


def _with_ecs(peer: Peer) -> Mapping[str, Any]:
    tcp: dict[str, Any] = {"source": {"name": peer.name, "ip": peer.ip, "port": peer.port}}
    if peer.proxy_ip is not None:
        tcp["proxy"] = {"ip": peer.proxy_ip, "port": peer.proxy_port}
    if peer.subject is not None:
        tcp["tls"] = {"client": {"subject": peer.subject}}
    return {"@metadata": {"input": {"tcp": tcp}}}


def _without_ecs(peer: Peer) -> Mapping[str, Any]:
    origin: dict[str, Any] = {
        "host": peer.name,
        "@metadata": {"ip_address": peer.ip},
        "port": peer.port,
    }
    if peer.proxy_ip is not None:
        origin |= {"proxy_host": peer.proxy_ip, "proxy_port": peer.proxy_port}
    if peer.subject is not None:
        origin["sslsubject"] = peer.subject
    return origin
