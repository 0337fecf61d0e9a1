"""The operator of sessions: the events of one key, no two of which that follow each other lie
further apart than the gap.

With a gap without end it gathers all events of a bounded input.
"""

from __future__ import annotations

from typing import Any

from ..dsl.reference import Event
from ._window_columns import Record
from ._window_functions import Functions
from ._window_sized import MakeResult, Timing
from .state import FOREVER, NEVER
from .state.keys import Key


class Session:
    """One session: its first and last event, what was gathered (None once it was emitted and no
    more events are taken); the first event when it was emitted first, and how often it was.
    ``until``: the latest event that lengthens it at its end, where it is its key's open one;
    ``limit``: the latest that any event may.
    """

    __slots__ = ("emitted", "first", "last", "limit", "record", "revision", "told", "until")

    def __init__(
        self,
        first: int,
        last: int,
        record: Record | None,
        told: int,
        emitted: int | None = None,
        revision: int = 0,
    ) -> None:
        self.first, self.last, self.record, self.told = first, last, record, told
        self.emitted, self.revision = emitted, revision
        self.until = self.limit = NEVER


class SessionState:
    """One key: its sessions in order of time, emitted ones among them while they matter; and the
    last one, where it was not emitted: ``open``, else one that nothing joins.
    """

    __slots__ = ("key", "latest", "open", "sessions")

    def __init__(self, key: Key, sessions: list[Session], latest: int = NEVER) -> None:
        self.key, self.sessions, self.latest = key, sessions, latest
        self.open = _NONE


_NONE = Session(FOREVER, NEVER, None, NEVER)


