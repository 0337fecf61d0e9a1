"""What the cluster answers to a bulk request, and what becomes of each item.

A request succeeds as a whole and says of each item how it went. Taken is what has a status of 2xx.
A `create` of what is there already, and a `delete` of what is not, have been done before: by a
delivery whose answer was lost, or by somebody else. What will never be taken is rejected, with the
server's reason; all else (429, 5xx, an index that is closed or full) is tried again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..clients.elastic_client import reason_of
from ..metrics import Metrics
from ..rate_limit import PluginLog

_CONFLICT, _NOT_FOUND = 409, 404
_REJECTED = frozenset((400, 404))
_OWN_ID = re.compile(r" in document with id '[^']*'")


class Item(msgspec.Struct):
    """What became of one item."""

    status: int = 0
    error: Any = None


class Answer(msgspec.Struct):
    """The answer to a request."""

    errors: bool = True
    items: list[dict[str, Item]] = msgspec.field(default_factory=list)


_decode = msgspec.json.Decoder(Answer).decode


def answer_of(body: bytes) -> Answer:
    """The answer in a body; raises msgspec.DecodeError."""
    if body.startswith(b'{"errors":false'):
        return Answer(errors=False)
    return _decode(body)


@dataclass
class Verdict:
    """What becomes of the items of a request, by index; those in neither were taken."""

    rejected: dict[int, str] = field(default_factory=dict)
    retry: list[int] = field(default_factory=list)
    reason: str = ""
    """Why items are to be retried."""

    after: float | None = None
    """Seconds to wait before that, where the cluster says it."""

    def add(self, other: Verdict, offset: int) -> None:
        """The verdict on items that begin at an offset."""
        self.rejected |= {offset + index: reason for index, reason in other.rejected.items()}
        self.retry += [offset + index for index in other.retry]
        self.reason = self.reason or other.reason
        if other.after is not None:
            self.after = max(other.after, self.after or 0.0)


class Judge:
    """Decides by the options. ``silent``: types of errors that the log is not told of; ``dropped``:
    those that are given up; ``codes``: statuses of dead letters besides the usual ones.
    """

    def __init__(
        self,
        codes: Iterable[int],
        dropped: Collection[str],
        silent: Collection[str],
        log: PluginLog,
        metrics: Metrics,
    ) -> None:
        self._codes, self._dropped, self._silent = _REJECTED | set(codes), dropped, silent
        self._log, self._metrics = log, metrics

    def verdict(self, answer: Answer) -> Verdict:
        """What becomes of the items of an answer."""
        found = Verdict()
        if answer.errors:
            for index, (action, item) in enumerate(_each(answer.items)):
                if not 200 <= item.status < 300:
                    self._judge(found, index, action, item)
        return found

    def _judge(self, found: Verdict, index: int, action: str, item: Item) -> None:
        kind, reason = _said(item)
        if item.status == _NOT_FOUND and action == "delete" and not kind:
            return
        if item.status == _CONFLICT and action != "update":
            self._give_up("conflicts", "was there already, or in a newer version", kind, reason)
        elif kind in self._dropped:
            self._give_up("dropped", "is given up, as `drop_error_types` says", kind, reason)
        elif item.status in self._codes:
            found.rejected[index] = f"{item.status} {reason}"
        else:
            found.retry.append(index)
            found.reason = found.reason or f"{item.status} {reason}"

    def _give_up(self, counter: str, what: str, kind: str, reason: str) -> None:
        self._metrics.counter(counter).add()
        if kind not in self._silent:
            self._log.warning("a document %s: %s", what, reason, about=counter)


def _each(items: Iterable[Mapping[str, Item]]) -> Iterator[tuple[str, Item]]:
    for item in items:
        yield next(iter(item.items()))


def _said(item: Item) -> tuple[str, str]:
    """The type of an item's error and its reason, without what differs from document to
    document.
    """
    error = item.error
    if not isinstance(error, dict):
        return "", str(error or "")
    return str(error.get("type", "")), _OWN_ID.sub("", reason_of(error))
