"""Meters and timers: rates that decay, and the spread of the values of late.

A rate is an exponentially weighted moving average over ticks of five seconds, as Unix reckons its
load. The values of a timer are a sample of about a thousand in which newer ones are likelier, so
that percentiles tell of the last minutes. All times are handed in. Source: the metrics library of
Coda Hale, which Logstash's metriks follows; G. Cormode and others, "Forward Decay".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from heapq import heappush, heappushpop
from random import random

TICK = 5.0
_SIZE, _ALPHA, _RESCALE = 1028, 0.015, 3600.0


class Rate:
    """Events a second, averaged over about this many minutes."""

    def __init__(self, minutes: int, now: float) -> None:
        self._alpha = 1 - math.exp(-TICK / 60 / minutes)
        self._started = False
        self._uncounted = 0
        self._ticked = now
        self._rate = 0.0

    def mark(self, now: float) -> None:
        self._tick(now)
        self._uncounted += 1

    def at(self, now: float) -> float:
        """The rate; 0 within the first tick."""
        self._tick(now)
        return self._rate

    def _tick(self, now: float) -> None:
        ticks = int((now - self._ticked) // TICK)
        if ticks < 1:
            return
        self._ticked += ticks * TICK
        instant = self._uncounted / TICK
        self._uncounted = 0
        if self._started:
            self._rate += self._alpha * (instant - self._rate)
        else:
            self._started, self._rate = True, instant
        self._rate *= (1 - self._alpha) ** (ticks - 1)


class Meter:
    """How many events there were, and how many a second."""

    def __init__(self, rates: Sequence[int], now: float) -> None:
        self.count = 0
        self.rates = {minutes: Rate(minutes, now) for minutes in rates}

    def mark(self, now: float) -> None:
        self.count += 1
        for rate in self.rates.values():
            rate.mark(now)


class Timer(Meter):
    """A meter of events that carry a number: its least, greatest, mean, deviation and
    percentiles.
    """

    def __init__(self, rates: Sequence[int], now: float) -> None:
        super().__init__(rates, now)
        self.least, self.greatest = math.inf, -math.inf
        self.mean = self._squares = 0.0
        self._start = now
        self._sample: list[tuple[float, float]] = []

    def update(self, value: float, now: float) -> None:
        """Count a value; negative ones are passed over."""
        if not value >= 0:
            return
        self.mark(now)
        self.least, self.greatest = min(self.least, value), max(self.greatest, value)
        off = value - self.mean
        self.mean += off / self.count
        self._squares += off * (value - self.mean)
        self._keep(value, now)

    def _keep(self, value: float, now: float) -> None:
        if now - self._start > _RESCALE:
            factor = math.exp(-_ALPHA * (now - self._start))
            self._sample = [(priority * factor, kept) for priority, kept in self._sample]
            self._start = now
        entry = (math.exp(_ALPHA * (now - self._start)) / (1 - random()), value)
        if len(self._sample) < _SIZE:
            heappush(self._sample, entry)
        else:
            heappushpop(self._sample, entry)

    @property
    def deviation(self) -> float:
        """The standard deviation of all values."""
        return math.sqrt(self._squares / (self.count - 1)) if self.count > 1 else 0.0

    def quantiles(self, parts: Sequence[float]) -> list[float]:
        """The values below which these parts of the sample lie."""
        values = sorted(value for _, value in self._sample)
        return [_quantile(values, part) for part in parts]


def _quantile(values: Sequence[float], part: float) -> float:
    position = part * (len(values) + 1)
    if not values:
        return 0.0
    if position < 1:
        return values[0]
    if position >= len(values):
        return values[-1]
    place = int(position)
    return values[place - 1] + (position - place) * (values[place] - values[place - 1])
