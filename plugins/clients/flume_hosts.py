"""Several hosts as one target, as Flume's sink groups and its failover and load-balancing clients
have them.

A host that fails is left alone for a while, which doubles with each failure up to a limit. With
failover the first host of the list that is not left alone gets all; with load balancing each call
goes to another one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial

from ..errors import Disconnected, Misconfigured
from .flume_link import Link

_FIRST_PENALTY = 1.0

Order = Callable[[int], Sequence[int]]
"""In which order so many hosts are tried for the next call."""


def failover(count: int) -> Sequence[int]:
    """The first that works."""
    return range(count)


class RoundRobin:
    """Each in turn."""

    def __init__(self) -> None:
        self._turn = -1

    def __call__(self, count: int) -> Sequence[int]:
        self._turn += 1
        return [(self._turn + place) % count for place in range(count)]


def at_random(count: int) -> Sequence[int]:
    """Any of them."""
    return random.sample(range(count), count)


class _Host:
    """A host, and its connection where there is one."""

    def __init__(self, name: str, dial: Callable[[], Link]) -> None:
        self.name, self.dial = name, dial
        self.link: Link | None = None
        self.failures = 0
        self.alone_until = 0.0
        self.reason = ""


class Hosts:
    """``send`` and ``connect`` are called in one thread at a time. ``dials``: by name, what makes a
    connection. ``longest``: the seconds that a host is left alone at most.
    """

    def __init__(
        self, dials: Sequence[tuple[str, Callable[[], Link]]], order: Order, longest: float
    ) -> None:
        self._hosts = [_Host(name, dial) for name, dial in dials]
        self._order, self._longest = order, longest
        self._lock = threading.Lock()

    def connect(self) -> None:
        """Have a connection to one of them; all are tried, also those that are left alone. Raises
        Disconnected where none can be had, Misconfigured where one of them finds an option wrong.
        """
        wrong: Misconfigured | None = None
        for host in self._hosts:
            try:
                self._link(host)
            except Misconfigured as error:
                wrong = wrong or error
            except Disconnected:
                continue
            else:
                with self._lock:
                    host.alone_until = 0.0
                return
        raise wrong or Disconnected(self._reasons())

    def send(self, items: Sequence[bytes]) -> Future[None]:
        """Make a call at one of them; as of ``Link``. Raises Disconnected where none takes it."""
        for place in self._order(len(self._hosts)):
            host = self._hosts[place]
            if time.monotonic() < host.alone_until:
                continue
            try:
                future = self._link(host).send(items)
            except (Disconnected, Misconfigured) as error:
                self._failed(host, str(error))
                continue
            future.add_done_callback(partial(self._ended, host))
            return future
        raise Disconnected(self._reasons())

    def check(self) -> None:
        """Raise Disconnected where no connection is left."""
        links = [host.link for host in self._hosts if host.link is not None]
        ends = [error for error in map(_end_of, links) if error is not None]
        if links and len(ends) == len(links):
            raise ends[0]

    def close(self) -> None:
        """End all connections."""
        for host in self._hosts:
            link, host.link = host.link, None
            if link is not None:
                link.close()

    def _link(self, host: _Host) -> Link:
        """The connection of a host, a new one where there is none, or it has ended."""
        if host.link is not None:
            if _end_of(host.link) is None:
                return host.link
            host.link.close()
            host.link = None
        try:
            host.link = host.dial()
        except OSError as error:
            self._failed(host, error.strerror or str(error))
            raise Disconnected(f"{host.name}: {host.reason}") from error
        except (Disconnected, Misconfigured) as error:
            self._failed(host, str(error))
            raise
        return host.link

    def _ended(self, host: _Host, future: Future[None]) -> None:
        error = future.exception()
        if error is None:
            with self._lock:
                host.failures, host.alone_until = 0, 0.0
        else:
            self._failed(host, str(error))

    def _failed(self, host: _Host, reason: str) -> None:
        """A host is left alone, unless it is the only one: then the back-off of the output is
        enough.
        """
        with self._lock:
            host.reason = reason
            if len(self._hosts) > 1 and time.monotonic() >= host.alone_until:
                penalty = min(self._longest, _FIRST_PENALTY * 2.0**host.failures)
                host.failures += 1
                host.alone_until = time.monotonic() + penalty

    def _reasons(self) -> str:
        said = [host.reason for host in self._hosts if host.reason]
        return "; ".join(dict.fromkeys(said)) or "no host takes events"


def _end_of(link: Link) -> Disconnected | None:
    try:
        link.check()
    except Disconnected as error:
        return error
    return None
