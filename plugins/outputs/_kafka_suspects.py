"""Which of many messages it is that brokers never take.

Messages go to a broker in batches, and a batch is refused as a whole: for one message that is too
large for its topic, all that were with it fail. So none of them is believed to be the one at first;
they are suspects, and are sent again in smaller groups, until one that is sent alone fails. Then it
is refused, and remembered for as long as its events may come again.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from ._kafka_rows import Row

_SMALLER = 8
_MOST = 100_000


class Suspects:
    """``topic``: of rows that name none. Used by the threads that deliver and that get reports."""

    def __init__(self, topic: str | None) -> None:
        self._topic = topic
        self._groups: dict[bytes, int] = {}
        self._refused: dict[bytes, str] = {}

    @property
    def are_there(self) -> bool:
        """Whether any row is suspected or refused."""
        return bool(self._groups or self._refused)

    def group_of(self, row: Row) -> int:
        """How many at once a row may be sent with; 0 where it is not suspected."""
        return self._groups.get(self._digest(row), 0)

    def refusal_of(self, row: Row) -> str | None:
        """Why a row is never taken; None where that is not known."""
        return self._refused.get(self._digest(row))

    def narrow(self, row: Row, count: int, reason: str) -> bool:
        """A row has failed, with others of its request (``count`` in all), and perhaps of others:
        whether it is to be sent again in a smaller group. Where it was alone it is refused.
        """
        digest = self._digest(row)
        group = self._groups.pop(digest, 0)
        if group == 1 or len(self._groups) >= _MOST:
            self._refused[digest] = reason
            return False
        self._groups[digest] = max(1, min(group or count, count) // _SMALLER)
        return True

    def absolve(self, rows: Iterable[Row]) -> None:
        """These were delivered, or are through."""
        for row in rows:
            digest = self._digest(row)
            self._groups.pop(digest, None)
            self._refused.pop(digest, None)

    def clear(self) -> None:
        """All that was delivered is committed."""
        self._groups.clear()
        self._refused.clear()

    def _digest(self, row: Row) -> bytes:
        whole = repr((row.topic or self._topic, row.key, row.value, row.partition))
        return blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).digest()
