"""The input mqtt: messages of topics, acknowledged when every output has them.

The parts: ``_mqtt_inbox`` (messages that wait and batches under way), ``_consumer_names`` (the
client id), ``clients.mqtt`` (options) and ``clients.mqtt_session`` (the connection).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ..batch import Batch, Position
from ..clients.mqtt import MqttOptions, check_options, check_qos, wrong_filter
from ..clients.mqtt_session import Session, on_message
from ..clients.tls import client_tls
from ..codec import Codec
from ..contract import Disconnected, Input, Misconfigured, Outcome
from ..declaration import Bytes, Duration, option
from ._consumer_names import ConsumerName
from ._mqtt_inbox import Inbox

_MOST = 1000
_ALL = 1 << 62
_TENDING = 0.1
_NEVER = 0xFFFFFFFF


class Mqtt(MqttOptions, Input, name="mqtt"):
    """Subscribe to topics of a broker of MQTT 3.1.1 or 5.

    Messages with QoS 1 and 2 are acknowledged to the broker when every output has them, in their
    order: a kill loses nothing, and what was under way comes again. That takes a session which the
    broker keeps, and so a client id that stays: unless `client_id` is given, one is made and kept
    below `path.data`, for these topics of this broker. With `clean_session => true` the broker
    forgets, when a connection ends, what it had for it.

    Messages with QoS 0 come as fast as they are published and are given once: while outputs take
    nothing, `qos0_buffer` bytes of them wait, and what comes on top is dropped, counted
    (`dropped_qos0`) and said in the log.

    `[@metadata][mqtt]` has `topic`, `qos`, `retain`, `duplicate` and, with MQTT 5, `properties`.
    Several processes share the messages of a topic with `topic => "$share/GROUP/TOPIC"`.

    Logstash has no such plugin of its own; options have the names of the one that its users wrote,
    but for TLS, whose options are those of all clients here.
    """

    exclusive = True
    default_codec = "json"

    topic: list[str] = option(
        "The topics; `+` stands for a level, `#` at the end for all levels below.", default=[]
    )
    topics: list[str] = option("More of them.", default=[])
    qos: int = option("The highest quality of service: 0, 1 or 2.", default=1, at_least=0)
    client_id: str | None = option(
        "The name that the broker knows the session by, which no other client may have.",
        default=None,
    )
    clean_session: bool = option(
        "Whether the broker forgets the session when the connection ends.", default=False
    )
    session_expiry: Duration | None = option(
        "Seconds that the broker keeps the session without a connection, with MQTT 5; by default"
        " for ever.",
        default=None,
        at_least=1,
    )
    receive_maximum: int = option(
        "How many messages the broker may send ahead of their acknowledgements, with MQTT 5;"
        " otherwise the broker decides.",
        default=1000,
        at_least=1,
    )
    qos0_buffer: Bytes = option(
        "How many bytes of messages with QoS 0 wait while the outputs take nothing.",
        default=Bytes(16 << 20),
        at_least=0,
    )

    _session: Session | None = None
    _name: ConsumerName | None = None
    _has_subscribed = False

    def prepare(self) -> None:
        check_options(self, self)
        check_qos(self, "qos", self.qos)
        self._check()
        self._tls = client_tls(self, self) if self.ssl_enabled else None
        self._codec = self.new_codec()
        self.replays = self.qos > 0 and not self.clean_session

    def _check(self) -> None:
        self._topics = [*self.topic, *self.topics]
        if not self._topics:
            self.problem("topic", "`topics` is empty", 'write topic => ["name"]')
        for name, topics in (("topic", self.topic), ("topics", self.topics)):
            for place, topic in enumerate(topics):
                reason = wrong_filter(topic)
                if reason:
                    self.problem(name, reason, 'such as "sensors/+/state"', path=(place,))
        if self.client_id == "":
            self.problem("client_id", "the name is empty", "remove it, or give a name")
        if self.receive_maximum > 65535:
            self.problem("receive_maximum", "it is more than MQTT allows", "write 65535 or less")
        for name in ("session_expiry", "receive_maximum"):
            if name in self.given and not self.is_5:
                self.problem(name, f"`{name}` requires mqtt_version => 5", "remove it")

    def decoder(self) -> Codec | None:
        return self._codec

    def open(self) -> None:
        self._inbox = self._new_inbox()

    def _new_inbox(self) -> Inbox:
        return Inbox(self.context, self.qos0_buffer, self.receive_maximum)

    def connect(self) -> None:
        self._leave()
        session = Session(
            self,
            self._tls,
            self._named(),
            clean=self.clean_session,
            expiry=0 if self.clean_session else int(self.session_expiry or _NEVER),
            receive_maximum=self.receive_maximum,
        )
        inbox = self._new_inbox()
        for message in self._inbox.unsure():
            inbox.add(message)
        on_message(session, inbox.add)
        try:
            session.connect()
            self._subscribe(session)
        except BaseException:
            session.close()
            raise
        self._session, self._inbox = session, inbox

    def _subscribe(self, session: Session) -> None:
        """Subscribe, but where this run has, in a session that the broker still has: it would send
        retained messages once more.
        """
        if session.is_resumed and self._has_subscribed:
            return
        if self._has_subscribed and self.replays:
            text = "the broker has lost the session: messages that it had for it are lost"
            self.context.log.warning(text)
        granted = session.subscribe(self._topics, self.qos)
        self._has_subscribed = True
        if granted < self.qos:
            text = "the broker grants QoS %d, not %d"
            self.context.log.warning(text, granted, self.qos)

    def _named(self) -> str | None:
        """The client id; None where the broker is to make one."""
        if self.client_id is not None or self.clean_session:
            return self.client_id
        if self._name is None:
            directory = self.context.data_directory / "mqtt"
            source = self.host, self.used_port, self.username, sorted(self._topics)
            try:
                self._name = ConsumerName(directory, "", "penstock", *source)
            except OSError as error:
                reason = f"no client id can be kept in `{directory}`: {error.strerror or error}"
                raise Misconfigured("topic", reason, "check path.data") from error
        return self._name.name

    def _now(self) -> Session:
        if self._session is None:
            raise Disconnected("not connected")
        return self._session

    def read(self, timeout: float) -> Batch | None:
        session, size = self._now(), self.chunk_bytes
        session.pump(lambda: self._inbox.has(4 * size, _MOST))
        batch = self._inbox.take(4 * size, _MOST)
        if batch is None and timeout > 0:
            session.wait(timeout)
            session.pump(lambda: self._inbox.has(4 * size, _MOST))
            batch = self._inbox.take(4 * size, _MOST)
            if batch is None:
                self._inbox.window.nothing_came()
        return batch

    def runs_dry(self) -> bool:
        return self._inbox.window.runs_dry()

    def flush(self) -> Batch | None:
        """All that waits: what has QoS 0 does not come again."""
        return self._inbox.take(_ALL, _ALL)

    def wake(self) -> None:
        session = self._session
        if session is not None:
            session.wake()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        session = self._session
        if session is None:
            return
        for number, qos in self._inbox.settle(outcomes, behind):
            session.client.ack(number, qos)
        session.flush()

    def tend(self, timeout: float) -> None:
        """Hear the broker, so that it knows that somebody is there. What it sends ahead of
        acknowledgements waits; where that is more than it should be, it is left in the socket.
        """
        session, end = self._now(), time.monotonic() + _TENDING
        inbox, most = self._inbox, self.receive_maximum
        session.pump(lambda: inbox.is_full(most) or time.monotonic() > end)

    def _leave(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def close(self) -> None:
        self._leave()
        name, self._name = self._name, None
        if name is not None:
            name.release()
