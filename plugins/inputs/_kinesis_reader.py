"""Reading one shard: iterators, what is fetched with them, and pauses.

An iterator is good for five minutes and for one request; the answer has the next one. So a reader
remembers the last record that it gave out, and asks for a new iterator behind that whenever the old
one has expired, or a batch has to be given again. A shard may be asked five times a second, and
gives two megabytes a second: what an answer has beyond one batch is kept until it was given out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from ..batch import Batch
from ..clients.aws import Aws
from ..clients.aws_errors import code_of
from ..contract import Misconfigured, Retry
from ..metrics import Metrics
from ..rate_limit import PluginLog
from ._kinesis_places import AT, LATEST, SHARD_END, Place, behind, since
from ._kinesis_records import Record, Token, batch_of, end_of, sequence_of
from ._kinesis_shards import shards_of

_OPTION = "kinesis_stream_name"
_SHORTEST, _LONGEST = 1.0, 30.0
_ANSWER_BYTES = 1 << 20
_FIRST, _MOST = 100, 10_000
_NEVER = float("inf")


class Stream(NamedTuple):
    """A stream as its readers ask for it. ``idle``: seconds between two questions to a shard that
    has no more for now, ``busy``: to one that has; ``most``: how many records an answer has at
    most, or None for what suits.
    """

    aws: Aws
    client: Any
    name: str
    idle: float
    busy: float
    most: int | None
    metrics: Metrics
    log: PluginLog

    def has(self, shard: str) -> bool:
        """Whether it has a shard. Raises as ``Aws.asked``."""
        return any(each.id == shard for each in shards_of(self.aws, self.client, self.name))


class ShardReader:
    """Reads a shard from a place on. ``lag``: how many milliseconds it is behind; ``first``: called
    with the first record, where reading began at the end.
    """

    def __init__(
        self, stream: Stream, shard: str, place: Place, first: Callable[[str], None]
    ) -> None:
        self._stream, self.shard, self._first = stream, shard, first
        self._start, self._opened = place, time.time()
        self._reading = object()
        self.lag = 0
        self._pause = _SHORTEST
        self._size = 0.0
        self._begin(None)

    def _begin(self, last: str | None) -> None:
        """Read behind this record, or from the start."""
        self._last = last
        self._iterator: str | None = None
        self._kept: deque[Record] = deque()
        self._has_told = False
        self.has_ended = self._start.kind == SHARD_END
        self._next = time.monotonic()

    def rewind(self, tokens: Iterable[Token]) -> None:
        """Give these batches again, and all behind them. They may have failed in any order, and
        some may be of a reading before this one.
        """
        again = [token.before for token in tokens if token.reading is self._reading]
        if None in again:
            self._begin(None)
        elif again:
            self._begin(min((before for before in again if before is not None), key=int))

    @property
    def due(self) -> float:
        """When there is something to give out, or it may be asked, by the monotonic clock."""
        if self._kept:
            return 0.0
        if self.has_ended:
            return _NEVER if self._has_told else 0.0
        return self._next

    def read(self, most_bytes: int) -> Batch | None:
        """A batch of about so many bytes, fetched where nothing is kept. Raises Disconnected,
        Misconfigured.
        """
        if not self._kept and not self.has_ended:
            self._fetch()
        if self._kept:
            return self._batch(most_bytes)
        if self.has_ended and not self._has_told:
            self._has_told = True
            return end_of(self._token())
        return None

    def _token(self) -> Token:
        return Token(self.shard, self._reading, self._last)

    def _batch(self, most_bytes: int) -> Batch:
        token, records, size = self._token(), [], 0
        while self._kept and size < most_bytes:
            record = self._kept.popleft()
            records.append(record)
            size += len(record["Data"])
        self._last = sequence_of(records[-1])
        return batch_of(self._stream.name, token, records)

    def _fetch(self) -> None:
        now = time.monotonic()
        self._next = now + self._stream.idle
        try:
            answer = self._asked()
            if answer is None:
                return
            self._keep(answer["Records"])
        except Retry as error:  # of the table too; then the same records are asked for again
            self._throttled(error)
            return
        self._pause = _SHORTEST
        self.lag = int(answer.get("MillisBehindLatest") or 0)
        self._iterator = answer.get("NextShardIterator")
        self.has_ended = not self._iterator
        if self.lag or len(self._kept) >= self._limit():
            self._next = now + self._stream.busy

    def _keep(self, records: list[Record]) -> None:
        if not records:
            return
        if self._start.kind == LATEST:
            self._first(sequence_of(records[0]))
            self._start = Place(AT, sequence_of(records[0]))
        self._kept.extend(records)
        self._size = sum(len(record["Data"]) for record in records) / len(records)

    def _limit(self) -> int:
        """How many records to ask for."""
        if self._stream.most is not None:
            return min(_MOST, self._stream.most)
        if not self._size:
            return _FIRST
        return max(1, min(_MOST, int(_ANSWER_BYTES / self._size)))

    def _asked(self) -> Mapping[str, Any] | None:
        """What the shard answers; None where it is to be asked anew. Raises Retry too."""
        if self._iterator is None:
            self._iterator = self._opened_at(self._start_of_iterator())
        if self._iterator is None:
            return None
        client = self._stream.client
        try:
            answer: Mapping[str, Any] = client.get_records(
                ShardIterator=self._iterator, Limit=self._limit()
            )
        except ClientError as error:
            if code_of(error) == "ExpiredIteratorException":
                self._iterator, self._next = None, time.monotonic()
                if self._start.kind == LATEST:  # or what came since then would be left out
                    self._start = since(self._opened)
                return None
            self._stream.aws.raise_as_ours(error, _OPTION)
        except Exception as error:
            self._stream.aws.raise_as_ours(error, _OPTION)
        return answer

    def _start_of_iterator(self) -> Place:
        return self._start if self._last is None else behind(self._last)

    def _opened_at(self, place: Place) -> str | None:
        """An iterator; None where the shard is not there any more."""
        client, stream = self._stream.client, self._stream.name
        try:
            answer = client.get_shard_iterator(
                StreamName=stream, ShardId=self.shard, **place.request()
            )
        except ClientError as error:
            if code_of(error) == "InvalidArgumentException" and place.at:
                raise _of_another_stream(self.shard, error) from error
            if code_of(error) == "ResourceNotFoundException" and not self._stream.has(self.shard):
                self._expired()
                return None
            self._stream.aws.raise_as_ours(error, _OPTION)
        except Exception as error:
            self._stream.aws.raise_as_ours(error, _OPTION)
        iterator: str = answer["ShardIterator"]
        return iterator

    def _expired(self) -> None:
        """The stream does not keep this shard any more."""
        text = "the shard `%s` has expired before all of it was read: what was left is lost"
        self._stream.log.error(text, self.shard)
        self.has_ended = True

    def _throttled(self, error: Retry) -> None:
        self._stream.metrics.counter("throttled").add()
        wait = max(self._pause, error.after or 0.0)
        self._next = time.monotonic() + wait
        self._pause = min(_LONGEST, self._pause * 2)


def _of_another_stream(shard: str, error: ClientError) -> Misconfigured:
    said = error.response.get("Error", {}).get("Message", str(error))
    reason = f"the checkpoint of `{shard}` is not one of this stream: {said}"
    help = "the stream was recreated: remove the table, or take another application_name"
    return Misconfigured("application_name", reason, help)
