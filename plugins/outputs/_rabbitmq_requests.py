"""Requests under way on one channel, and what the server says of their messages.

A confirm names a number, or all up to it; a returned message names none. But the server works off
one channel in order: it returns messages in the order in which they were published, each before its
confirm. So the next message under way with that key and that body is the one, and of two that are
alike it does not matter which.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from ..errors import Rejected, Retry
from ._rabbitmq_rows import Row, row_of


class Request:
    """Messages that are delivered together, as they were packed. ``refused``: why some of them are
    never taken, by index; ``again``: those that the server could not take.
    """

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items
        self.future: Future[None] = Future()
        self.refused: dict[int, str] = {}
        self.again: list[int] = []
        self.next = 0
        self.open: set[int] = set()

    def row(self, index: int) -> Row:
        """What the item says."""
        return row_of(self.items[index])

    @property
    def is_through(self) -> bool:
        """Whether all of it was published and answered."""
        return not self.open and self.next == len(self.items)

    def end(self) -> None:
        """Say what became of it."""
        if self.refused:
            self.future.set_exception(Rejected(self.refused, retry=self.again))
        elif self.again:
            self.future.set_exception(Retry("the server could not take it", self.again))
        else:
            self.future.set_result(None)

    def fail(self, error: Exception) -> None:
        """The channel is gone: what is not answered is to be delivered again."""
        left = sorted({*self.again, *self.open, *range(self.next, len(self.items))})
        if self.refused:
            self.future.set_exception(Rejected(self.refused, retry=left, after=0.0))
        elif len(left) < len(self.items):
            self.future.set_exception(Retry(str(error), left, after=0.0))
        else:
            self.future.set_exception(error)


class UnderWay:
    """The messages of one channel that are not confirmed, by their numbers, which count from 1."""

    def __init__(self) -> None:
        self._messages: dict[int, tuple[Request, int]] = {}
        self._order: deque[int] = deque()
        self._published = self._returned = 0

    def __len__(self) -> int:
        return len(self._messages)

    def add(self, request: Request, index: int) -> None:
        """A message was published."""
        self._published += 1
        self._messages[self._published] = request, index
        self._order.append(self._published)
        request.open.add(index)

    def confirmed(self, number: int, is_multiple: bool, is_taken: bool) -> list[Request]:
        """The server says of a message, or of all up to it, whether it has taken it; the requests
        that were answered a message or more.
        """
        numbers = self._up_to(number) if is_multiple else self._alone(number)
        touched: dict[Request, None] = {}
        for each in numbers:
            found = self._messages.pop(each, None)
            if found is None:
                continue
            request, index = found
            request.open.discard(index)
            if not is_taken and index not in request.refused:
                request.again.append(index)
            touched[request] = None
        return list(touched)

    def _alone(self, number: int) -> list[int]:
        order, messages = self._order, self._messages
        while order and (order[0] == number or order[0] not in messages):
            order.popleft()
        return [number]

    def _up_to(self, number: int) -> list[int]:
        found, order = [], self._order
        while order and order[0] <= number:
            found.append(order.popleft())
        return found

    def returned(self, key: str, body: bytes, usual: str | None) -> tuple[Request, int] | None:
        """The message that the server has returned. ``usual``: the key of those that name none."""
        first = self._order[0] if self._order else self._published + 1
        for number in range(max(first, self._returned + 1), self._published + 1):
            found = self._messages.get(number)
            if found is None:
                continue
            row = found[0].row(found[1])
            if row.body == body and (usual if row.key is None else row.key) == key:
                self._returned = number
                return found
        return None

    def requests(self) -> list[Request]:
        """The requests that have messages under way, in order."""
        return list(dict.fromkeys(request for request, _ in self._messages.values()))

    def only(self) -> tuple[Request, int] | None:
        """The message under way, where there is one alone."""
        return next(iter(self._messages.values())) if len(self._messages) == 1 else None


def properties_of(row: Row, usual: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The properties of a message."""
    return (usual or {}) if row.properties is None else row.properties
