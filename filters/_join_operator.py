"""The operator of joins: the events of one key, left and right ones that may be partners.

A pair is a left and a right event whose times satisfy ``t_left - before <= t_right <= t_left +
within``. An event is held as long as a partner may come that is not late, and then goes, as
unmatched if it had none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from ..dsl.reference import Event
from ._packed_events import Held, held
from .state import FOREVER, NEVER
from .state.keys import Key

LEFT, RIGHT = "left", "right"


class JoinState(msgspec.Struct, gc=False):
    """The events of a key, each side in order of time, then of arrival."""

    key: Key
    left: Sequence[Held] = ()
    right: Sequence[Held] = ()
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

    def take(self, state: JoinState, time: int, event: Any, watermark: int) -> list[Event]:
        """Take in a pair of a side and an event that is held."""
        side, mine = event
        return self.join(state, mine, side == LEFT, watermark)

    def join(self, state: JoinState, mine: Held, is_left: bool, watermark: int) -> list[Event]:
        """Take in an event that is held; the pairs that stand right behind it."""
        time = mine.time
        if is_left:
            others, first, last = state.right, self.before, self.within
            if state.left:
                state.left = _put(state.left, mine)
            else:
                state.left = [mine]
        else:
            others, first, last = state.left, self.within, self.before
            if state.right:
                state.right = _put(state.right, mine)
            else:
                state.right = [mine]
        if time > state.latest:
            state.latest = time
        if not others:
            return []
        # One of those that are over may not have gone yet.
        since, until = (watermark if watermark > time else time) - first, time + last
        if len(others) > 1:
            low = bisect_left(others, since, key=_time)
            others = others[low : bisect_right(others, until, key=_time)]
        elif not since <= others[0].time <= until:
            return []
        if not self.silent:
            return self._matched(state.key, mine, others, is_left)
        key, pair = state.key, self.pair
        if len(others) == 1:
            (other,) = others
            return [pair(key, mine, other) if is_left else pair(key, other, mine)]
        if is_left:
            return [pair(key, mine, other) for other in others]
        return [pair(key, other, mine) for other in others]

    def _matched(self, key: Key, mine: Held, others: Sequence[Held], is_left: bool) -> list[Event]:
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
        lefts, state.left = _cut(state.left, watermark - self.within)
        rights, state.right = _cut(state.right, watermark - self.before)
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
    return [one.time, one.seen(), one.matched]


def _revived(time: int, event: Event, matched: bool, partner: list[Any] | None = None) -> Held:
    made = held(time, event)
    made.matched = matched
    made.partner = None if partner is None else _revived(*partner)
    return made


def _put(waiting: Sequence[Held], one: Held) -> list[Held]:
    """Put one behind all that are not later; a list is changed, and given."""
    held = waiting if isinstance(waiting, list) else [*waiting]
    if one.time >= held[-1].time:
        held.append(one)
    else:
        held.insert(bisect_right(held, one.time, key=_time), one)
    return held


def _cut(waiting: Sequence[Held], before: int) -> tuple[Sequence[Held], Sequence[Held]]:
    """The events before a time, and the others."""
    count = bisect_left(waiting, before, key=_time)
    return (waiting[:count], waiting[count:]) if count else ((), waiting)
