"""S3: a bucket, as its input and its output use it.

Where an `endpoint` is named it may not be AWS', so that checksums are asked for only where they
must be: servers that speak the protocol of some years ago refuse them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, NoReturn

from ...dsl.diagnostics import PenstockError
from ..contract import Disconnected, Misconfigured
from .aws import Aws
from .aws_errors import RAISED, code_of

_GONE = ("NoSuchKey", "NoSuchVersion", "PreconditionFailed", "412")
_NO_OBJECT = ("NoSuchKey", "404")
"""A copy begins with HEAD of its source: that answer has no body, and no code but its status."""

_ARCHIVED = "InvalidObjectState"
_END = ("InvalidRange", "416")
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
"""Classes of storage whose objects cannot be read before they are restored."""


class Object(NamedTuple):
    """An object as a listing or a notification tells of it. ``etag``: of its content, where it is
    known; ``modified``: when, where it is known.
    """

    bucket: str
    key: str
    etag: str
    modified: dt.datetime | None = None
    size: int = 0

    @property
    def partition(self) -> str:
        """Its name in positions."""
        return f"{self.bucket}/{self.key}"


class Gone(PenstockError):
    """An object that is not there any more, or has another content."""


class Archived(PenstockError):
    """An object that cannot be read before it is restored."""


class S3:
    """A client. ``bucket_option``: the option to blame where a bucket is not there. Its methods may
    be called from any thread, and raise as ``Aws.asked`` does.
    """

    def __init__(self, aws: Aws, has_endpoint: bool, bucket_option: str = "bucket") -> None:
        self._aws, self._option = aws, bucket_option
        settings: dict[str, Any] = {"connect_timeout": 10, "read_timeout": 60}
        if has_endpoint:
            settings["request_checksum_calculation"] = "when_required"
            settings["response_checksum_validation"] = "when_required"
        self.client = aws.client("s3", **settings)

    def look_at(self, bucket: str) -> None:
        """See that a bucket is there."""
        self.asked(self.client.list_objects_v2, Bucket=bucket, MaxKeys=1)

    def must_exist(self, bucket: str, option: str) -> None:
        """See that another bucket is there, as far as that may be asked."""
        try:
            self._aws.asked(option, self.client.head_bucket, Bucket=bucket)
        except Misconfigured as error:
            if not error.reason.startswith("access denied"):
                raise

    def asked(self, command: Any, **parameters: Any) -> Any:
        """What a command answers."""
        return self._aws.asked(self._option, command, **parameters)

    def raise_as_ours(self, error: Exception) -> NoReturn:
        """As ``Aws.raise_as_ours``."""
        self._aws.raise_as_ours(error, self._option)

    def objects(self, bucket: str, prefix: str) -> Iterator[tuple[Object, str]]:
        """The objects of a bucket whose keys begin so, each with its class of storage."""
        more: dict[str, str] = {}
        while True:
            wanted = {"Bucket": bucket, "Prefix": prefix, **more}
            page = self.asked(self.client.list_objects_v2, **wanted)
            for each in page.get("Contents") or ():
                etag = each["ETag"].strip('"')
                size = int(each["Size"])
                found = Object(bucket, each["Key"], etag, each["LastModified"], size)
                yield found, each.get("StorageClass", "STANDARD")
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def get(self, wanted: Object, start: int = 0, end: int | None = None) -> Mapping[str, Any]:
        """An object from a byte on, up to another; its ``Body`` is to be read and closed. Empty
        where nothing is there. Raises Gone, Archived.
        """
        parameters: dict[str, Any] = {"Bucket": wanted.bucket, "Key": wanted.key}
        if wanted.etag:
            parameters["IfMatch"] = f'"{wanted.etag}"'
        if start or end is not None:
            parameters["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        try:
            found: Mapping[str, Any] = self.client.get_object(**parameters)
        except RAISED as error:
            code = code_of(error)
            if code in _END:
                return {}
            if code in _GONE:
                raise Gone(code) from error
            if code == _ARCHIVED:
                raise Archived(code) from error
            self._aws.raise_as_ours(error, self._option)
        return found

    def copy(self, wanted: Object, bucket: str, key: str) -> None:
        """Copy an object, in parts where it is large. A copy that is there is written again. Raises
        Gone.
        """
        source = {"Bucket": wanted.bucket, "Key": wanted.key}
        try:
            self.client.copy(CopySource=source, Bucket=bucket, Key=key)
        except RAISED as error:
            code = code_of(error)
            if code in _NO_OBJECT:
                raise Gone(code) from error
            self._aws.raise_as_ours(error, self._option)

    def delete(self, wanted: Object) -> None:
        """Delete an object, unless it has another content by now: not every server can do that in
        one request, so that it is looked at just before. Raises Gone.
        """
        where = {"Bucket": wanted.bucket, "Key": wanted.key}
        if wanted.etag:
            try:
                self.client.head_object(**where, IfMatch=f'"{wanted.etag}"')
            except RAISED as error:
                code = code_of(error)
                if code in (*_GONE, *_NO_OBJECT):
                    raise Gone(code) from error
                self._aws.raise_as_ours(error, self._option)
        self.asked(self.client.delete_object, **where)

    def close(self) -> None:
        """Let go of its connections."""
        self.client.close()


def read_body(body: Any, size: int) -> bytes:
    """Up to so many bytes of an object; none at its end. Raises Disconnected."""
    try:
        found: bytes = body.read(size)
    except RAISED as error:
        raise Disconnected(str(error)) from error
    except Exception as error:  # of urllib3, which the library lets through
        if type(error).__module__.partition(".")[0] != "urllib3":
            raise
        raise Disconnected(str(error)) from error
    return found
