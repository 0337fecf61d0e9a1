"""Connections, one set for each process: workers are forked from a pipeline that is open, and may
not share its sockets.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """What is made when it is first asked for, and anew in a process that was forked since.

    What a fork inherits is kept and left alone: even to let it go might say good-bye on the other
    process's connection.
    """

    __slots__ = ("_inherited", "_let_go", "_make", "_process", "_value")

    def __init__(self, make: Callable[[], T], let_go: Callable[[T], None]) -> None:
        self._make, self._let_go = make, let_go
        self._value: T | None = None
        self._process = 0
        self._inherited: list[T] = []

    def get(self) -> T:
        """The value of this process; raises what making it raises."""
        value = self._value
        if value is not None and self._process == os.getpid():
            return value
        if value is not None:
            self._inherited.append(value)
        self._value = fresh = self._make()
        self._process = os.getpid()
        return fresh

    def peek(self) -> T | None:
        """The value of this process, if it was made."""
        return self._value if self._process == os.getpid() else None

    def close(self) -> None:
        """Let the value go, if it is this process's; the next ``get`` makes another."""
        value = self.peek()
        if value is not None:
            self._value = None
            self._let_go(value)
