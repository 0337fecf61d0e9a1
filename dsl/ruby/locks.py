"""Mutex and Monitor: one worker runs what keeps state, so that nobody waits for a lock here."""

from __future__ import annotations

from typing import Any

from .dispatch import CLASS_OF, define, singleton
from .errors import ThreadError
from .objects import Proc


class Lock:
    """A lock that one thread uses; a Monitor may be taken again."""

    __slots__ = ("depth", "reentrant")

    def __init__(self, reentrant: bool = False) -> None:
        self.depth, self.reentrant = 0, reentrant


class Monitor(Lock):
    """A lock that its holder may take again."""

    __slots__ = ()


CLASS_OF[Lock] = "Thread::Mutex"
CLASS_OF[Monitor] = "Monitor"


@singleton("Mutex", "new")
@singleton("Thread::Mutex", "new")
def new_mutex() -> Lock:
    """A new lock."""
    return Lock()


@singleton("Monitor", "new")
def new_monitor() -> Monitor:
    """A new monitor."""
    return Monitor(reentrant=True)


@define("Thread::Mutex", "lock")
@define("Monitor", "enter", "mon_enter")
def lock(self: Lock) -> Lock:
    """Take the lock."""
    if self.depth and not self.reentrant:
        raise ThreadError("deadlock; recursive locking")
    self.depth += 1
    return self


@define("Thread::Mutex", "unlock")
@define("Monitor", "exit", "mon_exit")
def unlock(self: Lock) -> Lock:
    """Give the lock back."""
    if not self.depth:
        raise ThreadError("Attempt to unlock a mutex which is not locked")
    self.depth -= 1
    return self


@define("Thread::Mutex", "synchronize")
@define("Monitor", "synchronize", "mon_synchronize")
def synchronize(self: Lock, block: Proc) -> Any:
    """Run a block with the lock."""
    lock(self)
    try:
        return block.call()
    finally:
        unlock(self)


@define("Thread::Mutex", "try_lock")
@define("Monitor", "try_enter")
def try_lock(self: Lock) -> bool:
    """Take the lock, if it is free."""
    if self.depth and not self.reentrant:
        return False
    self.depth += 1
    return True


@define("Thread::Mutex", "locked?", "owned?")
@define("Monitor", "mon_locked?", "mon_owned?")
def is_locked(self: Lock) -> bool:
    """Whether the lock is taken."""
    return self.depth > 0
