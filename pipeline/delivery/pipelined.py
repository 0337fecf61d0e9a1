"""An output whose client keeps order by itself: its deliveries are futures, many at once.

One thread begins requests, up to ``max_in_flight`` of them. They end in whatever thread the client
has. When one fails, nothing new is begun until the others have ended; then the failed ones are
delivered again in their order, one after the other.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .buffer import BufferedSink
from .pending import Request
from .sender import error_of

if TYPE_CHECKING:
    from concurrent.futures import Future


class PipelinedSink(BufferedSink):
    """As BufferedSink, with one thread and many requests under way."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._begun = 0
        self._flying: dict[Request, int] = {}
        self._failed_ones: list[tuple[int, Request, Exception]] = []

    def _thread_count(self) -> int:
        return 1

    def _due(self) -> float | None:
        if self._failed_ones:
            return None if self._flying else 0
        if len(self._flying) >= self.output.max_in_flight:
            return None
        return super()._due()

    def _is_finished(self) -> bool:
        return not self._flying and not self._failed_ones and super()._is_finished()

    def _taken(self) -> Request | None:
        if self._failed_ones:
            return self._failed_ones[0][1]
        return super()._taken()

    def _deliver(self, request: Request) -> None:
        """Begin to deliver; where it has failed before, after what its error asks for."""
        number = self._begun
        if self._failed_ones and self._failed_ones[0][1] is request:
            number, _, error = self._failed_ones[0]
            if self.sender.failed(request, error):
                self._failed_ones.pop(0)
                self._through(request)
                return
            self._failed_ones.pop(0)
        else:
            self._begun += 1
        self._begin(number, request)

    def _begin(self, number: int, request: Request) -> None:
        try:
            future = self.sender.start(request)
        except Exception as error:
            self._land(number, request, error)
            return
        if future is None:
            self._land(number, request, None)
            return
        with self._change:
            self._flying[request] = number
        future.add_done_callback(partial(self._landed, number, request))

    def _landed(self, number: int, request: Request, future: Future[None]) -> None:
        """A request has ended; in a thread of the client."""
        self._land(number, request, error_of(future))

    def _land(self, number: int, request: Request, error: Exception | None) -> None:
        if error is None:
            self.sender.succeeded(request)
            self._through(request)
        with self._change:
            self._flying.pop(request, None)
            if error is not None:
                self._failed_ones.append((number, request, error))
                self._failed_ones.sort(key=lambda failed: failed[0])
            self._change.notify_all()
