"""One object on its way through a codec: its bytes come as they are read from the network, are
unpacked where they are gzip, and are cut where events may be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from ...dsl.timestamp import Timestamp
from ..clients.s3 import S3, Object, read_body
from ._gunzip import MAGIC, Unpacker
from ._load import Content
from ._s3_bookmark import Progress
from ._stream import Stream, Streams

_HEAD = 4
_PLAIN_FIELDS = {
    "content_length": "ContentLength",
    "content_type": "ContentType",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "cache_control": "CacheControl",
    "version_id": "VersionId",
    "server_side_encryption": "ServerSideEncryption",
    "storage_class": "StorageClass",
    "metadata": "Metadata",
}


class ObjectStreams(Streams):
    """Makes the stream of each object; ``origin`` is what its events get."""

    origin: Mapping[str, Any] = {}

    def _origin(self, path: str) -> dict[str, Any]:
        return {"@metadata": {"s3": dict(self.origin)}}


class ObjectReading:
    """An object that is read, from where it is delivered. ``problem``: why it cannot be read to its
    end. Raises Gone, Archived, and as ``Aws.asked`` does.
    """

    def __init__(
        self, s3: S3, wanted: Object, progress: Progress, streams: ObjectStreams, whole: bool
    ) -> None:
        self.object = wanted
        self._head, self._body = b"", None
        is_resumed = progress.offset > 0 and not progress.is_packed
        head = b""
        if is_resumed:
            first = s3.get(wanted, 0, _HEAD)
            head = read_body(first["Body"], _HEAD) if first else b""
        answer = s3.get(wanted, progress.offset if is_resumed else 0)
        self._body = answer.get("Body")
        if not is_resumed:
            head = self._head = self._read_at(_HEAD, 0)
        self.is_packed = not is_resumed and head.startswith(MAGIC)
        skip = progress.offset if self.is_packed else 0
        self._unpacker = Unpacker(self._read_at, skip) if self.is_packed else None
        streams.origin = _facts(wanted, answer if whole else None)
        known = b"" if self.is_packed else head
        self.stream: Stream = streams.start(wanted.key, progress.offset, known)

    def _read_at(self, length: int, offset: int) -> bytes:
        """The next bytes; they are asked for one after another."""
        piece, self._head = self._head[:length], self._head[length:]
        if self._body is None:
            return piece
        pieces, left = [piece], length - len(piece)
        while left > 0 and (piece := read_body(self._body, left)):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def read(self, size: int) -> Content | None:
        """What is complete with the next bytes; None at the end, when all was given."""
        data = self._unpacker.read(size) if self._unpacker else self._read_at(size, 0)
        if data:
            return self.stream.feed(data)
        if self.stream.holds:
            return self.stream.flush()
        return None

    @property
    def problem(self) -> str:
        """Why it could not be read to its end; an empty text where it could."""
        if self._unpacker is None:
            return ""
        return self._unpacker.problem or ("" if self._unpacker.whole else "it ends in the middle")

    def close(self) -> None:
        """Let go of the connection; one that is in the middle of an object is of no more use."""
        body, self._body = self._body, None
        if body is not None:
            with contextlib.suppress(Exception):
                body.close()


def _facts(wanted: Object, answer: Mapping[str, Any] | None) -> dict[str, Any]:
    """What ``[@metadata][s3]`` has."""
    facts: dict[str, Any] = {"bucket": wanted.bucket, "key": wanted.key}
    if answer is None:
        return facts
    modified = answer.get("LastModified") or wanted.modified
    if modified is not None:
        facts["last_modified"] = Timestamp.of(modified)
    facts["etag"] = str(answer.get("ETag", wanted.etag)).strip('"')
    for ours, name in _PLAIN_FIELDS.items():
        if answer.get(name) is not None:
            facts[ours] = answer[name]
    return facts
