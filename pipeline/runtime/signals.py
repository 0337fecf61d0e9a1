"""Signals as calls in a thread of their own.

A handler may run between any two bytecodes of the main thread, also inside a lock that it would
need itself. So the handlers here do nothing: the number of each signal is written to a pipe, and a
thread that reads it calls what is to be done. Signals that come before the thread has started wait
in the pipe. When listening ends the signals are ignored: from then on the process is ending, and
Python takes its handlers away before it has.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any


def _nothing(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe has the number already."""


class SignalThread:
    """Listens to signals inside a ``with``, which stands in the main thread; ``start`` says what
    they do.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._before: dict[int, Any] = {}
        self._has_started = False

    def __enter__(self) -> SignalThread:
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, _nothing)
        return self

    def start(self, actions: Mapping[int, Callable[[], None]]) -> None:
        """Call ``actions`` by the number of the signal, from now on, also for those that came."""
        self._has_started = True
        thread = threading.Thread(target=self._run, args=(actions,), name="signals", daemon=True)
        thread.start()

    def __exit__(self, *problem: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._has_started else before)
        signal.set_wakeup_fd(-1)
        os.close(self._write)
        if not self._has_started:
            os.close(self._read)

    def _run(self, actions: Mapping[int, Callable[[], None]]) -> None:
        while numbers := os.read(self._read, 64):
            for number in numbers:
                action = actions.get(number)
                if action is not None:
                    action()
        os.close(self._read)
