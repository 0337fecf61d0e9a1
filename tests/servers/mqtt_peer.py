"""Other clients of a broker of MQTT: one that publishes, one that listens, and sessions that are made in advance."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Self
from uuid import uuid4

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from .process import LOOPBACK

_LONGEST = 120.0


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _LONGEST
    while not holds():
        assert time.monotonic() < end, f"not in {_LONGEST} s: {what}"
        time.sleep(0.01)


class Peer:
    """A client with a thread of its own. ``messages``: what it has heard."""

    def __init__(self, port: int, name: str = "", *, clean: bool = True, version: str = "5", tls: Any = None) -> None:
        is_5 = version == "5"
        self._version = MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311
        self.client = Client(CallbackAPIVersion.VERSION2, name or f"peer-{uuid4().hex[:12]}", None if is_5 else clean, protocol=self._version)
        self.client.max_inflight_messages = 500
        self.messages: list[MQTTMessage] = []
        self._lock = threading.Lock()
        self._subscribed: list[Any] = []
        self.client.on_message = self._heard
        self.client.on_subscribe = lambda client, data, mid, reasons, properties: self._subscribed.append(reasons)
        more: dict[str, Any] = {}
        if is_5:
            properties = Properties(PacketTypes.CONNECT)
            if not clean:
                properties.SessionExpiryInterval = 3600
            more = {"clean_start": clean, "properties": properties}
        self.client.connect(LOOPBACK, port, **more)

    def _heard(self, client: Any, data: Any, message: MQTTMessage) -> None:
        with self._lock:
            self.messages.append(message)

    def subscribe(self, topic: str, qos: int = 2) -> Self:
        """Subscribe, and wait until the broker says so."""
        count = len(self._subscribed)
        until(self.client.is_connected, "the peer is connected")
        self.client.subscribe(topic, qos)
        until(lambda: len(self._subscribed) > count, "the broker takes the subscription")
        return self

    def publish(self, topic: str, payloads: Sequence[str | bytes], qos: int = 1, retain: bool = False, properties: Any = None) -> None:
        """Publish, and wait until the broker has all of it."""
        found = [self.client.publish(topic, payload, qos, retain, properties) for payload in payloads]
        for each in found:
            each.wait_for_publish(_LONGEST)

    def heard(self) -> list[str]:
        """The payloads that it has heard, in their order."""
        with self._lock:
            return [message.payload.decode() for message in self.messages]

    def __enter__(self) -> Self:
        self.client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def make_session(port: int, client_id: str, topic: str, version: str = "3.1.1", qos: int = 2) -> None:
    """Have the broker keep a session with a subscription, as an input leaves it behind when it ends."""
    with Peer(port, client_id, clean=False, version=version) as peer:
        peer.subscribe(topic, qos)
