"""Messages of MQTT that have come and are not yet in a batch, and batches that are not yet
acknowledged.

What has QoS 1 or 2 is bounded by the broker's window. What has QoS 0 comes as fast as others
publish it, read or not: so much of it waits here, and what comes on top is dropped and counted.
A broker gives nothing again while a connection lasts: a batch that failed is given again from here.
Acknowledgements go in the order of the messages, as MQTT asks for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

from paho.mqtt.client import MQTTMessage

from ..batch import Batch, Chunk, Part, Position
from ..context import Context
from ..contract import Outcome

PARTITION = "mqtt"
_OVERHEAD = 500


class Held(NamedTuple):
    """A batch under way: the connection it came by, how many messages came by that up to its end,
    its bytes, and the numbers and QoS of messages that are to be acknowledged.
    """

    connection: str
    offset: int
    chunk: Chunk
    acknowledgements: list[tuple[int, int]]

    def batch(self) -> Batch:
        """The batch, for the runtime."""
        part = Part(PARTITION, Position(self.connection, self.offset))
        return Batch(chunks=[self.chunk], token=self, parts=[part], bytes=len(self.chunk.data))


class Window:
    """How many messages the broker sends ahead of acknowledgements: what it was asked for at most,
    and often less (mosquitto sends 20), which it does not tell. It is what was under way when
    nothing more came, until more is.
    """

    def __init__(self, most: int) -> None:
        self._most = self._size = most
        self._given = self._acknowledged = self._asked = 0

    def give(self, count: int) -> None:
        """So many more are under way."""
        self._given += count
        under_way = self._given - self._acknowledged
        if under_way > self._size:
            self._size = min(self._most, 2 * under_way)

    def acknowledge(self, count: int) -> None:
        """So many were acknowledged."""
        self._acknowledged += count

    def nothing_came(self) -> None:
        """What is under way may be all that the broker sends."""
        under_way = self._given - self._acknowledged
        if under_way:
            self._size = min(self._size, under_way)

    def runs_dry(self) -> bool:
        """Whether half of it was given since the last time, or since what was acknowledged."""
        if self._given - max(self._acknowledged, self._asked) < max(self._size // 2, 1):
            return False
        self._asked = self._given
        return True


class Inbox:
    """The messages of one connection. ``limit``: how many bytes of QoS 0 may wait, and about as
    many of the others; ``most``: how many messages may be under way at most; ``owed``: how many
    messages wait that are to be acknowledged.
    """

    def __init__(self, context: Context, limit: int, most: int) -> None:
        self._context, self._limit = context, limit
        self.window = Window(most)
        self._dropped = context.metrics.counter("dropped_qos0")
        self._connection = uuid4().hex
        self._count = 0
        self._arrived: deque[MQTTMessage] = deque()
        self._bytes = self._unsure_bytes = 0
        self.owed = 0
        self._held: deque[Held] = deque()
        self._again: list[Held] = []
        self._origins: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def add(self, message: MQTTMessage) -> None:
        """A message has come."""
        size = len(message.payload) + _OVERHEAD
        if message.qos == 0:
            if self._unsure_bytes + size > self._limit:
                self._drop()
                return
            self._unsure_bytes += size
        else:
            self.owed += 1
        self._bytes += size
        self._arrived.append(message)

    def unsure(self) -> Iterable[MQTTMessage]:
        """Those messages that wait and that nobody sends again: they have QoS 0."""
        return [message for message in self._arrived if message.qos == 0]

    def _drop(self) -> None:
        self._dropped.add()
        text = "messages with QoS 0 come faster than the outputs take them: %d dropped so far"
        self._context.log.warning(text, self._dropped.value)

    def has(self, size: int, most: int) -> bool:
        """Whether that many bytes or messages wait."""
        return self._bytes >= size or len(self._arrived) >= most

    def is_full(self, most: int) -> bool:
        """Whether so many messages wait that are to be acknowledged, or as many bytes of them as of
        those with QoS 0 may.
        """
        return self.owed >= most or self._bytes - self._unsure_bytes >= self._limit

    def take(self, size: int, most: int) -> Batch | None:
        """The next batch, of about so many bytes and up to so many messages: one that failed, or
        what has come.
        """
        if self._again:
            return self._again.pop(0).batch()
        messages: list[MQTTMessage] = []
        taken = 0
        while self._arrived and taken < size and len(messages) < most:
            message = self._arrived.popleft()
            length = len(message.payload) + _OVERHEAD
            taken += length
            if message.qos == 0:
                self._unsure_bytes -= length
            else:
                self.owed -= 1
            messages.append(message)
        if not messages:
            return None
        self._bytes -= taken
        return self._hold(messages).batch()

    def _hold(self, messages: list[MQTTMessage]) -> Held:
        self._count += len(messages)
        acknowledgements = [(message.mid, message.qos) for message in messages if message.qos]
        self.window.give(len(acknowledgements))
        held = Held(self._connection, self._count, self._chunk(messages), acknowledgements)
        self._held.append(held)
        return held

    def _chunk(self, messages: list[MQTTMessage]) -> Chunk:
        payloads = [bytes(message.payload) for message in messages]
        return Chunk.of_messages(payloads, [self._origin(message) for message in messages])

    def _origin(self, message: MQTTMessage) -> Mapping[str, Any]:
        """The fields that say where a message comes from; the same object for those that are
        alike.
        """
        topic = _topic(message)
        properties = _properties(message.properties) if message.properties is not None else None
        key = topic, message.qos, message.retain, message.dup
        found = self._origins.get(key) if not properties else None
        if found is None:
            fields: dict[str, Any] = {
                "topic": topic,
                "qos": message.qos,
                "retain": bool(message.retain),
                "duplicate": bool(message.dup),
            }
            if properties:
                return {"@metadata": {"mqtt": fields | {"properties": properties}}}
            if len(self._origins) > 1000:
                self._origins.clear()
            found = self._origins[key] = {"@metadata": {"mqtt": fields}}
        return found

    def settle(
        self, outcomes: Iterable[Outcome], behind: Mapping[str, Position]
    ) -> list[tuple[int, int]]:
        """What may be acknowledged now, in order; what has failed will be taken again."""
        failed = [token for token, error in outcomes if error is not None]
        self._again += [held for held in failed if held.connection == self._connection]
        self._again.sort(key=lambda held: held.offset)
        position = behind.get(PARTITION)
        if position is None or position.incarnation != self._connection:
            return []
        found: list[tuple[int, int]] = []
        while self._held and self._held[0].offset <= position.offset:
            found += self._held.popleft().acknowledgements
        self.window.acknowledge(len(found))
        return found


def _topic(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:  # no broker should let it pass
        return "\N{REPLACEMENT CHARACTER}"


_PROPERTIES = {
    "PayloadFormatIndicator": "payload_format",
    "MessageExpiryInterval": "message_expiry",
    "ContentType": "content_type",
    "ResponseTopic": "response_topic",
    "CorrelationData": "correlation_data",
}


def _properties(found: Any) -> dict[str, Any]:
    """The properties that a message of MQTT 5 has; of several of a user with one name, the last."""
    given = vars(found)
    fields = {name: given[key] for key, name in _PROPERTIES.items() if key in given}
    if "correlation_data" in fields:
        fields["correlation_data"] = fields["correlation_data"].hex()
    if "UserProperty" in given:
        fields["user"] = dict(given["UserProperty"])
    return fields
