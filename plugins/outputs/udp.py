"""The output udp: a datagram for each event."""

from __future__ import annotations

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.udp import DatagramSender
from ..declaration import option
from ..output import Output

_NOT_A_PORT = 0


class Udp(Output, name="udp"):
    """Send each event as a UDP datagram, as JSON unless a codec says otherwise.

    UDP promises nothing: an event counts as delivered when the system has taken its datagram. One
    that the system does not take (it is too long, its `port` is not a number) is rejected: it goes
    to the dead letters, or is counted and said.
    """

    default_codec = "json"

    host: str = option("The host to send to.")
    port: Template = option("The port to send to; may come from fields of the event.")
    retry_count: int = option(
        "How often a datagram that the system does not take is sent again.", default=0, at_least=0
    )
    retry_backoff_ms: int = option(
        "Milliseconds to wait before it is sent again.", default=100, at_least=0
    )

    _sender: DatagramSender | None = None

    def prepare(self) -> None:
        self._codec = self.new_codec()
        if self.port.is_constant and not _port(self.port.text):
            self.problem("port", f"`{self.port.text}` is not a port", "ports go from 1 to 65535")

    def open(self) -> None:
        pause, wait = self.retry_backoff_ms / 1000, self.context.stopping.wait
        self._sender = DatagramSender(self.host, self.retry_count, pause, wait)

    def pack(self, events: list[Event]) -> list[Payload]:
        """A port and a datagram for each event."""
        encode, render = self._codec.encode, self.port.render
        items = [(_port(render(event)), encode([event])) for event in events]
        return [Payload(items, events, "udp")]

    def connect(self) -> None:
        assert self._sender is not None
        self._sender.connect()

    def deliver(self, payload: Payload) -> None:
        assert self._sender is not None
        self._sender.send(payload.data)

    def close(self) -> None:
        if self._sender is not None:
            self._sender.close()


def _port(text: str) -> int:
    """The port that a text is; 0 where it is none."""
    try:
        port = int(text)
    except ValueError:
        return _NOT_A_PORT
    return port if 0 < port < 65536 else _NOT_A_PORT
