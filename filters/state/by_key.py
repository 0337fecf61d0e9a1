"""What a filter holds by key, in a dict that knows which keys have changed and when each is to be
looked at again.

A filter whose state has no time of its own works with a plain dict. Where its state is kept
elsewhere (with an engine, with the partitions of a topic) it is given this one, which does the
same: whatever is got out of it may be changed in place, and counts as changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from . import FOREVER, NEVER
from .keys import Key
from .timers import Timers

VERSION = 1

S = TypeVar("S")
T = TypeVar("T")


class Form(Protocol[S]):
    """How a key and what is held of it are written as plain data."""

    def name_of(self, key: Key) -> Any:
        """A key as plain data."""
        ...

    def dump(self, state: S) -> Any:
        """What is held of a key as plain data."""
        ...

    def load(self, name: Any, data: Any) -> tuple[Key, S]:
        """The key and what is held of it, of what the other two gave."""
        ...

    def due(self, state: S) -> int:
        """The event time at which time is up for a key, in milliseconds; FOREVER for never."""
        ...


_STALE = 1000
"""So many timers may be of keys that are gone."""


class ByKey(dict[Key, S]):
    """What is held by key. ``changed``: the keys that changed since the last snapshot; None where
    the next one is to have all. ``timed``: whether timers are wanted.
    """

    def __init__(self, form: Form[S], timed: bool = True) -> None:
        super().__init__()
        self._form, self._timed = form, timed
        self.timers = Timers()
        self._timers_set = 0
        self.changed: set[Key] | None = None
        self._looked_at = NEVER

    def get(self, key: Key, default: T | None = None) -> S | T | None:  # type: ignore[override]
        """What is held of a key, which counts as changed."""
        found = dict.get(self, key)
        if found is None:
            return default
        self._note(key)
        return found

    def __setitem__(self, key: Key, state: S) -> None:
        super().__setitem__(key, state)
        self._note(key)

    def __delitem__(self, key: Key) -> None:
        super().__delitem__(key)
        self._forgotten(key)

    def pop(self, key: Key, default: T | None = None) -> S | T | None:  # type: ignore[override]
        """Forget a key; what was held of it."""
        if key not in self:
            return default
        found = super().pop(key)
        self._forgotten(key)
        return found

    def _note(self, key: Key) -> None:
        if self.changed is not None:
            self.changed.add(key)

    def _forgotten(self, key: Key) -> None:
        self.timers.drop(key)
        self._note(key)

    def due(self, watermark: int) -> list[Key]:
        """The keys to look at, now that time has come so far, earliest first."""
        self._looked_at = watermark
        keys = [key for key in self.timers.pop(watermark) if key in self]
        for key in keys:
            self._note(key)
        return keys

    def snapshot(self) -> list[Any]:
        """The keys that changed since the last call, each with its state, null where it is gone:
        all of them at the first one. Plain data. Sets their timers.
        """
        keys: Iterable[Key] = list(self) if self.changed is None else self.changed
        rows = [[self._form.name_of(key), self._dumped(key)] for key in keys]
        self.changed = set()
        return rows

    def _dumped(self, key: Key) -> Any:
        state = dict.get(self, key)
        if state is None:
            return None
        self._set_timer(key, state)
        return self._form.dump(state)

    def _set_timer(self, key: Key, state: S) -> None:
        if not self._timed:
            return
        at = self._form.due(state)
        if at < FOREVER:
            self.timers.set(key, max(at, self._looked_at + 1))
            self._timers_set += 1
        if self._timers_set > 2 * len(self) + _STALE:
            self._timers_set, self.timers = 0, Timers()
            for each, held in self.items():
                self._set_timer(each, held)

    def restore(self, rows: Iterable[Any]) -> None:
        """Take over what a snapshot gave. Timers come from the states."""
        for name, data in rows:
            key, state = self._form.load(name, data)
            self[key] = state
            self._set_timer(key, state)
