"""Where the objects to be read come from: listings of the bucket, or notifications."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from ...dsl.reference import Event
from ..clients.s3 import ARCHIVES, S3, Object
from ..context import Context
from ..declaration import Regex
from ._s3_bookmark import Bookmark
from ._s3_notices import Notice, objects_of
from ._sqs_leases import Leases
from ._sqs_receiver import Receiver

_SHORTEST = 0.1

Found = tuple[Object, Notice | None]


class Wanted(NamedTuple):
    """Which objects are read. ``bucket``: None for any; ``own_prefix``: of keys that this input
    writes itself.
    """

    bucket: str | None
    prefix: str
    exclude: Regex | None
    own_prefix: str

    def has(self, found: Object) -> bool:
        """Whether an object is one of them."""
        key = found.key
        if self.bucket is not None and found.bucket != self.bucket:
            return False
        if not key.startswith(self.prefix) or key.endswith("/"):
            return False
        if self.own_prefix and key.startswith(self.own_prefix):
            return False
        return self.exclude is None or not self.exclude.search(key)


class Source(Protocol):
    """Gives objects to be read."""

    def more(self, is_open: Callable[[str], bool], timeout: float) -> Sequence[Found]:
        """What is to be read now; ``is_open``: whether an object is under way, by its partition."""
        ...

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        ...

    def begin_again(self) -> None:
        """The connection is new."""
        ...


class Listing:
    """Objects of a bucket that are not done, the oldest first. ``cutoff``: seconds for which one
    that was just modified is left alone; ``pause`` waits.
    """

    def __init__(
        self,
        bookmark: Bookmark,
        wanted: Wanted,
        cutoff: float,
        interval: float,
        once: bool,
        pause: Callable[[float], None],
        context: Context,
    ) -> None:
        self._bookmark, self._wanted = bookmark, wanted
        self._cutoff, self._interval = cutoff, max(interval, _SHORTEST)
        self._once, self._pause = once, pause
        self._context = context
        self._next = 0.0
        self._has_listed = False
        self.s3: S3

    @property
    def has_ended(self) -> bool:
        return self._once and self._has_listed

    def begin_again(self) -> None:
        self._next, self._has_listed = 0.0, False

    def more(self, is_open: Callable[[str], bool], timeout: float) -> Sequence[Found]:
        left = self._next - time.monotonic()
        if left > 0:
            self._pause(min(left, timeout))
            return ()
        found = self._list(is_open)
        self._has_listed = True
        self._next = time.monotonic() + self._interval
        return found

    def _list(self, is_open: Callable[[str], bool]) -> list[Found]:
        bucket, prefix = self._wanted.bucket or "", self._wanted.prefix
        latest = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=self._cutoff)
        found: list[Object] = []
        oldest: dt.datetime | None = None
        archived = 0
        for each, storage in self.s3.objects(bucket, prefix):
            if not self._wanted.has(each):
                continue
            if self._bookmark.is_done(each.partition, each.etag, each.modified):
                continue
            if storage in ARCHIVES:
                archived += 1
                continue
            if each.modified is not None:
                oldest = each.modified if oldest is None else min(oldest, each.modified)
            if is_open(each.partition):
                continue
            if each.modified is None or each.modified <= latest or self._once:
                found.append(each)
        self._bookmark.listed(oldest)
        if archived:
            text = "%d objects are archived, and are not read before they are restored"
            self._context.log.warning(text, archived, about="archived")
        found.sort(key=lambda each: (each.modified, each.key))
        return [(each, None) for each in found]


class Queue:
    """Objects that notifications name."""

    def __init__(
        self, receiver: Receiver, leases: Leases, wanted: Wanted, context: Context
    ) -> None:
        self._receiver, self._leases, self._wanted = receiver, leases, wanted
        self._context = context

    has_ended = False

    def begin_again(self) -> None:
        """Notifications outlive a connection."""

    def more(self, is_open: Callable[[str], bool], timeout: float) -> Sequence[Found]:
        found: list[Found] = []
        for lease in self._receiver.take(timeout):
            body = str(lease.message["Body"])
            try:
                objects = [each for each in objects_of(body) if self._wanted.has(each)]
            except ValueError as error:
                self._bury(body, error)
                objects = []
            notice = Notice(lease, len(objects))
            if not objects:
                self._leases.end([lease], is_delivered=True)
            found += [(each, notice) for each in objects]
        return found

    def _bury(self, body: str, error: Exception) -> None:
        """A message that is not a notification goes to the dead letters, and is not given again."""
        reason = f"the message is not a notification of S3: {error}"
        keep = self._context.dead_letter
        if keep is not None:
            event: Event = {"message": body}
            event["@timestamp"], event["@version"] = self._context.now(), "1"
            keep([event], reason)
        self._context.log.error("%s; it is deleted: %.200s", reason, body, about="notification")
