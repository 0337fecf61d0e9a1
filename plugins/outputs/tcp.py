"""The output tcp: events to a server, or to all clients that are connected."""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Future

from ...dsl.reference import Event
from ..batch import Payload
from ..clients.tcp import check_port
from ..clients.tcp_server import TcpServer
from ..clients.tls import ClientTls, client_tls
from ..codec import Codec
from ..declaration import option
from ..former import VERIFIED_BY_CLIENT, renamed
from ..output import Output
from ..servers.broadcast import Broadcast
from ..servers.sockets import bind
from ..servers.tls import ServerTls, server_tls
from ..tls import TlsContext


class Tcp(ServerTls, ClientTls, Output, name="tcp"):
    """Write events to a TCP connection, as JSON unless a codec says otherwise.

    The codec `json` puts nothing between two events, as in Logstash: with `json_lines` each has a
    line of its own.

    As a client (the default), what was written counts as delivered when the system at the other end
    has acknowledged it (on Linux; elsewhere when the system here has taken it). What a connection
    leaves open when it breaks is written again to the next one, from the start of a batch: events
    may arrive twice, and the first of them may be cut short on the old connection. What the other
    program had not read yet when it died is lost: TCP knows nothing of it.

    As a server, each event goes to every client that is connected. Where none is, events are
    dropped, which is counted and said. A client that takes nothing for half a minute is
    disconnected; until then all wait for it.
    """

    former = renamed({"ssl_verify": VERIFIED_BY_CLIENT})

    default_codec = "json"
    pipelined = True

    host: str = option("The host to connect to, or the address to listen on.")
    port: int = option("The port to connect to, or to listen on.")
    mode: str = option(
        "Whether it connects to a server, or clients connect to it.",
        default="client",
        choices=("client", "server"),
    )
    reconnect_interval: float = option(
        "Seconds between two attempts to connect; default: from one second, ever longer.",
        default=10,
        at_least=0,
    )
    max_in_flight: int = option(
        "How many batches may be written and not acknowledged; their order is kept.",
        default=64,
        at_least=1,
        common=True,
    )
    ssl_enabled: bool = option("Whether connections are encrypted with TLS.", default=False)

    _tls: TlsContext | None = None
    _broadcast: Broadcast | None = None

    def prepare(self) -> None:
        self._codec = self.new_codec()
        is_server = self.mode == "server"
        check_port(self, self.port, 0 if is_server else 1)
        wrong = "ssl_verification_mode" if is_server else "ssl_client_authentication"
        right = "ssl_client_authentication" if is_server else "ssl_verification_mode"
        if wrong in self.given:
            self.problem(wrong, f"`{wrong}` is not an option of mode {self.mode}", f"write {right}")
        if is_server:
            self._tls = server_tls(self, self)
        elif self.ssl_enabled:
            self._tls = client_tls(self, self)
        pause = self.reconnect_interval if "reconnect_interval" in self.given else None
        self._server = TcpServer(self, self.host, self.port, self._tls, "ssl_enabled", pause)

    def claims(self) -> dict[str, str]:
        has_port = self.mode == "server" and self.port
        return {"port": f"TCP port {self.port} of {self.host}"} if has_port else {}

    def plain_encoding(self) -> tuple[Codec, Hashable] | None:
        return self._codec, None

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(self._codec.encode(events), events)]

    def connect(self) -> None:
        """Connect, or listen. Raises Disconnected, Misconfigured."""
        if self.mode == "server":
            self.close()
            tls = self._tls
            self._broadcast = Broadcast(self, bind(self.host, self.port), tls)
        else:
            self._server.connect()

    def deliver(self, payload: Payload) -> Future[None] | None:
        if self._broadcast is not None:
            self._broadcast.send(payload.data, payload.count)
            return None
        return self._server.write(payload.data)

    def tend(self, timeout: float) -> None:
        self._server.tend()

    def close(self) -> None:
        self._server.close()
        broadcast, self._broadcast = self._broadcast, None
        if broadcast is not None:
            broadcast.close()
