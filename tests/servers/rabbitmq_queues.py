"""What tests ask of RabbitMQ: messages put into queues, and what is in there."""
from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from .penstock_process import Penstock
from .written import events_in, size_of

KINDS = {
    "classic": "",
    "quorum": 'arguments => { "x-queue-type" => "quorum" }',
    "stream": 'arguments => { "x-queue-type" => "stream" }',
}
"""How a durable queue of each kind is declared in a configuration, beside `durable => true`."""


class Client:
    """A connection of a test's own, opened when it is used; from any thread, one at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._connection: Any = None
        self._channel: Any = None

    def _open(self) -> Any:
        if self._channel is None or not self._channel.is_open:
            if self._connection is None or not self._connection.is_open:
                parameters = pika.ConnectionParameters("127.0.0.1", self._port, heartbeat=0)
                self._connection = pika.BlockingConnection(parameters)
            self._channel = self._connection.channel()
            self._channel.confirm_delivery()
        return self._channel

    def do(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """What a method of the channel gives; tried again where the connection was gone."""
        with self._lock:
            try:
                return getattr(self._open(), method)(*args, **kwargs)
            except ChannelClosedByBroker:
                raise
            except AMQPError:
                self._connection = self._channel = None
                return getattr(self._open(), method)(*args, **kwargs)

    def declare(self, queue: str, kind: str = "classic", **arguments: Any) -> None:
        """A durable queue."""
        kinds = {} if kind == "classic" else {"x-queue-type": kind}
        self.do("queue_declare", queue, durable=True, arguments={**kinds, **arguments})

    def put(self, queue: str, messages: Sequence[str | bytes], **properties: Any) -> None:
        """Messages, confirmed one by one: they are there when this returns."""
        for message in messages:
            body = message.encode() if isinstance(message, str) else message
            self.do("basic_publish", "", queue, body, pika.BasicProperties(delivery_mode=2, **properties))

    def put_many(self, queue: str, messages: Sequence[str]) -> None:
        """Messages, fast: not confirmed."""
        with self._lock:
            self._open()
            channel = self._connection.channel()
            for message in messages:
                channel.basic_publish("", queue, message.encode(), pika.BasicProperties(delivery_mode=2))
            channel.close()

    def length(self, queue: str) -> int:
        """How many messages are ready."""
        return int(self.do("queue_declare", queue, passive=True).method.message_count)

    def take(self, queue: str) -> list[tuple[Any, Any, bytes]]:
        """All messages that are ready, out of the queue: delivery, properties, body."""
        found = []
        while (got := self.do("basic_get", queue, auto_ack=True))[0] is not None:
            found.append(got)
        return found

    def stream(self, queue: str) -> list[bytes]:
        """All messages of a stream; it is taken to have no more when none comes for a moment."""
        with self._lock:
            self._open()
            channel = self._connection.channel()
            channel.basic_qos(prefetch_count=1000)
            found = []
            for method, _, body in channel.consume(queue, arguments={"x-stream-offset": "first"}, inactivity_timeout=0.5):
                if method is None:
                    break
                found.append(body)
                channel.basic_ack(method.delivery_tag)
            channel.close()
            return found

    def close(self) -> None:
        with contextlib.suppress(AMQPError):
            if self._connection is not None:
                self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Reading:
    """What a pipeline reads from a queue, as lines of JSON with their metadata in ``meta``."""

    def __init__(self, directory: Path, options: str) -> None:
        self._directory, self.path = directory, directory / "arrived"
        metadata = 'filter { mutate { copy => { "[@metadata]" => "meta" } } }'
        self._config = f'input {{ rabbitmq {{ {options} }} }}\n{metadata}\noutput {{ file {{ path => "{self.path}" }} }}'

    def process(self, *options: str) -> Penstock:
        return Penstock(self._directory, self._config, *options, name="reads")

    def size(self) -> int:
        """How many bytes have arrived."""
        return size_of(self.path)

    def events(self) -> list[Any]:
        return events_in(self.path)

    def all(self, count: int, *options: str) -> list[Any]:
        """So many events, read by a process."""
        with self.process(*options) as run:
            run.until(lambda: len(self.events()) >= count, f"{count} events are read")
            run.stop()
        return self.events()
