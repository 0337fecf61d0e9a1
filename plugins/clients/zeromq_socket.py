"""A socket of ZeroMQ that is bound, or connected to somebody.

ZeroMQ connects in the background, for ever, and says nothing: neither that nobody is there nor that
the keys do not fit. So whoever connects listens to the events of the socket until one of its peers
has greeted it, all have refused, or it has taken too long. No longer: events that nobody reads stop
all that the library does, once a few thousand of them wait, which a peer that is away for a minute
or two brings about.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils.monitor import recv_monitor_message

from ..contract import Disconnected, Misconfigured
from .zeromq import SocketOptions, option_of

LINGER = 2000
"""Milliseconds that what was sent may take to go out when a socket is closed."""

_HEARTBEAT = 10_000
_EVENT = zmq.Event
_REFUSED = {
    _EVENT.HANDSHAKE_FAILED_AUTH: "the peer does not allow this key",
    _EVENT.HANDSHAKE_FAILED_PROTOCOL: "the two sides differ in whether they encrypt, or the peer"
    " does not speak ZeroMQ",
}
_NO_DETAIL = _EVENT.HANDSHAKE_FAILED_NO_DETAIL
_ENDED = (_EVENT.CLOSED, _EVENT.CONNECT_RETRIED, _EVENT.DISCONNECTED)


class Allowed:
    """Which keys may connect; asked by the client library."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = {key.encode() for key in keys}

    def callback(self, domain: str, key: bytes) -> bool:
        """Whether a key may."""
        return key in self._keys


