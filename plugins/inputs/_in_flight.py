"""Which parts of a file were handed out, and which of them have been delivered.

Batches may be acknowledged in any order, from any thread. A file's safe position moves only when
everything before it has been delivered; what a batch gives back is read again from where the batch
began, and with it all that was read after.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ...dsl.reference import Event
from ..contract import Batch
from ._fingerprint import Mark


class Span:
    """A part of one file in one batch."""

    __slots__ = ("delivered", "end", "ledger", "mark", "start")

    def __init__(self, ledger: Ledger, start: int, end: int, mark: Mark) -> None:
        self.ledger, self.start, self.end, self.mark = ledger, start, end, mark
        self.delivered = False


class Ledger:
    """The spans of one file that are on their way. ``safe`` is the mark up to which all is
    delivered.
    """

    __slots__ = ("changed", "failed", "open", "safe")

    def __init__(self, safe: Mark) -> None:
        self.safe = safe
        # A few at most, and in thousands of files none: a deque takes room even when it is empty.
        self.open: list[Span] = []
        self.changed = False
        self.failed = False

    def hand_out(self, start: int, end: int, mark: Mark) -> Span:
        """A span that a batch covers; ``mark`` stands at its end."""
        span = Span(self, start, end, mark)
        self.open.append(span)
        return span

    def settle(self, span: Span) -> None:
        """A span was delivered."""
        span.delivered = True
        while self.open and self.open[0].delivered:
            self.safe = self.open.pop(0).mark
            self.changed = True

    def give_back(self, span: Span) -> None:
        """A span was not delivered; nothing from it on counts any more."""
        if span in self.open:
            while self.open.pop() is not span:
                pass
            self.failed = True


Answer = tuple[Sequence[Span], Exception | None]


class Load:
    """A batch while it is filled, of one file or several."""

    def __init__(self, answers: deque[Answer]) -> None:
        self.events: list[Event] = []
        self.spans: list[Span] = []
        self.bytes = 0  # on disk
        self.size = 0  # of their content
        self._answers = answers

    def batch(self) -> Batch:
        """The batch; its answer goes to the queue that was given."""
        answers, spans = self._answers, self.spans
        return Batch(self.events, lambda error: answers.append((spans, error)), self.bytes)
