"""Requests to SQS and SNS: messages in pieces of ten, and of as many bytes as a request may have.

A request is answered message by message. One that is refused as a whole is halved until what is to
blame stands alone. Of a FIFO queue or topic, what is behind a message of its group that was not
taken is not sent either: it comes again with it, in its order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from botocore.exceptions import ClientError

from ..clients.sqs import MOST, Failure
from ..contract import ConnectorError, Rejected, Retry

Entry = Mapping[str, Any]


class Sending(NamedTuple):
    """Messages on their way. ``send``: sends up to ten, and says which failed; ``entries``: by
    index, as it takes them; ``body``: the key of their text; ``limit``: how many bytes a request
    may have.
    """

    send: Callable[[Sequence[Entry]], Mapping[int, Failure]]
    entries: Mapping[int, Entry]
    body: str
    limit: int


def deliver(sending: Sending, refused: dict[int, str]) -> None:
    """Send all. ``refused``: what is refused already, by index. Raises Retry and Rejected for those
    that were not taken, or what a request raised before anything was.
    """
    left = [index for index in sending.entries if index not in refused]
    again: dict[int, str] = {}
    held: set[str | None] = set()
    groups = {index: sending.entries[index].get("MessageGroupId") for index in left}
    for piece in _pieces(sending, left):
        ready = [index for index in piece if groups[index] not in held]
        again |= dict.fromkeys(set(piece).difference(ready), "a message before it was not taken")
        try:
            later = _send(sending, ready, refused)
        except ConnectorError as error:
            unsent = [index for index in left if index >= ready[0] and index not in refused]
            if len(unsent) == len(left) and not refused:
                raise
            _raise(refused, {*again, *unsent}, str(error), error.after)
        again |= later
        held |= {groups[index] for index in later} - {None}
    if again or refused:
        _raise(refused, again, next(iter(again.values()), ""))


def _raise(
    refused: dict[int, str], again: Iterable[int], why: str, after: float | None = None
) -> NoReturn:
    if refused:
        raise Rejected(refused, again, after)
    raise Retry(why, again, after)


def _pieces(sending: Sending, indexes: Sequence[int]) -> Iterator[list[int]]:
    piece: list[int] = []
    size = 0
    for index in indexes:
        length = len(sending.entries[index][sending.body].encode())
        if piece and (len(piece) == MOST or size + length > sending.limit):
            yield piece
            piece, size = [], 0
        piece.append(index)
        size += length
    if piece:
        yield piece


def _send(sending: Sending, indexes: Sequence[int], refused: dict[int, str]) -> dict[int, str]:
    """Send some in one request; those to be sent again, each with the reason. What will never be
    taken goes into ``refused``.
    """
    if not indexes:
        return {}
    try:
        failures = sending.send([sending.entries[index] for index in indexes])
    except ClientError as error:
        if len(indexes) > 1:
            half = len(indexes) // 2
            first = _send(sending, indexes[:half], refused)
            return first | _send(sending, indexes[half:], refused)
        refused[indexes[0]] = str(error)
        return {}
    later: dict[int, str] = {}
    for number, failure in failures.items():
        if failure.is_temporary:
            later[indexes[number]] = failure.reason
        else:
            refused[indexes[number]] = failure.reason
    return later
