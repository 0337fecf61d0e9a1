"""A job that works in a thread of this process, for engines whose driver is this process."""

from __future__ import annotations

import threading


class JobThread:
    """What such jobs have in common. ``_work`` does the work, and looks at ``_stopping``; what it
    raises is raised by ``wait``.
    """

    def __init__(self, engine: str) -> None:
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"engine {engine}", daemon=True)

    def begin(self) -> None:
        """Start to work; called once, when all that ``_work`` needs is there."""
        self._thread.start()

    def wait(self) -> None:
        """Return when the job has ended; raises what it failed with."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = self._failure(error)

    def _work(self) -> None:
        raise NotImplementedError

    def _failure(self, error: BaseException) -> BaseException | None:
        """What ``wait`` raises for an error; None where the job may end so."""
        return error