class SessionOperator:
    """Sessions of a key. ``longest`` ends one that goes on; FOREVER for none."""

    def __init__(
        self, gap: int, longest: int, functions: Functions, make: MakeResult, timing: Timing
    ) -> None:
        self.gap, self.longest, self.functions, self.make = gap, longest, functions, make
        self.early, self.retain = timing.early, timing.retain

    def new(self, key: Key) -> SessionState:
        return SessionState(key, [])

    def is_late(self, state: SessionState | None, time: int, watermark: int) -> bool:
        """Whether an event of this time can be taken by no session any more: a session of it alone
        would have ended, or it joins one that was emitted.
        """
        for session in state.sessions if state is not None else ():
            if self._joins(session, time):
                if session.emitted is not None:
                    return session.record is None
                return watermark > time + self.gap + self.retain
        return watermark > time + self.gap

    def late_by(self, state: SessionState | None, time: int, watermark: int) -> int:
        """How much more lateness would have taken in an event that is late."""
        for session in state.sessions if state is not None else ():
            if self._joins(session, time):
                end = time + self.gap if session.emitted is None else self._end(session)
                return max(watermark - end - self.retain, 1)
        return max(watermark - time - self.gap, 1)

    def _joins(self, session: Session, time: int) -> bool:
        first, last = session.first, session.last
        if not first - self.gap <= time <= last + self.gap:
            return False
        return max(last, time) - min(first, time) <= self.longest

    def take(self, state: SessionState, time: int, event: Event, watermark: int) -> list[Event]:
        session = self.session(state, time, watermark)
        assert session.record is not None
        self.functions.add(session.record, time, event)
        if session.emitted is None:
            return []
        session.revision += 1
        return [self._result(state, session, "late")]

    def session(self, state: SessionState, time: int, watermark: int) -> Session:
        """The session that takes an event of this time; those that it connects become one."""
        session = self._taking(state, time, watermark)
        self._see_open(state)
        return session

    def _see_open(self, state: SessionState) -> None:
        """Note which session of a key is open, and which events lengthen it."""
        session = state.sessions[-1] if state.sessions else _NONE
        if session.emitted is not None:
            session = _NONE
        if session is not _NONE:
            session.limit = session.first + self.longest
            session.until = self._end(session)
        state.open = session

    def _taking(self, state: SessionState, time: int, watermark: int) -> Session:
        if time > state.latest:
            state.latest = time
        sessions = state.sessions
        if sessions:
            session = sessions[-1]
            follows = session.last <= time <= session.last + self.gap
            if follows and session.record is not None and time - session.first <= self.longest:
                session.last = time
                return session
        found = next((s for s in sessions if s.record is not None and self._joins(s, time)), None)
        if found is None:
            session = Session(time, time, self.functions.new(), watermark)
            at = next((i for i, s in enumerate(sessions) if s.first > time), len(sessions))
            sessions.insert(at, session)
            return session
        found.first, found.last = min(found.first, time), max(found.last, time)
        return self._connected(sessions, found)

    def merge(self, state: SessionState, other: SessionState, watermark: int) -> list[Event]:
        """Take in the sessions of another state of the key."""
        for theirs in other.sessions:
            mine = self.session(state, theirs.first, watermark)
            mine.last = max(mine.last, theirs.last)
            assert mine.record is not None
            assert theirs.record is not None
            mine.record = self.functions.merged([mine.record, theirs.record])
            self.functions.fold(mine.record)
            self._see_open(state)
        state.latest = max(state.latest, self.latest(other))
        return []

    def _connected(self, sessions: list[Session], session: Session) -> Session:
        """A session together with those behind it that it reaches now."""
        at = sessions.index(session)
        while at + 1 < len(sessions):
            behind = sessions[at + 1]
            whole = behind.last - session.first
            if behind.first - session.last > self.gap or whole > self.longest:
                break
            if behind.record is None or session.record is None:
                break
            session.record = self.functions.merged([session.record, behind.record])
            session.last = max(session.last, behind.last)
            session.told = max(session.told, behind.told)
            session.revision = max(session.revision, behind.revision)
            if session.emitted is None:
                session.emitted = behind.emitted
            del sessions[at + 1]
        return session

    def _end(self, session: Session) -> int:
        """The last watermark at which an event may still join."""
        return min(session.last + self.gap, session.first + self.longest)

    def due(self, state: SessionState, watermark: int, reason: str) -> list[tuple[int, Event]]:
        results = []
        for session in state.sessions:
            if session.emitted is None and self._end(session) < watermark:
                results.append((session.last, self._emit(state, session, reason)))
            elif session.emitted is None and self._early_mark(session) <= watermark:
                results.append((watermark, self._result(state, session, "early")))
            session.told = max(session.told, watermark)
        self._prune(state, watermark)
        self._see_open(state)
        return results

    def _emit(self, state: SessionState, session: Session, reason: str) -> Event:
        if reason == "watermark" and session.first + self.longest < session.last + self.gap:
            reason = "longest"
        session.emitted = session.first
        return self._result(state, session, reason)

    def _result(self, state: SessionState, session: Session, reason: str) -> Event:
        start = session.first if session.emitted is None else session.emitted
        span = (session.first, session.last)
        assert session.record is not None
        return self.make(state.key, start, span, session.record, reason, session.revision)

    def _early_mark(self, session: Session) -> int:
        if not self.early or session.emitted is not None:
            return FOREVER
        told = session.told
        steps = max((told - session.first) // self.early + 1, 1) if told > NEVER else 1
        return session.first + steps * self.early

    def _prune(self, state: SessionState, watermark: int) -> None:
        """Let go of what was gathered of sessions that take no more events, and of sessions that
        no event can be late for any more.
        """
        if all(session.emitted is None for session in state.sessions):
            return
        for session in state.sessions:
            if session.emitted is not None and self._end(session) + self.retain < watermark:
                session.record = None
        state.sessions = [s for s in state.sessions if self._memory(s) >= watermark]

    def _memory(self, session: Session) -> int:
        """The last watermark at which an emitted session must be known."""
        if session.emitted is None:
            return FOREVER
        return session.last + 2 * self.gap + self.retain

    def next_timer(self, state: SessionState) -> int:
        marks = []
        for session in state.sessions:
            if session.emitted is None:
                marks.append(self._end(session) + 1)
                if self.early:
                    marks.append(self._early_mark(session))
            elif session.record is not None:
                marks.append(self._end(session) + self.retain + 1)
            else:
                marks.append(self._memory(session) + 1)
        return min(marks, default=NEVER)

    def windows_open(self, state: SessionState) -> int:
        """How many sessions have not ended."""
        return sum(session.emitted is None for session in state.sessions)

    def latest(self, state: SessionState) -> int:
        """The latest event, of which the last session may know and the key not yet."""
        return max(state.latest, *[session.last for session in state.sessions[-1:]])

    def dump(self, state: SessionState) -> list[Any]:
        rows = [self._dumped(session) for session in state.sessions]
        return [state.key, rows, self.latest(state)]

    def _dumped(self, session: Session) -> list[Any]:
        record = None if session.record is None else self.functions.dump(session.record)
        row = [session.first, session.last, record]
        return [*row, session.told, session.emitted, session.revision]

    def load(self, data: list[Any]) -> SessionState:
        key, rows, latest = data
        sessions = [Session(*row) for row in rows]
        for session in sessions:
            if session.record is not None:
                session.record = self.functions.load(session.record)
        state = SessionState(key, sessions, latest)
        self._see_open(state)
        return state
