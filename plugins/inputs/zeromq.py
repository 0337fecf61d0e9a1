"""The input zeromq: messages of peers, which are answered with the topology ``reqrep``.

A socket is not for several threads, and answers come from any: they wait in a queue until the
thread that serves sends them. A request is taken by a socket that can have many open at once
(ROUTER), rather than by one that must answer before it hears the next (REP): to the client that is
the same.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import zmq

from ...dsl.reference import Event, FieldRef
from ..batch import Batch, Chunk, Part
from ..clients.zeromq import BUSY, FAILED, OK, SocketOptions, ZeroMqOptions, check_options
from ..clients.zeromq_socket import Socket, is_full
from ..codec import Codec
from ..contract import Ecs, Emit, Listener
from ..declaration import option
from ..wake_pipe import WakePipe

_KINDS = {
    "pushpull": zmq.SocketType.PULL,
    "pubsub": zmq.SocketType.SUB,
    "pair": zmq.SocketType.PAIR,
    "reqrep": zmq.SocketType.ROUTER,
}
_MOST = 1000
_LOOKS = 1.0
_LONGEST_GOODBYE = 2.0
_MOMENT = 100
"""Milliseconds."""

Envelope = Sequence[bytes]


class ZeroMq(Ecs, SocketOptions, ZeroMqOptions, Listener, name="zeromq"):
    """Take messages of peers over ZeroMQ.

    `topology => "reqrep"` answers each message when every output has it: `ok`, or `failed` where an
    output gave it up, `busy` while the pipeline stops. A client that sends again what was not
    answered with `ok` loses nothing. With the other topologies nobody is answered: a message that
    was received counts as delivered for its sender, and a kill loses what was on its way.

    While outputs take nothing, nothing is read: messages wait in the socket, up to its high-water
    mark (`"ZMQ::RCVHWM"`, 1000 unless it is set), then with the peers.

    Of a message with several parts the first is its topic, as publishers send it: it goes to
    `topic_field` and to `[@metadata][zeromq][topic]`, and each other part is a payload. `[host]`
    has the name of this machine, unless an event has that field.

    Differs from Logstash: `reqrep`, `curve_…` and `connect_timeout` are additions, and `bind` and
    `connect` may be written for `server` and `client`; `sender` has no effect, as in Logstash.
    """

    default_codec = "json"
    holds = True

    address: list[str] = option("The addresses.", default=["tcp://*:2120"])
    mode: str = option(
        "Whether it binds the addresses (`server`, `bind`) or connects to them.",
        default="server",
        choices=("server", "client", "bind", "connect"),
    )
    topic: list[str] = option(
        "The topics to subscribe to, by their beginnings; default: all. With `pubsub`.",
        default=[],
    )
    topic_field: FieldRef = option("The field for the topic.", default=FieldRef("topic"))
    sender: str | None = option("Has no effect.", default=None)

    _made: Socket | None = None

    def prepare(self) -> None:
        check_options(self, self)
        if self.topic and self.topology != "pubsub":
            self.problem("topic", "`topic` requires topology => pubsub", "remove it")
        self._codec = self.new_codec()
        name = socket.gethostname()
        self._host: Mapping[str, Any] = {"host": {"name": name} if self.ecs else name}
        self._answers_requests = self.topology == "reqrep"
        self.prompt = self.replays = self._answers_requests
        self._pipe = WakePipe()
        self._answers: deque[tuple[Sequence[Envelope], bytes]] = deque()

    def decoder(self) -> Codec | None:
        return self._codec

    def claims(self) -> dict[str, str]:
        return {"address": f"address {self.address[0]}"} if self.binds and self.address else {}

    def connect(self) -> None:
        self.close()
        self._made = Socket(self, _KINDS[self.topology])

    def wake(self) -> None:
        self._pipe.wake()

    def serve(self, emit: Emit, stop: threading.Event) -> None:
        assert self._made is not None
        made = self._made.socket
        descriptor = int(made.getsockopt(zmq.FD))
        has_ended = False
        while not stop.is_set():
            self._send_answers(made)
            if emit.is_stopping and not has_ended:
                self._hand_over(made, emit, stop)
                emit.end()
                has_ended = True
            if not self._take(made, emit, stop):
                self._pipe.wait(_LOOKS, (descriptor,))
        self._send_answers(made)

    def _take(self, made: zmq.Socket[bytes], emit: Emit, stop: threading.Event) -> bool:
        """Emit what has come; whether something had."""
        if emit.is_stopping and not self._answers_requests:
            return False
        messages, envelopes = self._received(made)
        if not messages:
            return False
        if emit.is_stopping and self._answers_requests:
            self._answer(envelopes, BUSY)
        else:
            self._emit(made, messages, envelopes, emit, stop)
        return True

    def _hand_over(self, made: zmq.Socket[bytes], emit: Emit, stop: threading.Event) -> None:
        """The pipeline is to stop: emit what has come and nobody sends again, until nothing more
        comes for a moment, but not for ever.
        """
        end = time.monotonic() + _LONGEST_GOODBYE
        while not self._answers_requests and not stop.is_set() and time.monotonic() < end:
            messages, _ = self._received(made)
            if messages:
                self._emit(made, messages, [], emit, stop)
            elif not made.poll(_MOMENT):
                return

    def _received(
        self, made: zmq.Socket[bytes]
    ) -> tuple[list[tuple[bytes, bytes | None]], list[Envelope]]:
        """What the socket has now, as payloads with their topics, up to a batch of it; and the
        envelopes of requests.
        """
        messages: list[tuple[bytes, bytes | None]] = []
        envelopes: list[Envelope] = []
        size = 0
        while size < 4 * self.chunk_bytes and len(messages) < _MOST:
            try:
                frames = made.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError as error:
                if is_full(error):
                    break
                raise
            if self._answers_requests:
                envelope, frames = _opened(frames)
                envelopes.append(envelope)
            topic = frames[0] if len(frames) > 1 else None
            payloads = frames[1:] if len(frames) > 1 else frames
            messages += [(payload, topic) for payload in payloads]
            size += sum(map(len, payloads))
        return messages, envelopes

    def _emit(
        self,
        made: zmq.Socket[bytes],
        messages: list[tuple[bytes, bytes | None]],
        envelopes: list[Envelope],
        emit: Emit,
        stop: threading.Event,
    ) -> None:
        batch = self._batch(messages)

        def answer(error: Exception | None) -> None:
            self._answer(envelopes, OK if error is None else FAILED)

        while not emit(batch, answer if envelopes else None):
            if stop.is_set() or (envelopes and emit.is_stopping):
                self._answer(envelopes, BUSY)
                return
            emit.when_free(self._pipe.wake)
            self._pipe.wait(_LOOKS)
            self._send_answers(made)

    def _batch(self, messages: list[tuple[bytes, bytes | None]]) -> Batch:
        known: dict[bytes | None, Mapping[str, Any]] = {None: self._host}
        for topic in {topic for _, topic in messages} - known.keys():
            known[topic] = self._origin(topic or b"")
        payloads = [payload for payload, _ in messages]
        chunk = Chunk.of_messages(payloads, [known[topic] for _, topic in messages])
        return Batch(chunks=[chunk], parts=[Part(self.name)], bytes=len(chunk.data))

    def _origin(self, topic: bytes) -> Mapping[str, Any]:
        name = topic.decode("utf-8", "backslashreplace")
        fields: Event = {"@metadata": {"zeromq": {"topic": name}}, **self._host}
        self.topic_field.set(fields, name)
        return fields

    def _answer(self, envelopes: Sequence[Envelope], text: bytes) -> None:
        if envelopes:
            self._answers.append((envelopes, text))
            self._pipe.wake()

    def _send_answers(self, made: zmq.Socket[bytes]) -> None:
        while self._answers:
            envelopes, text = self._answers.popleft()
            for envelope in envelopes:
                made.send_multipart([*envelope, text])

    def close(self) -> None:
        made, self._made = self._made, None
        self._answers.clear()
        if made is not None:
            made.close()


def _opened(frames: list[bytes]) -> tuple[Envelope, list[bytes]]:
    """A request as its envelope, up to the empty part behind it, and the parts of its message."""
    end = frames.index(b"", 1) + 1 if b"" in frames[1:] else 1
    return frames[:end], frames[end:] or [b""]
