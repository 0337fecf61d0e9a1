"""One connection to RabbitMQ with one channel, driven by whoever owns it.

The client library's own loop is not left running by itself: its owner lets it take a ``step``
whenever it waits anyway. So what comes needs no lock and no second thread, and heartbeats are kept
as long as steps are taken, about once a second. Only ``wake`` and ``call`` may be used from another
thread than the one that steps.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

from ..errors import Disconnected
from .rabbitmq_errors import as_ours

_LAST_TRY = 3.0
ANSWER_WITHIN = 30.0
"""Seconds after which a server that does not answer counts as gone."""

_STEP = 0.2
_GOODBYE = 2.0

# The library logs each failure with a traceback; what it means is said by whoever uses it.
logging.getLogger("pika").setLevel(logging.CRITICAL)


class Link:
    """A connection that is open after ``open``. ``lost``: why it, or its channel, is gone;
    ``blocked``: why the server takes no messages for now; ``wait_to_consume``: seconds before the
    next try, where it has ended a consumer.
    """

    channel: Channel | None = None

    def __init__(self, parameters: pika.ConnectionParameters) -> None:
        self._parameters = parameters
        self._loop = IOLoop()
        self._loop.activate_poller()
        self._connection: pika.SelectConnection | None = None
        self._is_closed = self._is_woken = False
        self.lost: BaseException | None = None
        self.blocked = ""
        self.wait_to_consume: float | None = None

    def open(self, stopping: threading.Event) -> None:
        """Connect and log in. Raises Disconnected, Misconfigured."""
        opened: list[object] = []
        self._connection = pika.SelectConnection(
            self._parameters,
            on_open_callback=opened.append,
            on_open_error_callback=self._on_lost,
            on_close_callback=self._on_lost,
            custom_ioloop=self._loop,
        )
        self._await(opened, stopping)
        self._connection.add_on_connection_blocked_callback(self._on_blocked)
        self._connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self.open_channel(stopping)

    def open_channel(self, stopping: threading.Event) -> None:
        """Have a channel that nothing has happened on. What is not acknowledged of the one before
        is back in its queue by then.
        """
        assert self._connection is not None
        self._close_channel(stopping)
        opened: list[Channel] = []
        channel = self._connection.channel(on_open_callback=opened.append)
        channel.add_on_close_callback(self._on_channel_closed)
        self.channel = channel
        self._await(opened, stopping, ANSWER_WITHIN)

    def _close_channel(self, stopping: threading.Event) -> None:
        old, self.channel = self.channel, None
        if old is None:
            return
        closed: list[object] = []
        old.add_on_close_callback(lambda channel, reason: closed.append(reason))
        old.close()
        self._await(closed, stopping, ANSWER_WITHIN)

    def _await(
        self,
        answers: list[Any],
        stopping: threading.Event,
        longest: float = math.inf,
        blame: str = "",
    ) -> None:
        """Take steps until an answer is there. The library bounds how long connecting takes, and
        nothing else. Where the pipeline is to stop, a last try has a moment.
        """
        begun = time.monotonic()
        while not answers:
            self.step(_STEP)
            self.check(blame)
            if stopping.is_set():
                longest = min(longest, _LAST_TRY)
            if time.monotonic() > begun + longest:
                raise Disconnected(f"the server did not answer in {longest:.0f} s")

    def _on_lost(self, connection: object, error: BaseException) -> None:
        if self.lost is None or isinstance(self.lost, Disconnected):
            self.lost = error

    def _on_channel_closed(self, channel: Channel, error: BaseException) -> None:
        if self.lost is None and channel is self.channel:
            self.lost = error

    def on_cancelled(self, frame: object) -> None:
        """The server has ended a consumer: what it read from is gone, or moves to another node."""
        if self.lost is None:
            text = "the server has ended the consumer; is the queue gone?"
            self.lost = Disconnected(text, after=self.wait_to_consume)

    def _on_blocked(self, connection: object, frame: Any) -> None:
        self.blocked = str(frame.method.reason) or "for a reason that it does not say"

    def _on_unblocked(self, connection: object, frame: object) -> None:
        self.blocked = ""

    def check(self, blame: str = "") -> None:
        """Raise what the loss of the connection means, if it is lost; ``blame`` as of
        ``as_ours``.
        """
        if self.lost is not None:
            raise as_ours(self.lost, blame) from self.lost

    def step(self, timeout: float) -> bool:
        """Do what the network and the clock ask for, waiting for it up to so many seconds; whether
        it was woken.
        """
        timer = self._loop.call_later(timeout, _nothing)
        self._loop.poll()
        self._loop.process_timeouts()
        self._loop.remove_timeout(timer)
        woken, self._is_woken = self._is_woken, False
        return woken

    def ask(self, question: Callable[[Callable[[Any], None]], object], blame: str) -> Any:
        """What the server answers to a method: ``question`` is handed the callback to give it.
        Raises Disconnected, Misconfigured at the option to ``blame``.
        """
        answers: list[Any] = []
        question(answers.append)
        self._await(answers, threading.Event(), ANSWER_WITHIN, blame)
        return answers[0].method

    def wake(self) -> None:
        """End a step that waits; from any thread."""
        if not self._is_woken:
            self._is_woken = True
            self._loop.add_callback_threadsafe(_nothing)

    def call(self, callback: Callable[[], None]) -> None:
        """Have a function called in a step; from any thread."""
        self._loop.add_callback_threadsafe(callback)

    def close(self) -> None:
        """Say goodbye, as far as the server is there. May be called again."""
        if self._is_closed:
            return
        self._is_closed = True
        connection = self._connection
        with contextlib.suppress(Exception):
            if connection is not None and not connection.is_closed:
                if not connection.is_closing:
                    connection.close()
                end = time.monotonic() + _GOODBYE
                while not connection.is_closed and time.monotonic() < end:
                    self.step(_STEP)
        if connection is not None and not connection.is_closed:
            self._abort(connection)
        with contextlib.suppress(Exception):
            self._loop.close()

    def _abort(self, connection: pika.SelectConnection) -> None:
        """Close the socket of a server that does not answer."""
        with contextlib.suppress(Exception):
            connection._terminate_stream(Disconnected("the server does not answer"))
            end = time.monotonic() + _STEP
            while not connection.is_closed and time.monotonic() < end:
                self.step(0.0)


def _nothing() -> None:
    """Only end a wait."""
