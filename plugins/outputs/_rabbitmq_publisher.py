"""Publishing on one channel in confirm mode, in a thread of its own.

The thread lets the connection take its steps, so that confirms are heard and heartbeats kept
whatever the pipeline does; requests are handed to it, and end in it.

Some messages make the server close the channel, and with it all that is under way: one that is too
large, or whose user is not who has logged in. It does not say which. So messages that were under
way then are published one by one on the next channel, and the one that is alone when that closes
is refused.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from pika import BasicProperties
from pika.channel import Channel
from pika.spec import Basic

from ..clients.rabbitmq_errors import (
    ACCESS_REFUSED,
    PRECONDITION_FAILED,
    as_ours,
    code_of,
    text_of,
)
from ..clients.rabbitmq_link import Link
from ..errors import Disconnected
from ..rate_limit import PluginLog
from ._rabbitmq_requests import Request, UnderWay, properties_of
from ._rabbitmq_rows import Row, typed

_STEP = 1.0
_FRAME_ERROR, _SYNTAX_ERROR, _UNEXPECTED_FRAME = 501, 502, 505
_OF_FRAMES = (_FRAME_ERROR, _SYNTAX_ERROR, _UNEXPECTED_FRAME)


class Target:
    """Where messages go. ``key``, ``properties``: of those that name none of their own;
    ``mode``: the delivery mode.
    """

    def __init__(
        self,
        exchange: str,
        key: str | None,
        properties: Mapping[str, Any] | None,
        mode: int,
        is_mandatory: bool,
    ) -> None:
        self.exchange, self.key, self.is_mandatory = exchange, key, is_mandatory
        self._mode, self._properties = mode, properties
        self._usual = None if properties is None else self._made(properties)

    def properties(self, row: Row) -> BasicProperties:
        """The properties of a message."""
        if row.properties is None and self._usual is not None:
            return self._usual
        return self._made(properties_of(row, self._properties))

    def _made(self, given: Mapping[str, Any]) -> BasicProperties:
        found = {"delivery_mode": self._mode}
        found |= {name: typed(name, value) for name, value in given.items()}
        return BasicProperties(**found)


class Publisher:
    """``suspects``: how many of the next messages are published one by one. Raises Disconnected,
    Misconfigured where the channel does not confirm.
    """

    def __init__(self, link: Link, target: Target, log: PluginLog, suspects: int) -> None:
        assert link.channel is not None
        self._link, self._channel, self._target, self._log = link, link.channel, target, log
        self.suspects = suspects
        self._waiting: deque[Request] = deque()
        self._current: Request | None = None
        self._under_way = UnderWay()
        self._was_blocked = ""
        self._lock = threading.Lock()
        self._ends = False
        self._failure: Exception | None = None
        self._channel.add_on_return_callback(self._on_return)
        link.ask(
            lambda answer: self._channel.confirm_delivery(self._on_confirm, answer), "exchange"
        )
        self._thread = threading.Thread(target=self._run, name="rabbitmq", daemon=True)
        self._thread.start()

    def publish(self, items: Sequence[Any]) -> Future[None]:
        """Have messages published, in order; the future ends when the server has confirmed them.
        Raises Disconnected where the connection is gone.
        """
        request = Request(items)
        with self._lock:
            if self._ends:
                raise self._failure or Disconnected("the connection was closed")
            self._waiting.append(request)
        self._link.call(self._go_on)
        return request.future

    def _run(self) -> None:
        try:
            while not self._ends and self._link.lost is None:
                self._link.step(_STEP)
                self._look()
        except Exception as error:
            self._log.error("the connection cannot be used any more: %s", error)
            self._failure = error
        finally:
            self._end()

    def _look(self) -> None:
        """Say when the server stops taking messages, and when it takes them again."""
        blocked = self._link.blocked
        if blocked == self._was_blocked:
            return
        self._was_blocked = blocked
        if blocked:
            self._log.warning("the server takes no messages for now: %s", blocked)
        else:
            self._log.info("the server takes messages again")

    def _go_on(self) -> None:
        """Publish what waits, one by one where there are suspects."""
        while self._channel.is_open and not (self.suspects > 0 and self._under_way):
            request = self._next()
            if request is None:
                return
            self._publish(request)
            if request.next == len(request.items):
                self._current = None
            if request.is_through:
                request.end()

    def _next(self) -> Request | None:
        """The request to go on with."""
        if self._current is None and self._waiting:
            self._current = self._waiting.popleft()
        return self._current

    def _publish(self, request: Request) -> None:
        """Publish the rest of a request, or the next of its messages."""
        while request.next < len(request.items):
            index = request.next
            request.next += 1
            row = request.row(index)
            reason = row.refusal or self._sent(row)
            if reason is not None:
                request.refused[index] = reason
                continue
            self._under_way.add(request, index)
            if self.suspects > 0:
                self.suspects -= 1
                return

    def _sent(self, row: Row) -> str | None:
        """Publish a message; why that cannot be, if it cannot."""
        target = self._target
        key = target.key if row.key is None else row.key
        try:
            self._channel.basic_publish(
                target.exchange,
                key or "",
                row.body,
                target.properties(row),
                target.is_mandatory,
            )
        except Exception as error:  # the library cannot encode it: nothing was sent
            return f"{type(error).__name__}: {text_of(error)}"
        return None

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        is_taken = isinstance(method, Basic.Ack)
        requests = self._under_way.confirmed(method.delivery_tag, method.multiple, is_taken)
        for request in requests:
            if request.is_through:
                request.end()
        if self._current is not None or self._waiting:
            self._go_on()

    def _on_return(
        self, channel: Channel, method: Basic.Return, properties: BasicProperties, body: bytes
    ) -> None:
        found = self._under_way.returned(method.routing_key, body, self._target.key)
        if found is not None:
            request, index = found
            request.refused[index] = (
                f"the exchange `{method.exchange}` does not route `{method.routing_key}` to any"
                f" queue ({method.reply_code} {method.reply_text})"
            )

    def _end(self) -> None:
        """The thread's last act: everything that is not confirmed has failed."""
        lost = self._link.lost
        with self._lock:
            self._ends = True
            waiting = [*self._under_way.requests(), *self._waiting]
            if self._current is not None and self._current not in waiting:
                waiting.insert(0, self._current)
        if self._failure is None and lost is not None:
            self._failure = self._judged(lost, waiting)
        failure = self._failure or Disconnected("the connection was closed")
        for request in waiting:
            if not request.future.done():
                request.fail(failure)
        self._link.close()

    def _judged(self, lost: BaseException, waiting: Sequence[Request]) -> Exception:
        """What the loss of the channel means for what is under way."""
        if not _is_of_a_message(lost):
            return as_ours(lost, "exchange")
        only = self._under_way.only()
        if only is not None:
            request, index = only
            request.refused[index] = text_of(lost)
            request.open.discard(index)
        else:
            self.suspects = sum(len(request.items) for request in waiting)
        return Disconnected(text_of(lost), after=0.0)

    def close(self) -> None:
        """End the connection; what is not confirmed fails."""
        self._ends = True
        self._link.wake()
        self._thread.join()


def _is_of_a_message(lost: BaseException) -> bool:
    """Whether the server has closed because of what a message is."""
    code = code_of(lost)
    if code == ACCESS_REFUSED:
        return "access to topic" in text_of(lost)
    return code == PRECONDITION_FAILED or code in _OF_FRAMES
