"""The input flume: a server for the sinks `avro` and `thrift` of Flume agents, and for Flume's
clients.
"""

from __future__ import annotations

import socket
from ssl import SSLContext as SslContext

from ..clients import flume_avro, flume_thrift
from ..clients.flume import Server
from ..codec import Codec
from ..declaration import Bytes, Duration, option
from ..servers.connections import Acceptor
from ..servers.event_loop import Acceptor as AnyAcceptor
from ..servers.event_loop import EventLoopListener, Intake
from ..servers.tls import ServerTls, server_tls
from ..tls import TlsContext
from ._flume_server import Connections
from ._request_intake import Gathering

_PATIENCE = 1.0


class Flume(ServerTls, EventLoopListener, name="flume"):
    """Listen for events of Flume agents: what a source `avro` or `thrift` is in Flume.

    The body of an event goes through the codec, one payload each. Its headers, texts, become
    `[flume][headers]`; a date in the header `timestamp` is one for the filter `date`. The address
    of the agent is `[@metadata][flume][ip]`.

    A call is answered with OK when every output has its events (or the dead letters), with the disk
    queue (`queue.type: persisted`) when they are on the disk. It is answered with FAILED where they
    could not be delivered, or there was no room for a second; the agent keeps them in its channel
    then, and sends them again. So it does when it has had no answer for its `request-timeout`, and
    when Penstock is killed. So events may come twice, and none is lost.

    Flume's `bind` is `host` here, and its `ssl`, `keystore` and `truststore` are the options
    `ssl_…`.

    The input needs the packages fastavro and thriftpy2: `pip install 'penstock[flume]'`.
    """

    prompt = True

    protocol: str = option(
        "What the agents' sink speaks.", default="avro", choices=("avro", "thrift")
    )
    thrift_protocol: str = option(
        "How Thrift encodes: the `protocol` of the sink `thrift`.",
        default="compact",
        choices=("compact", "binary"),
    )
    host: str = option("The name or address to listen on.", default="0.0.0.0")
    port: int = option("The port to listen on.")
    compression_type: str = option(
        "Whether connections are compressed, as the sink `avro` has it.",
        default="none",
        choices=("none", "deflate"),
    )
    read_timeout: Duration = option(
        "How long a call may take to come, from its first byte on.", default=Duration(60)
    )
    max_frame_bytes: Bytes = option(
        "The longest call, unpacked.", default=Bytes(100 << 20), at_least=1024
    )
    max_pending_requests: int = option(
        "How many calls may wait for room in the queue.", default=200, at_least=1
    )
    max_pending_bytes: Bytes = option(
        "How many bytes of calls are held at most, until their events are delivered; one call is"
        " taken whatever its length.",
        default=Bytes(256 << 20),
        at_least=1,
    )
    threads: int = option("Has no effect.", default=1)

    _connections: Connections | None = None

    def prepare(self) -> None:
        self._tls = server_tls(self, self)
        self._decoder = self.new_codec()
        if self.protocol == "thrift" and self.compression_type != "none":
            message = 'Flume compresses with protocol => "avro" only'
            self.problem("compression_type", message, "remove it")

    def decoder(self) -> Codec:
        return self._decoder

    def claims(self) -> dict[str, str]:
        return {"port": f"TCP port {self.port} of {self.host}"} if self.port else {}

    def tls(self) -> TlsContext | None:
        return self._tls

    async def begin(self, intake: Intake) -> None:
        self._connections = Connections(
            self,
            Gathering(intake, self.max_pending_requests, self.max_pending_bytes, "flume"),
            self._speak,
            is_compressed=self.compression_type == "deflate",
            longest=self.max_frame_bytes,
            read_timeout=self.read_timeout,
            patience=_PATIENCE,
            handshake=self.ssl_handshake_timeout / 1000,
        )

    def _speak(self) -> Server:
        if self.protocol == "avro":
            return flume_avro.AvroServer()
        return flume_thrift.ThriftServer(self.thrift_protocol)

    async def accept(self, listening: socket.socket, tls: SslContext | None) -> AnyAcceptor:
        assert self._connections is not None
        return Acceptor(listening, self._connections, tls)

    async def drain(self) -> None:
        if self._connections is not None:
            await self._connections.finish()
