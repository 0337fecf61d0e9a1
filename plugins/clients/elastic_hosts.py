"""The hosts of a cluster: which of them are asked, and which are left alone for a while.

A host that does not answer is *down*: it is asked no more until a check finds it up again. With
several hosts a thread makes these checks, so that no delivery waits for a host that hangs; where
all are down, or there is only one, connecting again is what checks them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ..errors import Disconnected
from .elastic import Host


class HostPool:
    """Hosts, shared by threads. The one that has the fewest requests under way is asked next."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._lock = threading.Lock()
        self._under_way = dict.fromkeys(hosts, 0)
        self._down: dict[Host, str] = {}
        self._turn = 0

    @property
    def hosts(self) -> list[Host]:
        """All hosts."""
        with self._lock:
            return list(self._under_way)

    @property
    def down(self) -> dict[Host, str]:
        """Those that do not answer, each with the reason."""
        with self._lock:
            return dict(self._down)

    @contextmanager
    def lease(self, without: Iterable[Host] = ()) -> Iterator[Host]:
        """A host to be asked; raises Disconnected where none is up."""
        host = self._take(set(without))
        try:
            yield host
        finally:
            with self._lock:
                if host in self._under_way:
                    self._under_way[host] -= 1

    def _take(self, without: set[Host]) -> Host:
        with self._lock:
            left = [h for h in self._under_way if h not in self._down and h not in without]
            if not left:
                raise Disconnected(self._why_none())
            self._turn += 1
            turned = left[self._turn % len(left) :] + left[: self._turn % len(left)]
            host = min(turned, key=self._under_way.__getitem__)
            self._under_way[host] += 1
            return host

    def _why_none(self) -> str:
        reasons = dict.fromkeys(f"{host.name}: {why}" for host, why in self._down.items())
        return "; ".join(reasons) or "no host is up"

    def set_down(self, host: Host, reason: str) -> bool:
        """A host does not answer; whether that is news."""
        with self._lock:
            is_news = host in self._under_way and host not in self._down
            if host in self._under_way:
                self._down[host] = reason
            return is_news

    def set_up(self, host: Host) -> bool:
        """A host answers; whether that is news."""
        with self._lock:
            return self._down.pop(host, None) is not None

    def replace(self, hosts: Sequence[Host]) -> bool:
        """The cluster consists of these hosts now; whether that is news."""
        with self._lock:
            if set(hosts) == set(self._under_way):
                return False
            self._under_way = {host: self._under_way.get(host, 0) for host in hosts}
            self._down = {host: why for host, why in self._down.items() if host in hosts}
            return True


class Chores:
    """Work that comes again every so many seconds, in a thread of its own. What it raises is its
    own affair: it must log it.
    """

    def __init__(self, chores: Sequence[tuple[float, Callable[[], None]]]) -> None:
        now = time.monotonic()
        self._due = [(now + every, every, work) for every, work in chores]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="elastic hosts", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(max(0.0, min(due for due, _, _ in self._due) - time.monotonic())):
            for place, (due, every, work) in enumerate(self._due):
                if due <= time.monotonic():
                    work()
                    self._due[place] = time.monotonic() + every, every, work

    def end(self) -> None:
        """End the thread; what it is just doing is not waited for."""
        self._end.set()
