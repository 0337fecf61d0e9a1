"""Publishing to a broker of MQTT: many messages under way, in order, each known by its number until
the broker has it.

One thread hands messages over; another waits for the socket, and hears what the broker says of
them. With QoS 1 and 2 a message has arrived when the broker says so, and no more are under way than
the two sides agreed on. With QoS 0 nobody says anything: it counts as delivered when it was
written to the socket.

The client library calls back under a lock of its own, and takes that lock when it publishes. So
what it says is only noted there, and looked at when it has returned.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from paho.mqtt.client import MQTTMessageInfo
from paho.mqtt.enums import MQTTErrorCode

from ..clients.mqtt import wrong_name
from ..clients.mqtt_session import Session, on_published
from ..context import Context
from ..contract import Disconnected, Misconfigured, Rejected, Retry

Message = Sequence[Any]
"""A topic and a payload."""

_SLICE = 1.0
_HEARD_AT_ONCE = 64
_LARGEST = 268_435_455
_HEADER = 10
_NOBODY = 0x10
_FAILURE = 0x80
_NOT_AUTHORIZED, _TOPIC_INVALID = 0x87, 0x90
_MAY_PASS = {0x80, 0x91, 0x92, 0x97}
"""Unspecified, a number that is in use or unknown, a quota: another try may do."""


class Request:
    """Some messages under way. ``refused``: why the broker does not take some of them, by index;
    ``confirmed``: the indexes of those that it has; ``left``: how many steps are not at their end,
    one of which is to hand all of them over.
    """

    def __init__(self, count: int) -> None:
        self.future: Future[None] = Future()
        self.left = count + 1
        self.refused: dict[int, tuple[int, str]] = {}
        self.wrong: dict[int, str] = {}
        self.confirmed: set[int] = set()
        self._count = count

    @property
    def unconfirmed(self) -> list[int]:
        """The indexes of messages that nothing is known of."""
        known = self.confirmed | self.refused.keys() | self.wrong.keys()
        return [index for index in range(self._count) if index not in known]


class Publishing:
    """Publishes by one session, from ``start`` to ``close``. ``most``: how many messages may be
    under way; ``topic``: that of all messages, where there is one; ``largest``: bytes that the
    broker takes.
    """

    def __init__(
        self,
        context: Context,
        session: Session,
        *,
        qos: int,
        retain: bool,
        most: int,
        topic: str | None,
        largest: int,
    ) -> None:
        self._session, self._qos, self._retain = session, qos, retain
        self._most, self._topic, self._largest = most, topic, largest
        self._unheard = context.metrics.counter("published_to_nobody")
        self._said: deque[tuple[int, int, str]] = deque()
        self._under_way: dict[int, tuple[Request, int]] = {}
        self._unwritten: deque[tuple[Request, MQTTMessageInfo]] = deque()
        self._change = threading.Condition()
        self._failure: Exception | None = None
        self._is_closing = False
        self._known_wrong: dict[str, str] = {}
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin to hear what the broker says."""
        if self._qos:
            on_published(self._session, lambda *said: self._said.append(said))
        self._thread.start()

    def publish(self, messages: Sequence[Message]) -> Future[None]:
        """Hand messages over; the future ends when all of them have arrived or were refused.
        Raises Disconnected.
        """
        request = Request(len(messages))
        info = None
        for index, (topic, payload) in enumerate(messages):
            wrong = self._wrong(topic, payload)
            if wrong:
                request.wrong[index] = wrong
            elif self._qos:
                self._publish(request, index, topic, payload)
            else:
                info = self._session.client.publish(topic, payload, 0, self._retain)
        self._all_handed_over(request, info)
        return request.future

    def _publish(self, request: Request, index: int, topic: str, payload: bytes) -> None:
        client, qos = self._session.client, self._qos
        with self._change:
            if len(self._under_way) >= self._most:
                self._change.wait_for(lambda: len(self._under_way) < self._most or self._failure)
            if self._failure is not None:
                raise self._lost(request)
            info = client.publish(topic, payload, qos, self._retain)
            while info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # the number is still in use
                info = client.publish(topic, payload, qos, self._retain)
            self._under_way[info.mid] = request, index

    def _all_handed_over(self, request: Request, info: MQTTMessageInfo | None) -> None:
        with self._change:
            if self._failure is not None:
                raise self._lost(request)
            if self._qos:
                request.left -= len(request.wrong) + 1
            elif info is not None:
                self._unwritten.append((request, info))
                return
            else:
                request.left = 0
            if request.left == 0:
                self._end(request)

    def _wrong(self, topic: str, payload: bytes) -> str:
        """Why a message can never be sent; an empty text where it can."""
        size = len(payload) + _HEADER
        if size + 4 * len(topic) > self._largest:
            size += len(topic.encode("utf-8", "replace"))
        if size > self._largest:
            return f"its {size} bytes are more than the {self._largest} that the broker takes"
        if self._topic is not None:
            return ""
        found = self._known_wrong.get(topic)
        if found is None:
            if len(self._known_wrong) > 10_000:
                self._known_wrong.clear()
            found = self._known_wrong[topic] = wrong_name(topic)
        return found

    def _lost(self, request: Request) -> Exception:
        """What a connection that ended means for a request: what has arrived is not sent again."""
        assert self._failure is not None
        for number, (other, _) in list(self._under_way.items()):
            if other is request:
                del self._under_way[number]
        if request.confirmed or request.refused:
            return self._outcome(request) or self._failure
        return self._failure

    def _run(self) -> None:
        session = self._session
        failure: Exception = Disconnected("the connection is closed")
        try:
            while not self._is_closing:
                session.wait(_SLICE)
                session.pump(lambda: len(self._said) >= _HEARD_AT_ONCE)
                self._hear()
        except (Disconnected, Misconfigured) as error:
            failure = error
        except Exception as error:
            failure = Disconnected(f"the client failed: {type(error).__name__}: {error}")
        self._hear()
        with self._change:
            self._failure = failure
            requests = {id(r): r for r, _ in (*self._under_way.values(), *self._unwritten)}
            self._under_way.clear()
            self._unwritten.clear()
            for request in requests.values():
                request.future.set_exception(self._lost(request))
            self._change.notify_all()

    def _hear(self) -> None:
        """Look at what the broker has said, and at what was written."""
        with self._change:
            while self._said:
                self._heard(*self._said.popleft())
            while self._unwritten and _is_written(self._unwritten[0][1]):
                request, _ = self._unwritten.popleft()
                self._end(request)
            self._change.notify_all()

    def _heard(self, number: int, code: int, text: str) -> None:
        request, index = self._under_way.pop(number, (None, 0))
        if request is None:
            return
        if code == _NOBODY:
            self._unheard.add()
        if code >= _FAILURE:
            request.refused[index] = code, text
        else:
            request.confirmed.add(index)
        request.left -= 1
        if request.left == 0:
            self._end(request)

    def _end(self, request: Request) -> None:
        error = self._outcome(request)
        if error is None:
            request.future.set_result(None)
        else:
            request.future.set_exception(error)

    def _outcome(self, request: Request) -> Exception | None:
        """What became of a request."""
        never = dict(request.wrong)
        again = request.unconfirmed if self._failure is not None else []
        for index, (code, text) in request.refused.items():
            if code in _MAY_PASS:
                again.append(index)
            elif self._topic is not None and code in (_NOT_AUTHORIZED, _TOPIC_INVALID):
                return Misconfigured("topic", f"the broker refuses it: {text}", "name another one")
            else:
                never[index] = f"the broker refuses it: {text}"
        if never:
            return Rejected(never, again)
        if again:
            said = [text for _, text in request.refused.values()]
            why = f"the broker says: {said[0]}" if said else str(self._failure)
            return Retry(why, again, after=None if said else 0.0)
        return None

    def close(self) -> None:
        """Publish no more; what is under way fails."""
        self._is_closing = True
        self._session.wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self._session.close()


def _is_written(info: MQTTMessageInfo) -> bool:
    return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS and info.is_published()
