"""A connection to a broker of MQTT, without a thread of its own: whoever has it waits for the
socket and lets the client library handle what has come.

The hard part is QoS 2. A message is the receiver's when it has answered PUBREC: the broker forgets
it then. The client library sends that at once, and hands the message over later; whoever is killed
in between has lost it. So here a message of QoS 2 is handed over when it comes, its acknowledgement
*is* PUBREC, and the rest of the exchange is done without asking anybody.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ..contract import Disconnected, Misconfigured
from ..tls import TlsContext
from ..wake_pipe import WakePipe
from .mqtt import MqttOptions, connection_refused, subscription_refused
from .tls import tls_refusal
from .tls_failures import ENDED, refused, refuses_certificate

_GOODBYE = 2.0
_READ = 1 << 16
_FAILURE = 0x80
_LIMITS = {"ReceiveMaximum": 65535, "MaximumPacketSize": 0, "MaximumQoS": 2, "RetainAvailable": 1}
"""What a broker of MQTT 5 may say of itself, and what holds where it does not."""

Published = Callable[[int, int, str], None]
"""Told of a message that was published: its number, and the reason as a number and as text."""


class ManualClient(Client):
    """The client of the library with ``ack`` as the acknowledgement of QoS 2 as well. ``packets``:
    how many have come.
    """

    packets = 0

    def _packet_handle(self) -> MQTTErrorCode:
        self.packets += 1
        return super()._packet_handle()

    def _send_pubrec(self, mid: int) -> MQTTErrorCode:
        return MQTTErrorCode.MQTT_ERR_SUCCESS  # only ``ack`` sends it

    def ack(self, mid: int, qos: int) -> MQTTErrorCode:
        """Acknowledge a message: the broker may forget it."""
        return super()._send_pubrec(mid) if qos == 2 else super().ack(mid, qos)

    def _handle_publish(self) -> MQTTErrorCode:
        result = super()._handle_publish()
        while self._in_messages:  # it keeps what has QoS 2 until PUBREL
            _, message = self._in_messages.popitem(last=False)
            self._handle_on_message(message)
        return result

    def _handle_pubrel(self) -> MQTTErrorCode:
        number = int.from_bytes(self._in_packet["packet"][:2], "big")
        super()._handle_pubrel()
        return self._send_pubcomp(number)

    def _handle_pubrec(self) -> MQTTErrorCode:
        """A message that the broker refuses (MQTT 5) is at its end: the library would go on."""
        packet = self._in_packet["packet"]
        if len(packet) < 3 or packet[2] < _FAILURE:
            return super()._handle_pubrec()
        number = int.from_bytes(packet[:2], "big")
        reason = ReasonCode(PacketTypes.PUBREC, identifier=packet[2])
        with self._out_message_mutex:
            if number in self._out_messages:
                return self._do_on_publish(number, reason, _properties(PacketTypes.PUBREC))
        return MQTTErrorCode.MQTT_ERR_SUCCESS


class Session:
    """One connection; for one thread, but for ``wake`` and the client's ``publish``.

    ``client_id``: None lets the broker choose. ``clean``: whether the broker forgets the session
    that a client of this id had. ``expiry``: seconds that it keeps this one, with MQTT 5;
    ``receive_maximum``: how many messages it may send ahead of acknowledgements, also of MQTT 5.
    """

    def __init__(
        self,
        options: MqttOptions,
        tls: TlsContext | None,
        client_id: str | None,
        *,
        clean: bool = True,
        expiry: int = 0,
        receive_maximum: int = 0,
    ) -> None:
        self._options, self._clean, self._client_id = options, clean, client_id
        self._connect_properties = _connect_properties(options, expiry, receive_maximum)
        self._pipe = WakePipe()
        self._connack: ReasonCode | None = None
        self._granted: Sequence[ReasonCode] | None = None
        self._gone: ReasonCode | None = None
        self._failure = ""
        self.is_resumed = False
        self.limits: Mapping[str, int] = {}
        self.client = self._made(tls)

    def _made(self, tls: TlsContext | None) -> ManualClient:
        options = self._options
        version = MQTTProtocolVersion.MQTTv5 if options.is_5 else MQTTProtocolVersion.MQTTv311
        client = ManualClient(
            CallbackAPIVersion.VERSION2,
            self._client_id,
            None if options.is_5 else self._clean,
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = float(options.connect_timeout)
        client.max_inflight_messages = 0  # whoever publishes counts by himself
        if options.username is not None:
            secret = None if options.password is None else str(options.password)
            client.username_pw_set(options.username, secret)
        if options.will_topic is not None:
            payload, qos, retain = options.will_payload, options.will_qos, options.will_retain
            client.will_set(options.will_topic, payload, qos, retain)
        if tls is not None:
            client.tls_set_context(tls.current())
        client.on_connect, client.on_subscribe = self._connected, self._subscribed
        client.on_disconnect, client.on_log = self._disconnected, self._logged
        client.on_socket_open = _without_delay
        client.on_socket_register_write = lambda *_: self._pipe.wake()
        return client

    def _connected(
        self, client: Any, data: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        self.is_resumed = flags.session_present
        self.limits = {name: getattr(properties, name, usual) for name, usual in _LIMITS.items()}
        self._connack = reason

    def _subscribed(
        self, client: Any, data: Any, number: int, reasons: Any, properties: Any
    ) -> None:
        self._granted = reasons

    def _disconnected(
        self, client: Any, data: Any, flags: Any, reason: ReasonCode, properties: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._gone = reason

    def _logged(self, client: Any, data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._failure = text

    def connect(self) -> None:
        """Connect, and wait for the broker's answer. Raises Disconnected, Misconfigured."""
        options = self._options
        more: dict[str, Any] = {}
        if options.is_5:
            more = {"clean_start": self._clean, "properties": self._connect_properties}
        keep_alive = int(options.keep_alive)
        try:
            self.client.connect(options.host, options.used_port, keep_alive, **more)
        except ssl.SSLError as error:
            raise tls_refusal(error) from error
        except socket.gaierror as error:
            text = f"`{options.host}` cannot be resolved: {error.strerror}"
            raise Disconnected(text) from error
        except OSError as error:
            ended = options.ssl_enabled and isinstance(error, ConnectionResetError)
            reason = ENDED if ended else error.strerror or error
            raise Disconnected(f"{self._place}: {reason}") from error
        self._await(lambda: self._connack is not None, "to the connection")
        self.client.on_log = None  # it costs, and only says why a connection ends at its start
        assert self._connack is not None
        if self._connack.is_failure:
            raise connection_refused(self._connack)

    def subscribe(self, topics: Sequence[str], qos: int) -> int:
        """Subscribe to topics; the lowest quality of service that was granted. Raises
        Disconnected, Misconfigured.
        """
        wanted: Any = [(topic, qos) for topic in topics]
        if self._options.is_5:
            if_new = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
            how = SubscribeOptions(qos=qos, retainHandling=if_new)
            wanted = [(topic, how) for topic in topics]
        self.client.subscribe(wanted)
        self._await(lambda: self._granted is not None, "to the subscription")
        assert self._granted is not None
        for topic, reason in zip(topics, self._granted, strict=False):
            if reason.is_failure:
                raise subscription_refused(topic, reason)
        return min(reason.value for reason in self._granted)

    def _await(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + float(self._options.connect_timeout)
        while True:
            try:
                self.pump()
            except Disconnected:
                if not holds():
                    raise
            if holds():
                return
            left = end - time.monotonic()
            if left <= 0:
                text = f"no answer {what} in {self._options.connect_timeout:.0f} s"
                raise Disconnected(f"{self._place}: {text}")
            self.wait(left)

    def pump(self, enough: Callable[[], bool] = lambda: False) -> None:
        """Handle what has come, until it is ``enough``, and send what waits. Raises Disconnected,
        Misconfigured.
        """
        client = self.client
        while not enough():
            before = client.packets
            if client.loop_read():
                raise self._lost()
            if client.packets == before:
                break
        self.flush()
        if client.loop_misc():
            raise self._lost()

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        if self.client.want_write() and self.client.loop_write():
            raise self._lost()

    def wait(self, timeout: float) -> None:
        """Wait until something comes, or can be sent, or ``wake``; up to so many seconds."""
        connection = self.client.socket()
        if connection is None or (isinstance(connection, ssl.SSLSocket) and connection.pending()):
            return
        descriptor = connection.fileno()
        writing = (descriptor,) if self.client.want_write() else ()
        self._pipe.wait(timeout, (descriptor,), writing)

    def wake(self) -> None:
        """End a wait, from any thread."""
        self._pipe.wake()

    def _lost(self) -> Misconfigured | Disconnected:
        if refuses_certificate(self._failure):
            return Misconfigured("ssl_certificate", *refused(self._failure))
        if self._gone is not None:
            return Disconnected(f"the broker ended the connection: {self._gone.getName()}")
        if self._connack is None:
            return Disconnected(f"the broker ended the connection before it answered{self._hint}")
        return Disconnected("the connection was lost")

    @property
    def _place(self) -> str:
        return f"{self._options.host} port {self._options.used_port}"

    @property
    def _hint(self) -> str:
        """What most often is the matter when a broker says nothing at all."""
        return "" if self._options.ssl_enabled else "; if the port is for TLS, set `ssl_enabled`"

    def close(self) -> None:
        """Say goodbye, so that there is no last will, with all acknowledgements before it."""
        client = self.client
        end = time.monotonic() + _GOODBYE
        kept = self._kept() if client.is_connected() else None
        try:
            if client.is_connected():
                client.disconnect()
            while client.want_write() and client.socket() and time.monotonic() < end:
                if client.loop_write():
                    break
                self.wait(0.1)
        finally:
            client.on_socket_register_write = None
            connection = client.socket()
            if connection is not None:
                connection.close()
            if kept is not None:
                _close_behind(kept, end)

    def _kept(self) -> socket.socket | None:
        """The connection once more: the library closes its own as soon as it has said goodbye."""
        connection = self.client.socket()
        return None if connection is None else socket.socket(fileno=os.dup(connection.fileno()))


def _close_behind(connection: socket.socket, end: float) -> None:
    """Close a connection when the broker has, or the time is over. With bytes that nobody has read
    the system would reset it, and the broker would miss acknowledgements that were sent before.
    """
    with connection, contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_GOODBYE)
        while connection.recv(_READ) and time.monotonic() < end:
            pass


def _connect_properties(
    options: MqttOptions, expiry: int, receive_maximum: int
) -> Properties | None:
    if not options.is_5:
        return None
    properties: Any = _properties(PacketTypes.CONNECT)
    if expiry:
        properties.SessionExpiryInterval = expiry
    if receive_maximum:
        properties.ReceiveMaximum = receive_maximum
    made: Properties = properties
    return made


def _properties(kind: int) -> Properties:
    made: Properties = Properties(kind)  # type: ignore[no-untyped-call]
    return made


def _without_delay(client: Any, data: Any, connection: Any) -> None:
    """An acknowledgement is small, and must not wait for others."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


Arrived = Callable[[MQTTMessage], None]


def on_message(session: Session, arrived: Arrived) -> None:
    """Have a function called with each message that comes."""
    session.client.on_message = lambda client, data, message: arrived(message)


def on_published(session: Session, published: Published) -> None:
    """Have a function called with each message that the broker has, or refuses."""

    def call(client: Any, data: Any, number: int, reason: Any, properties: Any) -> None:
        published(number, reason.value, reason.getName() if reason.value else "")

    session.client.on_publish = call
