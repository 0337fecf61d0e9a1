"""The output rabbitmq: messages to an exchange, many under way, in order, each confirmed.

The parts: ``_rabbitmq_rows`` (from events to messages), ``_rabbitmq_publisher`` (the thread that
publishes), ``_rabbitmq_requests`` (what is confirmed and returned), and the modules ``rabbitmq*``
in ``clients``.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.rabbitmq import RabbitClient, RabbitOptions
from ..clients.rabbitmq_topology import Exchange, arguments_of, declare_exchange
from ..contract import Batching, Disconnected, Output
from ..declaration import option
from ._rabbitmq_publisher import Publisher, Target
from ._rabbitmq_rows import NAMES, Rows, refusal_of, typed

_TRANSIENT, _PERSISTENT = 1, 2


class RabbitMQ(RabbitOptions, Output, name="rabbitmq"):
    """Publish messages to an exchange of RabbitMQ.

    The exchange is declared with each connection; `exchange => ""` is the default exchange, which
    takes `key` for the name of a queue. A message counts as delivered when the server confirms it,
    which for a durable or a quorum queue is when it is safe there; many are under way at once, and
    keep their order.

    A message that no queue is bound for is dropped by the server, unless `mandatory` is set: then
    it goes to the dead letters with the reason that the server gives. So do messages that the
    server does not take for what they are: too large, a property that does not fit.

    Differs from Logstash: every message is confirmed; `mandatory` and most of what begins with
    `ssl_` are additions; with TLS the server's certificate is verified; `passive` looks for the
    exchange.
    """

    default_codec = "json"
    batching = Batching(bytes=1 << 20, events=1000)
    pipelined = True

    exchange: str = option("The exchange; an empty one is the default exchange.")
    exchange_type: str = option(
        "Its type.",
        choices=("fanout", "direct", "topic", "headers", "x-consistent-hash", "x-modulus-hash"),
    )
    durable: bool = option("Whether the exchange outlives the server.", default=True)
    key: Template = option(
        "The routing key; takes fields of the event.", default=Template("logstash")
    )
    persistent: bool = option("Whether durable queues keep messages on disk.", default=True)
    mandatory: bool = option(
        "Whether a message that is routed to no queue is refused; otherwise the server drops it.",
        default=False,
    )
    message_properties: dict[str, Any] = option(
        "Properties of the messages, such as `content_type`, `priority`, `expiration` or `headers`;"
        " values take fields of the event.",
        default={},
    )
    max_in_flight: int = option(
        "How many requests may be under way at once; their order is kept.",
        default=32,
        at_least=1,
        common=True,
    )

    _publisher: Publisher | None = None
    _suspects = 0

    def prepare(self) -> None:
        self._client = RabbitClient(self, self)
        properties = {
            name.replace("-", "_"): value for name, value in self.message_properties.items()
        }
        self._rows = Rows(self.new_codec(), self.key, properties)
        for name, value in properties.items():
            self._check(name, value)
        mode = _PERSISTENT if self.persistent else _TRANSIENT
        usual = None if self.context.problems else self._rows.properties
        self._target = Target(self.exchange, self._rows.key, usual, mode, self.mandatory)
        too_long = refusal_of(self._rows.key or "", {})
        if too_long is not None:
            self.problem("key", too_long, "give a shorter one")

    def _check(self, name: str, value: Any) -> None:
        path = (name,)
        if name not in NAMES:
            message, help = f"unknown property `{name}`", f"one of {', '.join(NAMES)}"
            self.problem("message_properties", message, help, path=path)
        elif name == "headers" or Template(str(value)).is_constant:
            if typed(name, value) is None:
                message = f"`{value}` is not a valid {name}"
                self.problem("message_properties", message, "give another value", path=path)
        elif Template(str(value)).problem is not None:
            self.problem("message_properties", str(Template(str(value)).problem), path=path)

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(self._rows.of(events), events)]

    def connect(self) -> None:
        self._disconnect()
        link = self._client.connect()
        try:
            exchange = Exchange(
                self.exchange,
                self.exchange_type,
                self.durable,
                self.passive,
                arguments_of(self.arguments),
            )
            declare_exchange(link, exchange)
            self._publisher = Publisher(link, self._target, self.context.log, self._suspects)
        except BaseException:
            link.close()
            raise
        self._suspects = 0

    def deliver(self, payload: Payload) -> Future[None] | None:
        if self._publisher is None:
            raise Disconnected("not connected")
        return self._publisher.publish(payload.data)

    def _disconnect(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()
            self._suspects = publisher.suspects

    def close(self) -> None:
        self._disconnect()