class Socket:
    """``socket`` is of this kind, with the options set; for one thread at a time. ``watched``:
    ``monitor`` says when connections end, where this side makes them, and ``has_lost_a_peer`` is to
    be asked again and again. Raises Disconnected, Misconfigured.
    """

    def __init__(
        self, options: SocketOptions, kind: zmq.SocketType, *, watched: bool = False
    ) -> None:
        self._options, self._watched = options, watched
        self._context = zmq.Context()
        self._authenticator: ThreadAuthenticator | None = None
        self.socket: zmq.Socket[bytes] = self._context.socket(kind)
        self.monitor: zmq.Socket[bytes] | None = None
        try:
            self._prepare()
            self._join()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        made, options = self.socket, self._options
        made.setsockopt(zmq.LINGER, LINGER)
        made.setsockopt(zmq.IPV6, 1)
        made.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT)
        if options.topology == "pubsub" and made.type == zmq.SUB:
            topics = getattr(options, "topic", None) or [""]
            for topic in topics:
                made.setsockopt(zmq.SUBSCRIBE, topic.encode())
        for name, value in options.sockopt.items():
            self._set(name, value)
        if options.curve_secret_key is not None:
            self._encrypt(str(options.curve_secret_key).encode())

    def _set(self, name: str, value: str) -> None:
        key = option_of(name)
        assert key is not None
        number = value.strip()
        is_number = number.removeprefix("-").isdigit()
        try:
            if is_number:
                self._set_number(key, int(number))
            else:
                self.socket.setsockopt(key, value.encode())
        except (zmq.ZMQError, TypeError, ValueError, OverflowError) as error:
            reason = f"`{name}` cannot be `{value}`: {error}"
            raise Misconfigured("sockopt", reason, "see zmq_setsockopt") from error

    def _set_number(self, key: zmq.SocketOption, value: int) -> None:
        if key == zmq.SocketOption.HWM:
            self.socket.set_hwm(value)
            return
        try:
            self.socket.setsockopt(key, value)
        except TypeError:
            self.socket.setsockopt(key, str(value).encode())  # an identity may be a number

    def _encrypt(self, secret: bytes) -> None:
        made, options = self.socket, self._options
        public = (options.curve_public_key or "").encode() or zmq.curve_public(secret)
        made.curve_secretkey, made.curve_publickey = secret, public
        if not options.binds:
            made.curve_serverkey = (options.curve_server_key or "").encode()
            return
        made.curve_server = True
        if options.curve_allowed_keys:
            self._authenticator = ThreadAuthenticator(self._context)
            self._authenticator.start()
            allowed = Allowed(options.curve_allowed_keys)
            self._authenticator.configure_curve_callback("*", allowed)

    def _join(self) -> None:
        if not self._options.binds:
            self.monitor = self.socket.get_monitor_socket()
        for address in self._options.address:
            try:
                if self._options.binds:
                    self.socket.bind(address)
                else:
                    self.socket.connect(address)
            except zmq.ZMQError as error:
                said = (error.strerror or str(error)).partition(" (addr=")[0]
                reason = f"`{address}`: {said}"
                raise Misconfigured("address", reason, "give another address") from error
        if self.monitor is not None:
            self._await_peer(self.monitor)
            self._end_monitor()
            if self._watched:
                place = f"inproc://penstock-ended-{id(self)}"
                self.monitor = self.socket.get_monitor_socket(_EVENT.DISCONNECTED, place)

    def _await_peer(self, monitor: zmq.Socket[bytes]) -> None:
        """Wait until one peer is connected."""
        end = time.monotonic() + float(self._options.connect_timeout)
        failed: set[str] = set()
        cut_off = 0
        while True:
            left = end - time.monotonic()
            if left <= 0 or not monitor.poll(int(left * 1000)):
                asked = ", ".join(self._options.address)
                late = f"no answer in {self._options.connect_timeout:.0f} s"
                raise Disconnected(f"{asked}: {late}; is it a socket of ZeroMQ?")
            found = recv_monitor_message(monitor)
            event, endpoint = found["event"], found["endpoint"].decode("utf-8", "replace")
            if event == _EVENT.HANDSHAKE_SUCCEEDED:
                return
            if event in _REFUSED:
                raise self._refused(event)
            if event == _NO_DETAIL:
                cut_off += 1
                self._judge(cut_off)
            if event in _ENDED and not cut_off:
                failed.add(endpoint)
                if len(failed) >= len(self._options.address):
                    raise Disconnected(f"nobody is at {', '.join(sorted(failed))}")

    def _judge(self, cut_off: int) -> None:
        """A peer has ended the connection before its greeting was over, so many times now. Once may
        be because it was just ended itself.
        """
        if self._options.curve_secret_key is None:
            raise Disconnected("the peer ends the connection at once: it may ask for keys")
        if cut_off > 1:
            reason = "the peer ends the connection at once: the keys do not fit"
            raise Misconfigured("curve_server_key", reason, "give the public key of the other side")

    def _refused(self, event: int) -> Misconfigured:
        """Where the fault is, as far as it is known."""
        is_key = event == _EVENT.HANDSHAKE_FAILED_AUTH
        blamed = "curve_secret_key" if is_key else "address"
        reason = _REFUSED[_EVENT(event)]
        return Misconfigured(blamed, reason, "see what the other side asks for")

    def has_lost_a_peer(self) -> bool:
        """Whether a connection has ended since this was asked last."""
        lost = False
        while self.monitor is not None and self.monitor.poll(0):
            lost = recv_monitor_message(self.monitor)["event"] == _EVENT.DISCONNECTED or lost
        return lost

    def _end_monitor(self) -> None:
        monitor, self.monitor = self.monitor, None
        if monitor is not None:
            self.socket.disable_monitor()
            monitor.close()

    def close(self) -> None:
        """Close it; what was sent has a moment to go out."""
        self._end_monitor()
        self.socket.close()
        if self._authenticator is not None:
            self._authenticator.stop()
        self._context.term()


def is_full(error: zmq.ZMQError) -> bool:
    """Whether nothing can be sent, or received, for now."""
    return bool(error.errno == zmq.EAGAIN)


Frames = list[Any]
"""The parts of a message."""
