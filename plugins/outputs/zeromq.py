"""The output zeromq: messages to peers, which answer with the topology ``reqrep``.

Requests go out many at once, through a socket that need not wait for one answer before it sends the
next (DEALER). Each carries a number in its envelope, which the other side gives back with its
answer, so that it is known what has arrived.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from typing import Any

import zmq

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.zeromq import BUSY, FAILED, SocketOptions, ZeroMqOptions, check_options
from ..clients.zeromq_socket import Socket, is_full
from ..contract import Batching, Disconnected, Output, Retry
from ..declaration import Duration, option

_KINDS = {
    "pushpull": zmq.SocketType.PUSH,
    "pubsub": zmq.SocketType.PUB,
    "pair": zmq.SocketType.PAIR,
    "reqrep": zmq.SocketType.DEALER,
}
_PATIENCE = 1000
"""Milliseconds that are waited at a time."""

_WINDOW = 500


class ZeroMq(SocketOptions, ZeroMqOptions, Output, name="zeromq"):
    """Send events to peers over ZeroMQ, each as a message.

    With `topology => "reqrep"` an event counts as delivered when a peer has answered, with anything
    but `failed` or `busy`; what was not answered within `reply_timeout`, or when a connection ends,
    is sent again. With the other topologies an event counts as delivered when the socket has it,
    which nobody else needs to have: a kill loses up to as many messages as its high-water mark
    (`"ZMQ::SNDHWM"`, 1000 unless it is set). `pushpull` and `pair` wait for a peer with room;
    `pubsub` drops what a subscriber does not take, and all of it where there is none.

    With `pubsub` a message has two parts, the topic and the event.

    Differs from Logstash: `reqrep`, `curve_…`, `reply_timeout` and `connect_timeout` are additions,
    and `bind` and `connect` may be written for `server` and `client`.
    """

    default_codec = "json"
    batching = Batching(bytes=1 << 20, events=1000)

    address: list[str] = option("The addresses.", default=["tcp://127.0.0.1:2120"])
    mode: str = option(
        "Whether it binds the addresses (`server`, `bind`) or connects to them.",
        default="client",
        choices=("server", "client", "bind", "connect"),
    )
    topic: Template = option("The topic, with `pubsub`.", default=Template(""))
    reply_timeout: Duration = option(
        "Seconds that an answer may take, with `reqrep`.", default=Duration(30), at_least=0
    )

    _made: Socket | None = None

    def prepare(self) -> None:
        check_options(self, self)
        self._publishes = self.topology == "pubsub"
        if "topic" in self.given and not self._publishes:
            self.problem("topic", "`topic` requires topology => pubsub", "remove it")
        if "reply_timeout" in self.given and self.topology != "reqrep":
            help = "remove it"
            self.problem("reply_timeout", "`reply_timeout` requires topology => reqrep", help)
        self._encode = self.new_codec().encode_messages
        self._lock = threading.Lock()
        self._numbers = count()
        if self.binds:
            self.exclusive = True

    def claims(self) -> dict[str, str]:
        return {"address": f"address {self.address[0]}"} if self.binds and self.address else {}

    def pack(self, events: list[Event]) -> list[Payload]:
        values: Any = self._encode(events)
        if self._publishes:
            topic = self.topic.render
            values = [[topic(event), value] for event, value in zip(events, values, strict=True)]
        return [Payload(values, events)]

    def connect(self) -> None:
        with self._lock:
            self._leave()
            watched = self.topology == "reqrep"
            self._made = Socket(self, _KINDS[self.topology], watched=watched)

    def deliver(self, payload: Payload) -> None:
        with self._lock:
            if self._made is None:
                raise Disconnected("not connected")
            if self.topology == "reqrep":
                self._request(self._made, payload.data)
            else:
                self._send_all(self._made.socket, payload.data)

    def _send_all(self, made: zmq.Socket[bytes], items: Sequence[Any]) -> None:
        for index, item in enumerate(items):
            frames = [item[0].encode("utf-8", "replace"), item[1]] if self._publishes else [item]
            if not _sent(made, frames) and not (
                made.poll(_PATIENCE, zmq.POLLOUT) and _sent(made, frames)
            ):
                left = range(index, len(items))
                raise Retry("no peer takes messages", left, after=0.0)

    def _request(self, made: Socket, items: Sequence[bytes]) -> None:
        """Send requests, no more than a window of them without an answer, until all are answered.
        Raises Retry with those that are not.
        """
        made.has_lost_a_peer()  # what became of a connection before is of no account
        open_requests: dict[bytes, int] = {}
        left, again = deque(range(len(items))), list[int]()
        patience = float(self.reply_timeout)
        heard, lost = time.monotonic(), False
        while left or open_requests:
            while left and len(open_requests) < _WINDOW:
                number = b"%d" % next(self._numbers)
                if not _sent(made.socket, [number, b"", items[left[0]]]):
                    break
                open_requests[number] = left.popleft()
            has_heard = self._hear(made, open_requests, again)
            lost = made.has_lost_a_peer() or lost
            if has_heard:
                heard = time.monotonic()
            elif lost or time.monotonic() - heard > patience:
                self._leave()
                unanswered = sorted([*open_requests.values(), *left, *again])
                raise Retry("a peer has gone, or does not answer", unanswered, after=0.0)
        if again:
            raise Retry("the peer is busy, or could not deliver", again)

    def _hear(self, made: Socket, open_requests: dict[bytes, int], again: list[int]) -> bool:
        """Take the answers that are there, waiting for a moment; whether there was one."""
        if not _wait(made, _PATIENCE):
            return False
        has_heard = False
        while True:
            try:
                frames = made.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError as error:
                if is_full(error):
                    return has_heard
                raise
            has_heard = True
            index = open_requests.pop(frames[0], None)
            if index is not None and frames[-1] in (BUSY, FAILED):
                again.append(index)

    @property
    def tending_is_due(self) -> bool:
        return self._made is not None and self._made.monitor is not None

    def tend(self, timeout: float) -> None:
        """Pass over news of connections, which must not pile up while nothing is sent."""
        with self._lock:
            if self._made is not None:
                self._made.has_lost_a_peer()

    def _leave(self) -> None:
        made, self._made = self._made, None
        if made is not None:
            made.close()

    def close(self) -> None:
        self._leave()


def _sent(made: zmq.Socket[bytes], frames: list[bytes]) -> bool:
    """Whether the socket took a message."""
    try:
        made.send_multipart(frames, zmq.NOBLOCK)
    except zmq.ZMQError as error:
        if is_full(error):
            return False
        raise
    return True


def _wait(made: Socket, milliseconds: int) -> bool:
    """Wait for an answer, or for news of the connections; whether there is an answer."""
    watched = [(made.socket, zmq.POLLIN)]
    if made.monitor is not None:
        watched.append((made.monitor, zmq.POLLIN))
    ready = dict(zmq.zmq_poll(watched, milliseconds))
    return made.socket in ready
