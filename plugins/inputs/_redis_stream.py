"""Entries of a stream, read as a member of a consumer group and acknowledged one by one.

The server keeps what each consumer was given and has not acknowledged: its *pending* entries. They
are read again after a connection broke (``XREADGROUP`` from an id on gives those), after a batch
failed, and, of consumers that are dead, when they are claimed. The server knows no other sign of
death than that an entry was given long ago; so entries that are under way for long are claimed
once more by whoever has them, which begins their time anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import redis
from redis.exceptions import ResponseError

from ...dsl.event import complete
from ..batch import Batch, Part, Position
from ..clients.redis import asked, close, raise_as_ours
from ..contract import Outcome
from ._redis_source import Reading, Size, chunk_of

Entry = tuple[bytes, dict[bytes, bytes] | None]

_SLICE = 0.1
_PIECE = 1000
_SIGNS = 3.0


class Membership:
    """``field``: the field whose value the codec decodes; ``start``: the id behind which a new
    group begins; ``decorates``: each event has the id of its entry.
    """

    def __init__(self, group: str, field: str, start: str, decorates: bool) -> None:
        self.group, self.start, self.decorates = group, start, decorates
        self.field = field.encode()


class StreamSource:
    """A stream, read as a consumer of a name. ``abandoned``: names whose pending entries are to be
    taken over at once. Raises Disconnected, Misconfigured.
    """

    def __init__(
        self,
        client: redis.Redis,
        reading: Reading,
        size: Size,
        name: str,
        abandoned: Iterable[str],
        membership: Membership,
    ) -> None:
        self._client, self._reading, self._size = client, reading, size
        self._name, self._group = name, membership.group
        self._membership = membership
        self._id = uuid4().hex
        self._count = 0
        self._under_way: set[bytes] = set()
        self._history: bytes | None = b"0"  # pending entries behind this id are to be read first
        self._join()
        for other in abandoned:
            self._claim_all_of(other)
        self._signed = time.monotonic()
        self._claim_of_the_dead()

    def _join(self) -> None:
        key, start = self._reading.key, self._membership.start
        try:
            self._client.xgroup_create(key, self._group, start, mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise_as_ours(error)
        except (redis.RedisError, OSError) as error:
            raise_as_ours(error)

    def _claim_all_of(self, consumer: str) -> None:
        key, start = self._reading.key, "-"
        while True:
            pending = asked(
                self._client.xpending_range, key, self._group, start, "+", _PIECE, consumer
            )
            if not pending:
                return
            ids = [each["message_id"] for each in pending]
            asked(self._client.xclaim, key, self._group, self._name, 0, ids, justid=True)
            start = "(" + ids[-1].decode()

    def _claim_of_the_dead(self) -> None:
        """Claim entries that were given to others long ago and not acknowledged since."""
        patience = int(self._reading.claim_after * 1000)
        count, start, key = 0, "-", self._reading.key
        while True:
            found = (key, self._group, start, "+", _PIECE)
            pending = asked(self._client.xpending_range, *found, idle=patience)
            if not pending:
                break
            ids = [each["message_id"] for each in pending]
            # Another consumer may have claimed some of them meanwhile: those are not idle any more.
            claim = (key, self._group, self._name, patience, ids)
            claimed = asked(self._client.xclaim, *claim, justid=True)
            count += len(set(claimed) - self._under_way)
            start = "(" + ids[-1].decode()
        if count:
            self._history = b"0"
            text = "%d entries that other consumers did not acknowledge are read again"
            self._reading.context.log.info(text, count)

    def read(self, timeout: float) -> Batch | None:
        """The next entries; those that are pending and not under way first."""
        self.tend()
        while self._history is not None:
            entries = self._pending()
            if entries:
                return self._batch(entries)
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            entries = self._asked(b">", min(_SLICE, max(left, 0.0)))
            if entries:
                return self._batch(entries)
            if left <= 0 or self._reading.pause(0.0):
                return None

    def _asked(self, behind: bytes, wait: float = 0.0) -> list[Entry]:
        block = max(1, int(wait * 1000)) if wait else None
        answer = asked(
            self._client.xreadgroup,
            self._group,
            self._name,
            {self._reading.key: behind},
            self._reading.most(),
            block,
        )
        entries: list[Entry] = answer[0][1] if answer else []
        return entries

    def _pending(self) -> list[Entry]:
        """Some of the pending entries that are not under way."""
        assert self._history is not None
        entries = self._asked(self._history)
        self._history = entries[-1][0] if entries else None
        found = [entry for entry in entries if entry[0] not in self._under_way]
        gone = [entry[0] for entry in found if not entry[1]]
        if gone:
            asked(self._client.xack, self._reading.key, self._group, *gone)
            text = "%d entries were cut off the stream before they were delivered: they are lost"
            self._reading.context.log.error(text, len(gone))
        return [entry for entry in found if entry[1]]

    def _batch(self, entries: list[Entry]) -> Batch:
        ids = [entry[0] for entry in entries]
        self._under_way.update(ids)
        self._count += 1
        key, field = self._reading.key, self._membership.field
        part = Part(key, Position(self._id, self._count))
        batch = Batch(token=(self._id, ids), parts=[part])
        if all(fields and field in fields for _, fields in entries):
            values = [fields[field] for _, fields in entries if fields]
            batch.chunks = [chunk_of(values, *self._origins(ids), owned=True)]
            batch.bytes = len(batch.chunks[0].data)
        else:
            self._decode(batch, entries)
        self._size.note(batch, len(entries))
        return batch

    def _origins(
        self, ids: list[bytes]
    ) -> tuple[Mapping[str, Any], list[Mapping[str, Any]] | None]:
        if self._membership.decorates:
            return {}, [self._origin(each) for each in ids]
        return self._origin(None), None

    def _origin(self, entry: bytes | None) -> Mapping[str, Any]:
        fields = {"key": self._reading.key, "group": self._group}
        if entry is not None:
            fields["id"] = entry.decode()
        return {"@metadata": {"redis": fields}}

    def _decode(self, batch: Batch, entries: list[Entry]) -> None:
        """Decode here, where entries lack the field: the fields of such an entry are an event."""
        batch.events = []
        codec, field = self._reading.codec, self._membership.field
        for entry, fields in entries:
            assert fields is not None
            if field in fields:
                events = codec.decode_messages([fields[field]])[0]
            else:
                events = [{_text(name): _text(value) for name, value in fields.items()}]
            shown = entry if self._membership.decorates else None
            complete(events, self._reading.context.now(), self._origin(shown))
            codec.complete(events)
            batch.events += events
            batch.bytes += sum(map(len, fields.values()))
        batch.parts[0].events = len(batch.events)

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """Acknowledge entries, and read again those that have failed."""
        done: list[bytes] = []
        for token, error in outcomes:
            connection, ids = token
            if connection != self._id:
                continue
            if error is None:
                done += ids
            else:
                self._under_way.difference_update(ids)
                self._history = b"0"
        if done:
            asked(self._client.xack, self._reading.key, self._group, *done)
            self._under_way.difference_update(done)

    def tend(self) -> None:
        """Claim what is under way once more, and what the dead have, now and then."""
        now = time.monotonic()
        if now - self._signed < self._reading.claim_after / _SIGNS:
            return
        self._signed = now
        ids = list(self._under_way)
        for start in range(0, len(ids), _PIECE):
            piece = ids[start : start + _PIECE]
            key = self._reading.key
            asked(self._client.xclaim, key, self._group, self._name, 0, piece, justid=True)
        self._claim_of_the_dead()

    def lag(self) -> int | None:
        """Entries that the group was not given, and those that it has not acknowledged. Servers
        before 7.0 do not tell the first.
        """
        for group in asked(self._client.xinfo_groups, self._reading.key):
            if group["name"] == self._group.encode() and group.get("lag") is not None:
                return int(group["lag"]) + int(group["pending"])
        return None

    def close(self) -> None:
        """End the connection; what is pending stays so until the next start, or is claimed."""
        close(self._client)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")
