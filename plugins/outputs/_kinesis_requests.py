"""From entries to requests: what of a payload goes into which request, and what the answers mean.

Kinesis answers for each record of a request by itself, and takes later ones although an earlier one
failed. Where order is kept, a request has the first entry of each key that is not delivered yet,
and no other: so nothing overtakes. A key whose entry failed has the others of it wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..clients.aws_errors import is_temporary
from ..contract import Disconnected, Rejected, Retry

LARGEST = 1 << 20
"""Bytes of a record with its key."""

Entry = tuple[str, bytes]
"""A partition key and what is written."""


class Limits(NamedTuple):
    """What a request may have."""

    records: int
    bytes: int


class Outcome:
    """What became of the entries of a payload, by their indexes."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self.refused: dict[int, str] = {
            index: f"it has {size_of(entry)} bytes with its key, and Kinesis takes {LARGEST}"
            for index, entry in enumerate(entries)
            if size_of(entry) > LARGEST
        }
        self.left: set[int] = set(range(len(entries))) - self.refused.keys()
        self.why = ""
        self.after: float | None = None

    def note(self, indexes: Sequence[int], answers: Sequence[Mapping[str, Any]]) -> list[int]:
        """What a request answered; the indexes that failed."""
        failed = []
        for index, answer in zip(indexes, answers, strict=True):
            code = answer.get("ErrorCode")
            if not code:
                self.left.discard(index)
                continue
            failed.append(index)
            self.why = f"{code}: {answer.get('ErrorMessage') or 'no reason is given'}"
            if not is_temporary(code):
                self.left.discard(index)
                self.refused[index] = self.why
        return failed

    def check(self) -> None:
        """Raise Rejected or Retry where not all was delivered."""
        if self.refused:
            raise Rejected(self.refused, self.left, self.after)
        if self.left:
            raise Retry(self.why, self.left, self.after)


def size_of(entry: Entry) -> int:
    """The bytes of an entry, as limits count them."""
    return len(entry[1]) + len(entry[0].encode())


def cut(
    entries: Sequence[Entry], indexes: Sequence[int], limits: Limits
) -> Iterator[Sequence[int]]:
    """Indexes of entries in requests that are within the limits."""
    request: list[int] = []
    size = 0
    for index in indexes:
        more = size_of(entries[index])
        if request and (len(request) >= limits.records or size + more > limits.bytes):
            yield request
            request, size = [], 0
        request.append(index)
        size += more
    if request:
        yield request


def _firsts(entries: Sequence[Entry], indexes: Sequence[int], blocked: set[str]) -> list[int]:
    """The first entry of each key that may go on."""
    seen = set(blocked)
    found = []
    for index in indexes:
        key = entries[index][0]
        if key not in seen:
            seen.add(key)
            found.append(index)
    return found


def deliver(
    entries: Sequence[Entry],
    is_ordered: bool,
    limits: Limits,
    send: Callable[[Sequence[int]], Sequence[Mapping[str, Any]]],
) -> None:
    """Write entries. ``send`` makes one request of some of them, and returns what it answers.
    Raises Rejected, Retry, and what ``send`` raises before anything was delivered.
    """
    outcome = Outcome(entries)
    try:
        _send_all(entries, is_ordered, limits, send, outcome)
    except (Retry, Disconnected) as error:
        if len(outcome.left) == len(entries):
            raise
        outcome.why, outcome.after = str(error), error.after
    outcome.check()


def _send_all(
    entries: Sequence[Entry],
    is_ordered: bool,
    limits: Limits,
    send: Callable[[Sequence[int]], Sequence[Mapping[str, Any]]],
    outcome: Outcome,
) -> None:
    if not is_ordered:
        for request in cut(entries, sorted(outcome.left), limits):
            outcome.note(request, send(request))
        return
    blocked: set[str] = set()
    while True:
        wave = _firsts(entries, sorted(outcome.left), blocked)
        if not wave:
            return
        for request in cut(entries, wave, limits):
            failed = outcome.note(request, send(request))
            blocked.update(entries[index][0] for index in failed if index in outcome.left)
