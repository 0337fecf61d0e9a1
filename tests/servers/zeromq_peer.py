"""Peers of ZeroMQ: a client that asks, a server that answers, and who pushes, pulls, publishes and subscribes."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self

import zmq

from .process import LOOPBACK

_LONGEST = 120.0


def until(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _LONGEST
    while not holds():
        assert time.monotonic() < end, f"not in {_LONGEST} s: {what}"
        time.sleep(0.01)


def address(port: int) -> str:
    return f"tcp://{LOOPBACK}:{port}"


def keypair() -> tuple[str, str]:
    """A public and a secret key, without what means something in a configuration or in a diagnostic."""
    while True:
        public, secret = (key.decode() for key in zmq.curve_keypair())
        if not set("^$%") & set(public + secret):
            return public, secret


class Asking:
    """Sends requests, each over a socket of its own; an answer is ``ok`` (taken), ``busy`` or ``failed``."""

    def __init__(self, port: int) -> None:
        self._address, self._context = address(port), zmq.Context()
        self._has_ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def send(self, message: str) -> Future[str]:
        future: Future[str] = Future()
        thread = threading.Thread(target=self._ask, args=[message, future], daemon=True)
        self._threads.append(thread)
        thread.start()
        return future

    def _ask(self, message: str, future: Future[str]) -> None:
        with self._context.socket(zmq.REQ) as made:
            made.setsockopt(zmq.LINGER, 0)
            made.connect(self._address)
            made.send_string(message)
            while not self._has_ended.is_set():
                if made.poll(50):
                    future.set_result({"ok": "taken"}.get(text := made.recv_string(), text))
                    return

    def end(self) -> None:
        """Ask no more."""
        self._has_ended.set()
        for thread in self._threads:
            thread.join(_LONGEST)
        self._context.term()


class Listening:
    """A socket that binds a port and notes what it hears, in a thread of its own. ``answers``: whether each message is answered."""

    def __init__(self, kind: zmq.SocketType, port: int, prepare: Callable[[Any], None] = lambda made: None) -> None:
        self._kind, self._address, self._prepare = kind, address(port), prepare
        self.messages: list[list[bytes]] = []
        self.answer = b"ok"
        self._break_next = threading.Event()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        bound = threading.Event()
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, args=[bound], daemon=True)
        self._thread.start()
        assert bound.wait(_LONGEST)
        return self

    def _run(self, bound: threading.Event) -> None:
        context = zmq.Context()
        made = self._bound(context)
        bound.set()
        while not self._ending.is_set():
            if not made.poll(20):
                continue
            frames = made.recv_multipart()
            if self._break_next.is_set():
                self._break_next.clear()
                made.close()
                made = self._bound(context)
                continue
            self.messages.append(frames)
            if self._kind == zmq.REP:
                made.send(self.answer)
        made.close()
        context.term()

    def _bound(self, context: Any) -> Any:
        end = time.monotonic() + _LONGEST
        while True:
            made = context.socket(self._kind)
            made.setsockopt(zmq.LINGER, 1000)
            self._prepare(made)
            try:
                made.bind(self._address)
            except zmq.ZMQError:
                made.close()
                assert time.monotonic() < end
                time.sleep(0.02)
            else:
                return made

    def break_next(self) -> None:
        """Close the socket when the next message comes, and bind it again, without an answer."""
        self._break_next.set()

    def stop(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join(_LONGEST)
            self._thread = None

    def heard(self) -> list[str]:
        """The last part of each message."""
        return [frames[-1].decode() for frames in list(self.messages)]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
