"""The operator of joins: the events of one key, left and right ones that may be partners.

A pair is a left and a right event whose times satisfy ``t_left - before <= t_right <= t_left +
within``. An event is held as long as a partner may come that is not late, and then goes, as
unmatched if it had none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import msgspec

from ..dsl.reference import Event
from ._packed_events import Held, held
from .state import FOREVER, NEVER
from .state.keys import Key

LEFT, RIGHT = "left", "right"


class JoinState(msgspec.Struct):
    """The events of a key, each side in order of time, then of arrival."""

    key: Key
    left: list[Held] = []
    right: list[Held] = []
    latest: int = NEVER


class Matching(msgspec.Struct, frozen=True):
    """How events are matched: the distances, ``all``, ``first`` or ``latest`` partner, and of which
    sides those without a partner are told.
    """

    before: int
    within: int
    match: str
    unmatched: frozenset[str]


MakePair = Callable[[Key, Held, Held], Event]
MakeSingle = Callable[[Key, Held], Event]

_time = attrgetter("time")


class JoinOperator:
    """Joins of a key."""

    def __init__(self, matching: Matching, pair: MakePair, single: MakeSingle) -> None:
        self.before, self.within = matching.before, matching.within
        self.match, self.unmatched = matching.match, matching.unmatched
        self.all = matching.match == "all"
        self.pair, self.single = pair, single
        self.silent = matching.match == "all" and not matching.unmatched
        self._longest = max(self.before, self.within)
        # Where nothing is told of an event that goes, it may go a little later than it could.
        self._step = max((self.before + self.within) // 16, 1)

    def new(self, key: Key) -> JoinState:
        return JoinState(key)

    def reach(self, side: str) -> int:
        """For how long after its time an event of a side may find partners."""
        return self.within if side == LEFT else self.before

    def first(self, key: Key, side: str, mine: Held) -> JoinState:
        """The state of a key that has one event."""
        if side == LEFT:
            return JoinState(key, [mine], [], mine.time)
        return JoinState(key, [], [mine], mine.time)

    def take(self, state: JoinState, time: int, event: Any, watermark: int) -> list[Event]:
        """Take in a pair of a side and an event that is held."""
        side, mine = event
        return self.join(state, mine, side == LEFT, watermark)

    def join(self, state: JoinState, mine: Held, is_left: bool, watermark: int) -> list[Event]:
        """Take in an event that is held; the pairs that stand right behind it."""
        time = mine.time
        if is_left:
            peers, others, first, last = state.left, state.right, self.before, self.within
        else:
            peers, others, first, last = state.right, state.left, self.within, self.before
        if time >= state.latest:
            state.latest = time
            peers.append(mine)
        else:
            peers.insert(bisect_right(peers, time, key=_time), mine)
        if len(others) > 1:
            low = bisect_left(others, time - first, key=_time)
            others = others[low : bisect_right(others, time + last, key=_time)]
        elif not others or not time - first <= others[0].time <= time + last:
            return []
        live = watermark - first  # an older one is over, though it may not have gone yet
        others = [other for other in others if other.time >= live]
        key, pair = state.key, self.pair
        if self.silent:
            if is_left:
                return [pair(key, mine, other) for other in others]
            return [pair(key, other, mine) for other in others]
        return self._matched(key, mine, others, is_left)

    def _matched(self, key: Key, mine: Held, others: list[Held], is_left: bool) -> list[Event]:
        """Note which events have partners, and make the pairs that are told at once."""
        results = []
        for other in others:
            mine.matched = other.matched = True
            left, right = (mine, other) if is_left else (other, mine)
            if self.all:
                results.append(self.pair(key, left, right))
            else:
                self._choose(left, right)
        return results

    def _choose(self, left: Held, right: Held) -> None:
        """Make a right event the partner of a left one if it is the better one."""
        chosen = left.partner
        if chosen is None:
            left.partner = right
        elif self.match == "first":
            left.partner = right if right.time < chosen.time else chosen
        else:
            left.partner = right if right.time >= chosen.time else chosen

    def over(self, states: dict[Key, JoinState], keys: list[Key], watermark: int) -> list[Key]:
        """The keys of which nothing matters any more, and nothing is told."""
        if not self.silent:
            return []
        bound = watermark - self._longest
        return [key for key in keys if states[key].latest < bound]

    def due(self, state: JoinState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        lefts = _taken(state.left, watermark - self.within)
        rights = _taken(state.right, watermark - self.before)
        if self.silent:
            return []
        results = []
        for left in lefts:
            at = left.time + self.within
            if left.partner is not None:
                results.append((at, self.pair(state.key, left, left.partner)))
            elif not left.matched and LEFT in self.unmatched:
                results.append((at, self.single(state.key, left)))
        for right in rights:
            if not right.matched and RIGHT in self.unmatched:
                results.append((right.time + self.before, self.single(state.key, right)))
        return results

    def next_timer(self, state: JoinState) -> int:
        first = FOREVER
        if state.left:
            first = state.left[0].time + self.within
        if state.right:
            first = min(first, state.right[0].time + self.before)
        if first == FOREVER:
            return NEVER
        return first + 1 if not self.silent else (first // self._step + 1) * self._step

    def rest_of(self, latest: int) -> int:
        """When nothing is left, where nothing is told, of events of up to a time."""
        return ((latest + self._longest) // self._step + 1) * self._step

    def latest(self, state: JoinState) -> int:
        return state.latest

    def dump(self, state: JoinState) -> list[Any]:
        lefts = [[*_row(h), None if h.partner is None else _row(h.partner)] for h in state.left]
        return [state.key, lefts, list(map(_row, state.right)), state.latest]

    def load(self, data: list[Any]) -> JoinState:
        key, lefts, rights, latest = data
        left = [_revived(*row) for row in lefts]
        return JoinState(key, left, [_revived(*row) for row in rights], latest)


def _row(one: Held) -> list[Any]:
    return [one.time, one.event(), one.matched]


def _revived(time: int, event: Event, matched: bool, partner: list[Any] | None = None) -> Held:
    made = held(time, event)
    made.matched = matched
    made.partner = None if partner is None else _revived(*partner)
    return made


def _taken(waiting: list[Held], before: int) -> list[Held]:
    """Take out the events before a time."""
    count = bisect_left(waiting, before, key=_time)
    taken = waiting[:count]
    del waiting[:count]
    return taken
