"""The output s3: events in files that grow on the disk, and become objects of a bucket.

The parts: ``_s3_spool`` (files), ``_s3_upload`` (uploads), ``clients.s3`` (requests).
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import math
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.aws import Aws, AwsOptions
from ..clients.aws_errors import RAISED, code_of
from ..clients.s3 import S3
from ..contract import Disconnected, Misconfigured, Output, Retry
from ..declaration import Bytes, Duration, option
from ._s3_spool import Spool, SpoolFile
from ._s3_upload import Manner, Uploader

_LEVEL = 6
_INVALID = "^`><"
_SMALLEST_THRESHOLD = 5 << 20
_ACLS = (
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "log-delivery-write",
)
_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER",
    "DEEP_ARCHIVE",
    "OUTPOSTS",
    "GLACIER_IR",
    "SNOW",
    "EXPRESS_ONEZONE",
)


class S3Output(AwsOptions, Output, name="s3"):
    """Collect events in files, one for each `prefix`, and upload those to a bucket.

    A file is uploaded when it has `size_file` bytes, or is `time_file` minutes old, and when the
    output is closed. Events count as delivered when they are synced in the file: a kill loses
    none of them, for the next start uploads what is there, under the same key. An upload in parts
    that was cut off goes on with the parts that are missing. While S3 is away, files wait on the
    disk, up to `upload_queue_size` of them; then the events wait.

    Keys are `PREFIX/ls.s3.UUID.TIME.partNUMBER.txt`, with `.gz` behind where `encoding` is `gzip`;
    the time is that of the file's beginning, in UTC.

    Differs from Logstash: `temporary_directory` is in `path.data` by default, where nobody clears
    it; no ACL is sent unless `canned_acl` is given, since buckets may refuse any; a file that S3
    refuses for good is kept in a directory `refused`, and said.
    """

    default_codec = "line"

    bucket: str = option("The bucket.")
    prefix: Template = option(
        "What goes before the name of an object; takes fields and dates of the event.",
        default=Template(""),
    )
    size_file: Bytes = option(
        "The size at which a file is uploaded.", default=Bytes(5 << 20), at_least=0
    )
    time_file: float = option("The minutes after which it is.", default=15, at_least=0)
    rotation_strategy: str = option(
        "Which of the two holds.",
        default="size_and_time",
        choices=("size_and_time", "size", "time"),
    )
    encoding: str = option("How files are packed.", default="none", choices=("none", "gzip"))
    canned_acl: str = option("The access that is granted.", default="private", choices=_ACLS)
    storage_class: str = option("The class of storage.", default="STANDARD", choices=_CLASSES)
    server_side_encryption: bool = option("Whether S3 is asked to encrypt.", default=False)
    server_side_encryption_algorithm: str = option(
        "How, where it is.", default="AES256", choices=("AES256", "aws:kms")
    )
    ssekms_key_id: str | None = option("The key for `aws:kms`.", default=None)
    signature_version: str | None = option(
        "The version of signatures.", default=None, choices=("v2", "v4")
    )
    temporary_directory: str | None = option(
        "The directory for files; by default in `path.data`.", default=None
    )
    restore: bool = option("Whether files are uploaded that an earlier run left.", default=True)
    upload_workers_count: int | None = option(
        "How many files are uploaded at once; default: half as many as there are processors.",
        default=None,
        at_least=1,
    )
    upload_queue_size: int | None = option(
        "How many files may wait for that; default: half as many as there are processors.",
        default=None,
        at_least=1,
    )
    upload_multipart_threshold: Bytes = option(
        "The size from which on a file is uploaded in parts.", default=Bytes(15 << 20), at_least=1
    )
    retry_count: int | None = option(
        "How often an upload is retried in this run; default: without end.",
        default=None,
        at_least=0,
    )
    retry_delay: Duration = option(
        "Seconds before the first retry of an upload; the next ones wait longer.",
        default=Duration(1.0),
        at_least=0,
    )
    validate_credentials_on_root_bucket: bool = option(
        "Whether a test object is written at the start, where looking at the bucket is not"
        " permitted; without it the first file shows whether the bucket takes any.",
        default=True,
    )

    _spool: Spool | None = None
    _uploader: Uploader | None = None

    def prepare(self) -> None:
        if self.signature_version is not None:
            self.additional_settings.setdefault("signature_version", self.signature_version)
        self._aws = Aws(self, self)
        self._encode = self._encoder()
        self._uuid, self._parts = str(uuid4()), 0
        self._lock = threading.Lock()
        processors = os.cpu_count() or 1
        self._workers = self.upload_workers_count or math.ceil(processors / 2)
        self._most_waiting = self._workers + (
            self.upload_queue_size or 2 * math.ceil(processors / 4)
        )
        if not self.bucket:
            self.problem("bucket", "the name is empty", 'write bucket => "name"')
        bad = [character for character in _INVALID if character in self.prefix.text]
        if bad and self.prefix.is_constant:
            message = f"a prefix cannot have {' '.join(bad)}"
            self.problem("prefix", message, "remove it")
        if self.server_side_encryption_algorithm != "aws:kms" and self.ssekms_key_id:
            message = "it requires server_side_encryption_algorithm => aws:kms"
            self.problem("ssekms_key_id", message, "add that, or remove it")

    def _encoder(self) -> Callable[[list[Event]], bytes]:
        encode = self.new_codec().encode
        if self.encoding == "none":
            return encode
        return lambda events: gzip.compress(encode(events), _LEVEL, mtime=0)

    def _manner(self) -> Manner:
        parameters: dict[str, Any] = {}
        if self.encoding == "gzip":
            parameters["ContentEncoding"] = "gzip"
        if "canned_acl" in self.given:
            parameters["ACL"] = self.canned_acl
        if "storage_class" in self.given:
            parameters["StorageClass"] = self.storage_class
        if self.server_side_encryption:
            parameters["ServerSideEncryption"] = self.server_side_encryption_algorithm
            if self.ssekms_key_id:
                parameters["SSEKMSKeyId"] = self.ssekms_key_id
        threshold = max(_SMALLEST_THRESHOLD, int(self.upload_multipart_threshold))
        delay, tries = float(self.retry_delay), self.retry_count
        return Manner(self.bucket, parameters, threshold, delay, tries)

    def _directory(self) -> Path:
        """The directory of files; the same at the next start."""
        of = "\0".join((self.bucket, self.prefix.text, self.encoding))
        name = self.id or hashlib.sha256(of.encode()).hexdigest()[:16]
        if self.temporary_directory:
            return Path(self.temporary_directory) / f"s3-{name}"
        return self.context.data_directory / "plugins" / "outputs" / "s3" / name

    def _key(self, prefix: str) -> str:
        with self._lock:
            number, self._parts = self._parts, self._parts + 1
        moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H.%M")
        packed = ".gz" if self.encoding == "gzip" else ""
        name = f"ls.s3.{self._uuid}.{moment}.part{number}.txt{packed}"
        prefix = "".join("_" if each in _INVALID else each for each in prefix).strip("/")
        return f"{prefix}/{name}" if prefix else name

    def pack(self, events: list[Event]) -> list[Payload]:
        """A payload for each prefix, which is its lane."""
        if self.prefix.is_constant:
            return [Payload(self._encode(events), events, self.prefix.text)]
        groups: dict[str, list[Event]] = {}
        render = self.prefix.render
        for event in events:
            groups.setdefault(render(event), []).append(event)
        return [Payload(self._encode(some), some, prefix) for prefix, some in groups.items()]

    def connect(self) -> None:
        s3 = self._client()
        try:
            self._look_at_bucket(s3)
            self._open_spool()
        except BaseException:
            s3.close()
            raise
        assert self._uploader is not None
        self._uploader.use(s3)

    def _client(self) -> S3:
        return S3(self._aws, self.endpoint is not None)

    def _look_at_bucket(self, s3: S3) -> None:
        """See that the bucket is there and may be written; a test object is the last resort, for a
        user who may write but not look.
        """
        try:
            s3.client.head_bucket(Bucket=self.bucket)
        except RAISED as error:
            if code_of(error) not in ("403", "400", "AccessDenied"):
                self._aws.raise_as_ours(error, "bucket")
            if not self.validate_credentials_on_root_bucket:
                text = "looking at the bucket is denied; the first file shows whether it takes any"
                self.context.log.info(text)
                return
            key = f"penstock-access-test-{uuid4().hex}"
            s3.asked(s3.client.put_object, Bucket=self.bucket, Key=key, Body=b"")
            try:
                s3.client.delete_object(Bucket=self.bucket, Key=key)
            except RAISED:
                self.context.log.warning("the test object `%s` cannot be deleted", key)

    def _open_spool(self) -> None:
        """Make the directory, and upload what an earlier run left; once."""
        if self._spool is not None:
            return
        directory = self._directory()
        spool = Spool(directory, self._key, self.context.log)
        try:
            spool.open()
            left = list(spool.left()) if self.restore else []
        except OSError as error:
            reason = f"`{directory}` cannot be written: {error.strerror or error}"
            raise Misconfigured("temporary_directory", reason, "check the directory") from error
        log = self.context.log
        self._uploader = Uploader(self._manner(), self._workers, log, self._client)
        self._spool = spool
        if left:
            self.context.log.info("%d files of an earlier run are uploaded", len(left))
        for file in left:
            self._uploader.add(file)

    def deliver(self, payload: Payload) -> None:
        spool, uploader = self._spool, self._uploader
        if spool is None or uploader is None:
            raise Disconnected("not connected")
        if uploader.backlog >= self._most_waiting:
            raise Retry("files wait to be uploaded, as many as upload_queue_size allows", after=0.5)
        try:
            spool.append(str(payload.lane), payload.data)
        except OSError as error:
            reason = f"`{self._directory()}`: {error.strerror or error}"
            raise Retry(reason) from error
        self._rotate(spool, uploader)

    def _rotate(self, spool: Spool, uploader: Uploader) -> None:
        for file in spool.rotate(self._is_due):
            uploader.add(file)

    def _is_due(self, file: SpoolFile) -> bool:
        if self.rotation_strategy != "time" and file.size >= self.size_file:
            return True
        age = self.context.clock() - file.begun
        return self.rotation_strategy != "size" and age >= self.time_file * 60

    def tend(self, timeout: float) -> None:
        if self._spool is not None and self._uploader is not None:
            self._rotate(self._spool, self._uploader)

    @property
    def tending_is_due(self) -> bool:
        return self._spool is not None and not self._spool.is_empty

    def stats(self) -> dict[str, int | float]:
        uploader = self._uploader
        if uploader is None:
            return {}
        return {
            "uploads": uploader.uploads,
            "uploaded_bytes": uploader.uploaded_bytes,
            "upload_backlog": uploader.backlog,
        }

    def close(self) -> None:
        spool, uploader = self._spool, self._uploader
        if spool is not None and uploader is not None:
            for file in spool.rotate(lambda file: True):
                uploader.add(file)
            uploader.end()
            spool.close()
        self._spool = self._uploader = None
