"""The operator of trend: what was usual for one key, and how far a value is from it.

A *season* of n compares a value with every n-th one before: each place of the season has a memory
of its own. A memory is either a mean and variance that forget with a half-life, or the last values
themselves.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from .state import NEVER
from .state.keys import Key

_BEYOND = 1e9


class Memory(msgspec.Struct):
    """What is remembered at one place of the season."""

    learned: int = 0
    mean: float = 0.0
    variance: float = 0.0
    values: list[float] = []


class TrendState(msgspec.Struct):
    """One key: the time of its last value, how many values came, and a memory for each place."""

    key: Key
    latest: int = NEVER
    seen: int = 0
    places: dict[int, Memory] = {}


class Judgement(msgspec.Struct):
    """What was expected, how far the value is from it in scales, of how many values that is known,
    and whether it deviates.
    """

    expected: float
    score: float
    values: int
    deviates: bool


class Usual(msgspec.Struct, frozen=True):
    """What counts as usual; see the options of the filter."""

    half_life: float | None
    last: int
    season: int
    warm_up: int
    above: float
    direction: str
    least: float
    learns_all: bool


class TrendOperator:
    """The usual of a key."""

    def __init__(self, usual: Usual) -> None:
        self.usual = usual
        self._alpha = 1 - 2 ** (-1 / usual.half_life) if usual.half_life else 0.0

    def new(self, key: Key) -> TrendState:
        return TrendState(key)

    def judge(self, state: TrendState, time: int, value: float) -> Judgement | None:
        """Judge a value, then learn it; None while too few are known."""
        usual = self.usual
        state.latest = max(state.latest, time)
        place = state.seen % usual.season
        state.seen += 1
        memory = state.places.get(place)
        if memory is None:
            memory = state.places[place] = Memory()
        judged = self._judged(memory, value) if memory.learned >= max(usual.warm_up, 1) else None
        if judged is None or usual.learns_all or not judged.deviates:
            self._learn(memory, value)
        return judged

    def _judged(self, memory: Memory, value: float) -> Judgement:
        usual = self.usual
        mean, spread = memory.mean, math.sqrt(max(memory.variance, 0.0))
        known = memory.learned
        if usual.half_life is None:
            mean, spread = _mean_and_deviation(memory.values)
            known = len(memory.values)
        distance, scale = value - mean, max(spread, usual.least)
        if scale > 0:
            score = max(min(distance / scale, _BEYOND), -_BEYOND)
        else:
            score = math.copysign(_BEYOND, distance) if distance else 0.0
        return Judgement(mean, score, known, self._deviates(score))

    def _deviates(self, score: float) -> bool:
        direction, above = self.usual.direction, self.usual.above
        if direction == "up":
            return score >= above
        return -score >= above if direction == "down" else abs(score) >= above

    def _learn(self, memory: Memory, value: float) -> None:
        if self.usual.half_life is None:
            memory.values = [*memory.values, value][-self.usual.last :]
        elif not memory.learned:
            memory.mean = value
        else:
            distance = value - memory.mean
            memory.mean += self._alpha * distance
            memory.variance = (1 - self._alpha) * (
                memory.variance + self._alpha * distance * distance
            )
        memory.learned += 1

    def take(self, state: TrendState, time: int, event: Any, watermark: int) -> list[Any]:
        """The judgement of a value, in the place of events."""
        judged = self.judge(state, time, event)
        return [] if judged is None else [judged]

    def due(self, state: TrendState, watermark: int, reason: str) -> list[tuple[int, Any]]:
        return []

    def next_timer(self, state: TrendState) -> int:
        return -NEVER

    def latest(self, state: TrendState) -> int:
        return state.latest

    def dump(self, state: TrendState) -> list[Any]:
        places = {place: list(msgspec.structs.astuple(m)) for place, m in state.places.items()}
        return [state.key, state.latest, state.seen, places]

    def load(self, data: list[Any]) -> TrendState:
        key, latest, seen, places = data
        return TrendState(key, latest, seen, {at: Memory(*row) for at, row in places.items()})


def _mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """The mean of values and their sample standard deviation."""
    count = len(values)
    mean = math.fsum(values) / count
    if count < 2:
        return mean, 0.0
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (count - 1))
