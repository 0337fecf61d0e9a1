"""Signals as calls in a thread of their own.

A handler may run between any two bytecodes of the main thread, also inside a lock that it would
need itself. So the handlers here do nothing: the number of each signal is written to a pipe, and a
thread that reads it calls what is to be done. When listening ends the signals are ignored: from
then on the process is ending, and Python takes its handlers away before it has.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType


def _nothing(number: int, frame: FrameType | None) -> None:
    """The wake-up pipe has the number already."""


class SignalThread:
    """Calls ``actions`` by the number of the signal. To be made, started and stopped in the main
    thread.
    """

    def __init__(self, actions: Mapping[int, Callable[[], None]]) -> None:
        self._actions = dict(actions)
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._thread = threading.Thread(target=self._run, name="signals", daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self._actions:
            signal.signal(number, _nothing)
        self._thread.start()

    def stop(self) -> None:
        """Ignore the signals from now on."""
        for number in self._actions:
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        os.close(self._write)

    def _run(self) -> None:
        while numbers := os.read(self._read, 64):
            for number in numbers:
                action = self._actions.get(number)
                if action is not None:
                    action()
