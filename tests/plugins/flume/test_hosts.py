"""Several hosts as one target: which gets a call, and what happens to one that fails; without a server."""
from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from penstock.plugins.clients import flume_hosts
from penstock.plugins.clients.flume_hosts import Hosts, Order, RoundRobin, at_random, failover
from penstock.plugins.errors import Disconnected, Misconfigured, Retry


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(flume_hosts, "time", made)
    return made


class Place:
    """A host that can be dialled, or not, and whose calls end as the test says."""

    def __init__(self, name: str) -> None:
        self.name, self.refuses = name, None
        self.calls: list[Future[None]] = []
        self.dialled = 0
        self.broken = False
        self.refuses: Exception | None = None

    def dial(self) -> Any:
        self.dialled += 1
        if self.refuses is not None:
            raise self.refuses
        self.broken = False
        return self

    def send(self, items: Sequence[bytes]) -> Future[None]:
        self.check()
        self.calls.append(Future())
        return self.calls[-1]

    def check(self) -> None:
        if self.broken:
            raise Disconnected(f"{self.name} is gone")

    def close(self) -> None: ...


def hosts(order: Order, *names: str, longest: float = 5.0) -> tuple[Hosts, list[Place]]:
    places = [Place(name) for name in names]
    return Hosts([(place.name, place.dial) for place in places], order, longest), places


def took(target: Hosts, places: list[Place], calls: int) -> list[str]:
    """Which hosts got so many calls, each ended well."""
    names = []
    for _ in range(calls):
        before = [len(place.calls) for place in places]
        target.send([b""]).set_result(None)
        names += [place.name for place, count in zip(places, before, strict=True) if len(place.calls) > count]
    return names


def test_failover_takes_the_first_that_works_and_goes_back(clock: Clock) -> None:
    target, (a, b) = hosts(failover, "a", "b")
    assert took(target, [a, b], 2) == ["a", "a"]
    a.broken, a.refuses = True, Disconnected("refused")
    assert took(target, [a, b], 2) == ["b", "b"]
    a.refuses = None
    assert took(target, [a, b], 1) == ["b"]
    clock.now += 1.0
    assert took(target, [a, b], 2) == ["a", "a"]


def test_a_host_is_left_alone_for_longer_each_time_up_to_a_limit(clock: Clock) -> None:
    target, (a, b) = hosts(failover, "a", "b", longest=5.0)
    a.refuses = Disconnected("refused")
    waits = []
    for _ in range(5):
        took(target, [a, b], 1)
        begun, dialled = clock.now, a.dialled
        while a.dialled == dialled:
            clock.now += 0.5
            took(target, [a, b], 1)
        waits.append(clock.now - begun)
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]
    a.refuses = None
    clock.now += 10
    assert took(target, [a, b], 1) == ["a"]


def test_a_host_that_says_failed_is_left_alone_too(clock: Clock) -> None:
    target, (a, b) = hosts(failover, "a", "b")
    target.send([b""]).set_exception(Retry("the server says FAILED"))
    assert took(target, [a, b], 1) == ["b"]
    clock.now += 1
    assert took(target, [a, b], 1) == ["a"]


def test_one_host_alone_is_never_left_alone(clock: Clock) -> None:
    target, (a,) = hosts(failover, "a")
    target.send([b""]).set_exception(Retry("the server says FAILED"))
    assert took(target, [a], 1) == ["a"]
    a.broken, a.refuses = True, OSError(111, "Connection refused")
    with pytest.raises(Disconnected, match="refused"):
        target.send([b""])
    a.refuses = None
    assert took(target, [a], 1) == ["a"]


def test_balancing_goes_round_those_that_work(clock: Clock) -> None:
    target, places = hosts(RoundRobin(), "a", "b", "c")
    assert took(target, places, 6) == ["a", "b", "c"] * 2
    places[1].broken, places[1].refuses = True, Disconnected("refused")
    assert set(took(target, places, 6)) == {"a", "c"}
    clock.now += 1
    places[1].refuses = None
    assert sorted(took(target, places, 3)) == ["a", "b", "c"]


def test_balancing_at_random_takes_all(clock: Clock) -> None:
    target, places = hosts(at_random, "a", "b", "c")
    assert set(took(target, places, 100)) == {"a", "b", "c"}


def test_connecting_tries_all_hosts_and_says_why_none_works(clock: Clock) -> None:
    target, (a, b) = hosts(failover, "a", "b")
    a.refuses, b.refuses = Disconnected("a: refused"), OSError(113, "No route to host")
    with pytest.raises(Disconnected, match="a: refused; No route to host"):
        target.connect()
    b.refuses = None
    target.connect()
    assert took(target, [a, b], 1) == ["b"]
    b.broken, b.refuses = True, Misconfigured("ssl_enabled", "not trusted")
    with pytest.raises(Disconnected, match="b is gone"):
        target.check()
    with pytest.raises(Misconfigured, match="not trusted"):
        target.connect()
    target.close()
