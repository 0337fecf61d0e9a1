"""What a plugin counts: counters, gauges and timers by name, read by whoever shows them.

A counter costs an addition; it is to be called once a batch, not once an event. Adding from several
threads may lose a count now and then, which figures for people can bear.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import ClassVar, TypeVar

Metric = TypeVar("Metric", "Counter", "Gauge", "Timer")


class Counter:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add(self, number: int = 1) -> None:
        """So many more."""
        self.value += number


class Gauge:
    """A number of this moment."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def set(self, value: float) -> None:
        """It is this now."""
        self.value = value


class Timer:
    """How often something was done, and the seconds that it took in all and at most."""

    __slots__ = ("count", "longest", "seconds")

    def __init__(self) -> None:
        self.count, self.seconds, self.longest = 0, 0.0, 0.0

    def add(self, seconds: float) -> None:
        """It was done once more, in so many seconds."""
        self.count += 1
        self.seconds += seconds
        self.longest = max(self.longest, seconds)


class Histogram:
    """How often something took how long: counts by upper bounds in seconds, and the sum."""

    BOUNDS: ClassVar = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(self.BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """It took so long once more."""
        self.counts[bisect_left(self.BOUNDS, seconds)] += 1
        self.seconds += seconds

    @property
    def count(self) -> int:
        """How often it was done."""
        return sum(self.counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """How often it took no longer than each bound; the last bound is infinite."""
        bounds = (*self.BOUNDS, float("inf"))
        return list(zip(bounds, accumulate(self.counts), strict=True))


class Metrics:
    """The metrics of one plugin. Asking twice for a name gives the same metric."""

    def __init__(self) -> None:
        self._made: dict[str, Counter | Gauge | Timer] = {}

    def counter(self, name: str) -> Counter:
        """The counter of that name."""
        return self._metric(name, Counter)

    def gauge(self, name: str) -> Gauge:
        """The gauge of that name."""
        return self._metric(name, Gauge)

    def timer(self, name: str) -> Timer:
        """The timer of that name."""
        return self._metric(name, Timer)

    def _metric(self, name: str, kind: type[Metric]) -> Metric:
        metric = self._made.setdefault(name, kind())
        if not isinstance(metric, kind):
            raise TypeError(f"the metric `{name}` is a {type(metric).__name__.lower()}")
        return metric

    def values(self) -> dict[str, float]:
        """All values by name; of a timer, its count and seconds."""
        found: dict[str, float] = {}
        for name, metric in list(self._made.items()):
            if isinstance(metric, Timer):
                found |= {f"{name}_count": metric.count, f"{name}_seconds": metric.seconds}
            else:
                found[name] = metric.value
        return found
