"""What of a payload goes into which request, and what the answers of the stream mean; a list stands for the stream."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from penstock.plugins.contract import Disconnected, Rejected, Retry
from penstock.plugins.outputs._kinesis_requests import LARGEST, Limits, cut, deliver

LIMITS = Limits(500, 5 << 20)
THROTTLED = "ProvisionedThroughputExceededException"


class Stream:
    """Takes records, but for those that ``says`` gives a code or an exception to raise, once each."""

    def __init__(self, entries: Sequence[tuple[str, bytes]], **says: Any) -> None:
        self._entries, self._says = entries, {int(name.removeprefix("n")): code for name, code in says.items()}
        self.requests: list[list[int]] = []
        self.taken: list[int] = []

    def send(self, indexes: Sequence[int]) -> list[dict[str, Any]]:
        self.requests.append(list(indexes))
        answers = []
        for index in indexes:
            says = self._says.get(index)
            if isinstance(says, Exception):
                raise says
            answers.append({"ErrorCode": says} if says else {"SequenceNumber": "1"})
            if not says:
                self.taken.append(index)
        return answers


def entries_of(keys: str) -> list[tuple[str, bytes]]:
    return [(key, b"x") for key in keys]


def test_requests_are_within_the_limits() -> None:
    entries = [("k", b"x" * size) for size in (10, 20, 30, 40, 5, 5)]
    assert list(cut(entries, range(6), Limits(2, 52))) == [[0, 1], [2], [3, 4], [5]]
    assert list(cut(entries, [], LIMITS)) == []


@pytest.mark.parametrize(
    ("keys", "is_ordered", "requests"),
    [
        ("aaa", False, [[0, 1, 2]]),
        ("aaa", True, [[0], [1], [2]]),
        ("abab", True, [[0, 1], [2, 3]]),
        ("abca", True, [[0, 1, 2], [3]]),
        ("abcd", True, [[0, 1, 2, 3]]),
    ],
)
def test_where_order_is_kept_a_request_has_a_key_once(keys: str, is_ordered: bool, requests: list[list[int]]) -> None:
    stream = Stream(entries_of(keys))
    deliver(entries_of(keys), is_ordered, LIMITS, stream.send)
    assert stream.requests == requests


def failure(keys: str, is_ordered: bool, **says: Any) -> tuple[Stream, Any]:
    """What delivering raises."""
    entries = entries_of(keys)
    stream = Stream(entries, **says)
    with pytest.raises((Retry, Rejected, Disconnected)) as caught:
        deliver(entries, is_ordered, LIMITS, stream.send)
    return stream, caught.value


def test_records_that_are_throttled_are_tried_again_by_their_index() -> None:
    stream, error = failure("abcd", False, n1=THROTTLED, n3="InternalFailure")
    assert (type(error), error.indexes, stream.taken) == (Retry, [1, 3], [0, 2])


def test_a_key_whose_record_failed_has_its_others_wait_and_no_other_key_does() -> None:
    stream, error = failure("abaabb", True, n2=THROTTLED)
    assert error.indexes == [2, 3]
    assert stream.taken == [0, 1, 4, 5]


def test_what_is_refused_for_good_is_a_dead_letter_and_its_key_goes_on() -> None:
    stream, error = failure("aab", True, n0="ValidationException")
    assert (type(error), list(error.reasons), error.retry, stream.taken) == (Rejected, [0], [], [2, 1])


def test_a_record_that_is_too_large_with_its_key_is_never_sent() -> None:
    entries = [("k", b"x" * (LARGEST - 1)), ("kk", b"x" * (LARGEST - 1)), ("k", b"x")]
    stream = Stream(entries)
    with pytest.raises(Rejected) as caught:
        deliver(entries, False, LIMITS, stream.send)
    assert stream.taken == [0, 2]
    assert caught.value.reasons == {1: f"it has {LARGEST + 1} bytes with its key, and Kinesis takes {LARGEST}"}


OUTAGES: list[Callable[[], Exception]] = [lambda: Disconnected("gone"), lambda: Retry("too many", after=7.0)]


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_in_the_middle_leaves_what_was_not_delivered(outage: Callable[[], Exception]) -> None:
    gone = outage()
    stream, error = failure("aab", True, n1=gone)
    assert (type(error), error.indexes, error.after, stream.taken) == (Retry, [1], gone.after, [0, 2])  # type: ignore[attr-defined]


def test_an_outage_at_the_start_is_one_of_the_connection() -> None:
    gone = Disconnected("gone")
    assert failure("ab", True, n0=gone)[1] is gone
