"""The input s3: objects of a bucket, read line by line.

The parts: ``clients.s3`` (requests), ``_s3_sources`` (which objects: a listing, or notifications),
``_s3_object`` (one that is read), ``_s3_tracked`` (what becomes of each), ``_s3_bookmark`` (what is
known across runs), ``_s3_completion`` (copies, deletes).
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ..batch import Batch, Chunk, Part, Position
from ..clients.aws import Aws, AwsOptions
from ..clients.s3 import S3, Archived, Gone
from ..clients.sqs import LONGEST_POLL, open_queue
from ..clients.sqs import Queue as SqsQueue
from ..codec import Codec
from ..contract import ConnectorError, Disconnected, EndOfInput, Input, Misconfigured, Outcome
from ..declaration import Duration, Regex, option
from ..errors import NewerFormat
from ._load import Content
from ._s3_bookmark import Bookmark
from ._s3_completion import Completion
from ._s3_notices import Notice
from ._s3_object import ObjectReading, ObjectStreams
from ._s3_sources import Listing, Queue, Source, Wanted
from ._s3_tracked import Objects, Tracked
from ._sincedb import is_disabled
from ._sqs_leases import Leases
from ._sqs_receiver import Receiver

_PIECES = 4
_LONGEST_VISIBILITY = 43_200


class S3Input(AwsOptions, Input, name="s3"):
    """Read the objects of a bucket, each line an event.

    Objects are found by listing the bucket every `interval`, the oldest first, or, with `queue`, by
    the notifications that S3 sends to a queue of SQS; then any number of processes may share the
    work. What is packed with gzip is unpacked, by content. How far an object is delivered is kept
    in the sincedb, so that a kill repeats no more than what was on its way; an object counts as
    done when every output has its events and it was copied and deleted as the options say.

    An object that was overwritten is read again. One that is damaged is read as far as it goes,
    and neither copied nor deleted. Objects in Glacier are left alone until they are restored.

    `[@metadata][s3]` has `bucket` and `key`, with `include_object_properties` also
    `last_modified`, `content_length`, `content_type`, `etag`, `metadata` and so on.

    Differs from Logstash: `queue` and what begins with `queue_` are additions; the sincedb
    remembers objects, not only a time, so that one that appears late is not missed; it reads
    Logstash's. Nothing is kept in `temporary_directory`. Lines of CloudFront that begin with
    `#Version` and `#Fields` are events; the codec cloudfront reads them.
    """

    streams = True
    reads_lines = True
    completes = True
    replays = True
    exclusive = True

    bucket: str | None = option(
        "The bucket; with `queue` it may be left out: those of the notifications.", default=None
    )
    prefix: str | None = option("How the keys of objects begin that are read.", default=None)
    exclude_pattern: Regex | None = option("Keys that are left out.", default=None)
    backup_to_bucket: str | None = option(
        "A bucket to which objects are copied when they are done.", default=None
    )
    backup_to_dir: str | None = option(
        "A directory to which objects are copied when they are done.", default=None
    )
    backup_add_prefix: str | None = option(
        "What goes before the key of a copy in `backup_to_bucket`.", default=None
    )
    delete: bool = option("Whether objects are deleted when they are done.", default=False)
    interval: Duration = option(
        "Seconds between two listings of the bucket.", default=Duration(60.0), at_least=0
    )
    watch_for_new_files: bool = option(
        "Whether to go on after the first listing; without it the run ends when those are read.",
        default=True,
    )
    cutoff_second: Duration = option(
        "Seconds for which an object that was just modified is left alone.",
        default=Duration(3.0),
        at_least=0,
    )
    gzip_pattern: str = option("Has no effect: the content tells.", default=r"\.gz(ip)?$")
    include_object_properties: bool = option(
        "Whether `[@metadata][s3]` has the properties of the object.", default=False
    )
    sincedb_path: str | None = option(
        "The file for what is done. Default: a file in `path.data` named after bucket and prefix.",
        default=None,
    )
    temporary_directory: str | None = option(
        "Has no effect: objects are read from the network.", default=None
    )
    queue: str | None = option(
        "A queue of SQS with notifications of S3, by name or URL.", default=None
    )
    queue_owner_aws_account_id: str | None = option(
        "The account that owns the queue, where it is another.", default=None
    )
    queue_endpoint: str | None = option("The URL of SQS, where it is not that of S3.", default=None)
    visibility_timeout: Duration = option(
        "Seconds after which notifications that a process had come again when that was killed.",
        default=Duration(60.0),
        at_least=1,
    )

    _s3: S3 | None = None
    _sqs: SqsQueue | None = None
    _reading: ObjectReading | None = None
    _bookmark: Bookmark | None = None
    _receiver: Receiver | None = None
    _position = 0

    def prepare(self) -> None:
        self._aws = Aws(self, self)
        self._woken = threading.Event()
        self._generation = 0
        self._current: Tracked | None = None
        if not self.bucket and not self.queue:
            self.problem("bucket", "`bucket` is missing", 'write bucket => "name"', code="E214")
        if self.backup_to_bucket == self.bucket and self.bucket and not self.backup_add_prefix:
            message = "an object would be copied onto itself"
            self.problem("backup_to_bucket", message, "add backup_add_prefix")
        if self.visibility_timeout > _LONGEST_VISIBILITY:
            message = f"SQS takes {_LONGEST_VISIBILITY} seconds at most"
            self.problem("visibility_timeout", message, "give a shorter time")
        if self.sincedb_path is not None and Path(self.sincedb_path).is_dir():
            message = f"`{self.sincedb_path}` is a directory"
            self.problem("sincedb_path", message, "name a file in it")

    @property
    def bounded(self) -> bool:
        return not self.watch_for_new_files and self.queue is None

    @cached_property
    def _streams(self) -> ObjectStreams:
        return ObjectStreams(self.new_codec(), None, socket.gethostname(), self.ecs)

    def decoder(self) -> Codec | None:
        return self._streams.decoder

    def claims(self) -> dict[str, str]:
        path = self._sincedb()
        return {} if is_disabled(path) else {"sincedb_path": f"s3 {os.path.abspath(path)}"}

    def _sincedb(self) -> str:
        if self.sincedb_path:
            return self.sincedb_path
        of = f"{self.bucket}{self.prefix}{self.queue or ''}"
        name = hashlib.md5(of.encode(), usedforsecurity=False).hexdigest()
        return str(self.context.data_directory / "plugins" / "inputs" / "s3" / f"sincedb_{name}")

    def open(self) -> None:
        log = self.context.log
        self._bookmark = bookmark = Bookmark(self._sincedb(), log)
        target, prefix = self.backup_to_bucket, self.backup_add_prefix or ""
        completion = Completion(target, prefix, self.backup_to_dir, self.delete)
        self._objects = Objects(bookmark, completion, self._notice_done, log)
        own = prefix if prefix and target == self.bucket else ""
        wanted = Wanted(self.bucket, self.prefix or "", self.exclude_pattern, own)
        self._leases = Leases(log, 1)
        self._leases.visibility = float(self.visibility_timeout)
        stopping = self.context.stopping
        self._receiver = receiver = Receiver(self._leases, 1, LONGEST_POLL, 0.0, stopping.is_set)
        self._source: Source = Queue(receiver, self._leases, wanted, self.context)
        if self.queue is None:
            self._source = Listing(
                bookmark,
                wanted,
                self.cutoff_second,
                self.interval,
                not self.watch_for_new_files,
                self._pause,
                self.context,
            )
        self._is_loaded = False

    def _pause(self, seconds: float) -> None:
        self._woken.wait(seconds)
        self._woken.clear()

    def connect(self) -> None:
        self._leave()
        self._load()
        s3 = S3(self._aws, self.endpoint is not None)
        try:
            if self.queue is not None:
                self._connect_queue(self.queue)
            elif self.bucket:
                s3.look_at(self.bucket)
            if self.backup_to_bucket:
                s3.must_exist(self.backup_to_bucket, "backup_to_bucket")
        except BaseException:
            s3.close()
            raise
        self._s3 = self._objects.s3 = s3
        if isinstance(self._source, Listing):
            self._source.s3 = s3
        self._generation += 1
        self._objects.restart_all()
        self._source.begin_again()

    def _load(self) -> None:
        """Read the sincedb, once."""
        if self._is_loaded or self._bookmark is None:
            return
        try:
            self._bookmark.open()
        except NewerFormat as error:
            help = "name another file in its place"
            raise Misconfigured("sincedb_path", str(error), help) from None
        except OSError as error:
            reason = f"`{self._sincedb()}` cannot be written: {error.strerror or error}"
            raise Misconfigured("sincedb_path", reason, "check the directory") from error
        self._is_loaded = True

    def _connect_queue(self, name: str) -> None:
        settings: dict[str, Any] = {"read_timeout": LONGEST_POLL + 15, "connect_timeout": 10}
        owner, endpoint = self.queue_owner_aws_account_id, self.queue_endpoint
        self._sqs = open_queue(self._aws, name, owner, endpoint=endpoint, **settings)
        self._leases.queue = self._sqs
        assert self._receiver is not None
        self._receiver.start(self._sqs)

    def _leave(self) -> None:
        if self._receiver is not None:
            self._receiver.stop()
        self._abandon()
        s3, self._s3 = self._s3, None
        queue, self._sqs = self._sqs, None
        for each in (s3, queue):
            if each is not None:
                each.close()

    def _abandon(self) -> None:
        reading, self._reading, self._current = self._reading, None, None
        if reading is not None:
            reading.close()

    def read(self, timeout: float) -> Batch | None:
        if self._s3 is None:
            raise Disconnected("not connected")
        self.tend(timeout)
        if self._reading is None and not self._begin(self._s3, timeout):
            return None
        return self._batch()

    def _begin(self, s3: S3, timeout: float) -> bool:
        """Begin to read the next object; False where there is none now."""
        tracked = self._objects.next()
        if tracked is None:
            if self._source.has_ended:
                if self._objects.is_empty:
                    raise EndOfInput
                self._pause(timeout)
                return False
            self._objects.add(list(self._source.more(self._objects.is_open, timeout)))
            tracked = self._objects.next()
        if tracked is None:
            return False
        progress = self._objects.progress(tracked)
        properties = self.include_object_properties
        try:
            reading = ObjectReading(s3, tracked.object, progress, self._streams, properties)
        except Gone:
            self._objects.left_out(tracked, "it no longer exists, or was changed")
            return False
        except Archived:
            self._objects.left_out(tracked, "it is archived")
            return False
        except (Misconfigured, ClientError) as error:
            self._objects.given_up(tracked, error)
            return False
        except BaseException:
            self._objects.restart(tracked.object.partition)
            raise
        self._reading, self._current = reading, tracked
        tracked.is_packed = reading.is_packed
        self._position = progress.offset
        return True

    def _batch(self) -> Batch | None:
        reading, tracked = self._reading, self._current
        assert reading is not None
        assert tracked is not None
        try:
            content = reading.read(_PIECES * self.chunk_bytes)
        except BaseException:
            self._abandon()
            self._objects.restart(tracked.object.partition)
            raise
        if content is None:
            self._objects.ended(tracked, reading.stream.safe, reading.problem)
            self._abandon()
            self._complete()
            return None
        return self._batch_of(content, reading, tracked)

    def _batch_of(self, content: Content, reading: ObjectReading, tracked: Tracked) -> Batch | None:
        partition = tracked.object.partition
        position = Position(tracked.object.etag, reading.stream.safe)
        part = Part(partition, position, len(content.events))
        token = (self._generation, partition)
        if self._streams.decoder is None:
            return Batch(content.events, None, token, [part], len(content.events))
        chunks = [Chunk(content.data, content.origin)] if content.data else []
        return Batch(None, chunks, token, [part], len(content.data))

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        self._objects.moved(behind)
        failed = {
            token[1]
            for token, error in outcomes
            if error is not None and token[0] == self._generation
        }
        for partition in failed:
            if self._current is not None and self._current.object.partition == partition:
                self._abandon()
            self._objects.restart(partition)
        self._complete()

    def _complete(self) -> None:
        if self._s3 is not None:
            self._objects.complete()

    def _notice_done(self, notice: Notice, is_done: bool) -> None:
        if is_done:
            self._leases.end([notice.lease], is_delivered=True)
        else:
            self._leases.forget([notice.lease])

    def wake(self) -> None:
        self._woken.set()
        if self._receiver is not None:
            self._receiver.wake()

    def tend(self, timeout: float) -> None:
        self._complete()
        if self._sqs is None:
            return
        self._leases.renew()
        try:
            self._leases.flush()
        except ConnectorError as error:
            self.context.log.warning("notifications cannot be deleted yet: %s", error, about="sqs")

    def close(self) -> None:
        if self._receiver is not None:
            self._receiver.stop()
        if self._sqs is not None:
            self._leases.close()
        self._leave()
        if self._bookmark is not None:
            self._bookmark.close()
