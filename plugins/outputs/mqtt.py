"""The output mqtt: messages to topics of a broker, many under way, in order.

The parts: ``_mqtt_publishing`` (what is under way), ``clients.mqtt`` (options) and
``clients.mqtt_session`` (the connection).
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.mqtt import MqttOptions, check_options, check_qos, wrong_name
from ..clients.mqtt_session import Session
from ..clients.tls import client_tls
from ..contract import Batching, Disconnected, Misconfigured, Output
from ..declaration import Bytes, option
from ._mqtt_publishing import Publishing

_LARGEST = 268_435_455
_MOST, _MOST_UNTOLD = 8000, 20


class Mqtt(MqttOptions, Output, name="mqtt"):
    """Publish events to topics of a broker of MQTT 3.1.1 or 5.

    With QoS 1 and 2 an event counts as delivered when the broker has acknowledged it (PUBACK,
    PUBCOMP), and not before; what was not acknowledged when a connection ended is published again.
    With QoS 0 nobody acknowledges: it counts as delivered when it was written to the connection.

    A broker of MQTT 5 says what it refuses: such an event is a dead letter, or is tried again where
    the reason may pass; a `topic` without fields that may not be used is to blame itself. A broker
    of MQTT 3.1.1 cannot say that: it drops a message that it acknowledged, or ends the connection.
    So give `maximum_packet_size` where it has a limit; MQTT 5 tells it.

    Logstash has no such plugin of its own; options have the names of the one that its users wrote,
    but for TLS, whose options are those of all clients here.
    """

    default_codec = "json"
    batching = Batching(bytes=1 << 20, events=1000)
    pipelined = True

    topic: Template = option("The topic; takes fields of the event.")
    qos: int = option("The quality of service: 0, 1 or 2.", default=1, at_least=0)
    retain: bool = option(
        "Whether the broker keeps the last message of a topic for later subscribers.", default=False
    )
    client_id: str | None = option(
        "The name of this client, which no other may have; by default the broker makes one.",
        default=None,
    )
    max_inflight_messages: int | None = option(
        "How many messages may be under way and not acknowledged; no more than a broker of MQTT 5"
        " asks for. Default: 8000, and with QoS 2 and MQTT 3.1.1 the 20 that Mosquitto takes unless"
        " it is told otherwise: a broker ends the connection for more, and cannot say why.",
        default=None,
        at_least=1,
    )
    maximum_packet_size: Bytes | None = option(
        "The largest message that the broker takes, with its topic; larger ones are dead letters.",
        default=None,
        at_least=1,
    )
    max_in_flight: int = option(
        "How many requests may be under way at once; their order is kept.",
        default=8,
        at_least=1,
        common=True,
    )

    _publishing: Publishing | None = None

    def prepare(self) -> None:
        check_options(self, self)
        check_qos(self, "qos", self.qos)
        self._constant = self.topic.text if self.topic.is_constant else None
        if self._constant is not None and (reason := wrong_name(self._constant)):
            self.problem("topic", reason, 'such as "sensors/%{room}"')
        if self.client_id == "":
            self.problem("client_id", "the name is empty", "remove it, or give a name")
        is_untold = self.qos == 2 and not self.is_5
        self._most = self.max_inflight_messages or (_MOST_UNTOLD if is_untold else _MOST)
        if self._most > 65535:
            help = "write 65535 or less"
            self.problem("max_inflight_messages", "it is more than MQTT allows", help)
        self._tls = client_tls(self, self) if self.ssl_enabled else None
        self._encode = self.new_codec().encode_messages

    def pack(self, events: list[Event]) -> list[Payload]:
        values: Any = self._encode(events)
        if self._constant is None:
            render = self.topic.render
            values = [[render(event), value] for event, value in zip(events, values, strict=True)]
        return [Payload(values, events)]

    def connect(self) -> None:
        self.close()
        session = Session(self, self._tls, self.client_id)
        try:
            session.connect()
            self._check(session)
        except BaseException:
            session.close()
            raise
        limits = session.limits
        sizes = (self.maximum_packet_size, limits["MaximumPacketSize"], _LARGEST)
        self._publishing = Publishing(
            self.context,
            session,
            qos=self.qos,
            retain=self.retain,
            most=min(self._most, limits["ReceiveMaximum"]),
            topic=self._constant,
            largest=min(size for size in sizes if size),
        )
        self._publishing.start()

    def _check(self, session: Session) -> None:
        """Compare the options with what the broker says of itself."""
        most = session.limits["MaximumQoS"]
        if most < self.qos:
            reason = f"the broker takes no more than {most}"
            raise Misconfigured("qos", reason, "write that number")
        if self.retain and not session.limits["RetainAvailable"]:
            raise Misconfigured("retain", "the broker keeps no messages", "remove it")

    def deliver(self, payload: Payload) -> Future[None]:
        publishing = self._publishing
        if publishing is None:
            raise Disconnected("not connected")
        if self._constant is None:
            return publishing.publish(payload.data)
        return publishing.publish([(self._constant, value) for value in payload.data])

    def close(self) -> None:
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            publishing.close()
