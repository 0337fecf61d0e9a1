"""Ends a match that takes too long, at no cost to those that do not.

The hard idea: nothing is done per event. A timer of the process' CPU time ticks a few times within
the limit, and its handler looks where the thread is: in the same call, of the same frame, with the
same locals as at the last tick? Then one match has been running all that time, and once the limit
is reached the handler raises, which Python's ``re`` lets through. How a loop is to be written for
it:

    with guard:
        finds = [guard.finder(expression) for expression in expressions]
        for event in events:            # a local changes from one match to the next: the handler
        tells them apart by it
            try:
                match = finds[0](event["message"])
            except MatchTimeout:
                ...

For a limit on all matches of an event together, set ``guard.turn = event`` before the first of
them.

SIGVTALRM and ITIMER_VIRTUAL are used (what stood there before is put back), so that timers of the
wall clock stay free. Signals reach the main thread only; in other threads ``finder`` gives a match
by the ``regex`` module, slower, whose own limit is used, and ``limited`` a pattern of that kind.
Its matches are of another class than those of ``re``: call their methods on them, never on
``re.Match``.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import FrameType, TracebackType
from typing import Any, Protocol

from .diagnostics import PenstockError
from .regex_writer import NO_SPACE

Find = Callable[[str], re.Match[str] | None]

_LONGEST_TICK = 0.25
_SHORTEST_TICK = 0.002


class Sought(Protocol):
    """What a guard can look for: an expression of grok, or of a condition."""

    @property
    def find(self) -> Find:
        """Look without a limit of its own."""

    @property
    def pattern(self) -> re.Pattern[str]:
        """The expression as ``re`` compiled it."""

    @property
    def anchor(self) -> str | None:
        """Where alone a match can be, such as "start"; None for anywhere."""


class MatchTimeout(PenstockError):
    """A match took longer than its limit."""


TIMED_OUT = "_matchtimeout"
"""The tag of an event on which a match was ended, where no option names one."""


def signals_reach() -> bool:
    """Whether a guard works in this thread."""
    return threading.current_thread() is threading.main_thread()


class Limited:
    """A pattern that ends its matches itself, for threads that no signal reaches."""

    def __init__(self, pattern: re.Pattern[str], seconds: float) -> None:
        self.pattern, self.groups, self.groupindex = (
            pattern.pattern,
            pattern.groups,
            pattern.groupindex,
        )
        self._regex, self._seconds = _regex_of(pattern.pattern), seconds

    def search(self, text: str) -> re.Match[str] | None:
        """As ``re.Pattern.search``; raises MatchTimeout."""
        try:
            match: re.Match[str] | None = self._regex.search(text, timeout=self._seconds)
        except TimeoutError:
            raise _late(self._seconds) from None
        return match

    def sub(self, replacement: str | Callable[[re.Match[str]], str], text: str) -> str:
        """As ``re.Pattern.sub``; raises MatchTimeout."""
        try:
            changed: str = self._regex.sub(replacement, text, timeout=self._seconds)
        except TimeoutError:
            raise _late(self._seconds) from None
        return changed


_REPEATS = re.compile(r"[*+]|\{\d*,\}")


@lru_cache(maxsize=1024)
def limited(pattern: re.Pattern[str], seconds: float) -> re.Pattern[str] | Limited:
    """The pattern for a thread that no signal reaches; itself, where it repeats nothing without
    end, or there is no limit.
    """
    return Limited(pattern, seconds) if seconds and _REPEATS.search(pattern.pattern) else pattern


def _regex_of(text: str) -> Any:
    import regex  # type: ignore[import-untyped]

    # For ``regex`` a flag of this kind would reach over the whole expression.
    return regex.compile(text.replace(NO_SPACE, r"[^\t-\r ]"), regex.VERSION0 | regex.MULTILINE)


def _late(seconds: float) -> MatchTimeout:
    return MatchTimeout(f"a match took longer than {seconds:g} s")


_guards: list[Guard] = []  # those entered, the innermost last
_standing_by = False
_unlimited = 0


def _look(number: int, frame: FrameType | None) -> None:
    if _guards and not _unlimited:
        _guards[-1].look(frame)


@contextlib.contextmanager
def unlimited() -> Iterator[None]:
    """Let time pass that counts for no match: an expression is compiled when it is first looked
    for.
    """
    global _unlimited
    _unlimited += 1
    try:
        yield
    finally:
        if _guards:
            _guards[-1].forget()
        _unlimited -= 1


def _set_handler(handler: Any) -> Any:
    """Set the handler of the signal; the one that was set before, so that it can be set again."""
    before = signal.signal(signal.SIGVTALRM, handler)
    return before if before is not None else signal.SIG_DFL


@contextlib.contextmanager
def standing_by() -> Iterator[None]:
    """Keep the handler in its place from one guard to the next, in a thread that signals reach: to
    set it costs as much as five events do, which a loop over batches need not pay for each.
    """
    global _standing_by
    if _standing_by or not signals_reach():
        yield
        return
    before, _standing_by = _set_handler(_look), True
    try:
        yield
    finally:
        _standing_by = False
        _set_handler(before)


class Guard:
    """A context in which no match takes longer than ``seconds`` of CPU time; MatchTimeout is raised
    out of it.

    May be entered again and again, by one thread at a time. ``turn`` is what the limit is for as a
    whole, None for each match by itself.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.turn: object = None
        self._tick = min(max(seconds / 4, _SHORTEST_TICK), _LONGEST_TICK)
        self._in_main = False
        self._place: tuple[Any, ...] = ()
        self._since = 0.0
        self._before: tuple[Any, tuple[float, float]] = (None, (0.0, 0.0))
        self._fallbacks: dict[int, tuple[Sought, Find]] = {}

    def __enter__(self) -> Guard:
        self._in_main = signals_reach()
        if self._in_main:
            handler = None if _standing_by else _set_handler(_look)
            _guards.append(self)
            self._before = (
                handler,
                signal.setitimer(signal.ITIMER_VIRTUAL, self._tick, self._tick),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._in_main:
            handler, timer = self._before
            signal.setitimer(signal.ITIMER_VIRTUAL, *timer)
            _guards.pop()
            if handler is not None:
                _set_handler(handler)
        self._place = ()
        self.turn = None

    def finder(self, expression: Sought) -> Find:
        """How to look for the expression under this guard; to be asked for inside of it."""
        if self._in_main:
            return expression.find
        kept = self._fallbacks.get(id(expression))
        if kept is None:
            # The expression is kept with its finder: else its id could come to stand for another
            # one.
            kept = self._fallbacks[id(expression)] = (expression, self._timed(expression))
        return kept[1]

    def forget(self) -> None:
        """Begin to count anew."""
        self._place = ()

    def look(self, frame: FrameType | None) -> None:
        """See whether the thread is in the match that it was in at the last look; raises
        MatchTimeout if it is for too long.
        """
        if self.turn is not None:
            place: tuple[Any, ...] = (self.turn,)
        elif frame is not None:
            place = (frame, frame.f_lasti, *frame.f_locals.values())
        else:
            return
        now = time.thread_time()
        if len(place) != len(self._place) or any(map(_is_other, place, self._place)):
            self._place, self._since = place, now
        elif now - self._since >= self.seconds - self._tick:
            self._place = ()
            raise _late(self.seconds)

    def _timed(self, expression: Sought) -> Find:
        searches: list[Any] = []

        def search(text: str, timeout: float) -> re.Match[str] | None:
            if not searches:
                pattern = _regex_of(expression.pattern.pattern)
                searches.append(pattern.match if expression.anchor == "start" else pattern.search)
            match: re.Match[str] | None = searches[0](text, timeout=timeout)
            return match

        started: list[Any] = [None, 0.0]

        def find(text: str) -> re.Match[str] | None:
            now = time.monotonic()
            if self.turn is None or started[0] is not self.turn:
                started[:] = self.turn, now
            try:
                match = search(text, max(self.seconds - (now - started[1]), 0.001))
            except TimeoutError:
                raise _late(self.seconds) from None
            return match

        return find


def _is_other(one: object, other: object) -> bool:
    """Whether two things are not the same; where the frame is (``f_lasti``) is a number, made anew
    whenever it is asked for.
    """
    return one is not other and not (type(one) is int and one == other)
