"""Uploading files: at once, or in parts where they are large. An upload in parts that was cut off,
by an outage or a kill, goes on with the parts that are missing: its number is noted beside the file
before the first part is sent.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..clients.aws_errors import RAISED, code_of
from ..clients.s3 import S3
from ..contract import ConnectorError
from ..rate_limit import PluginLog
from ._s3_spool import SpoolFile

_PART = 8 << 20
_MOST_PARTS = 9000
_LONGEST_WAIT = 60.0


class Manner(NamedTuple):
    """``parameters``: of each object, as S3 names them; ``threshold``: bytes from which on a file
    goes in parts; ``delay``: seconds before the next try, which grow; ``tries``: how many there
    are, None for any number.
    """

    bucket: str
    parameters: Mapping[str, Any]
    threshold: int
    delay: float
    tries: int | None


def upload(s3: S3, file: SpoolFile, manner: Manner) -> None:
    """Upload a file. Raises as ``Aws.asked`` does, OSError."""
    target = {"Bucket": manner.bucket, "Key": file.key}
    if file.size < manner.threshold and file.upload_begun() is None:
        with file.data.open("rb") as body:
            s3.asked(s3.client.put_object, Body=body, **target, **manner.parameters)
        return
    noted = file.upload_begun()
    parts: dict[int, str] = {}
    if noted is not None:
        parts = _parts_there(s3, target, noted["id"])
        noted = None if parts is None else noted
    if noted is None:
        begun = s3.asked(s3.client.create_multipart_upload, **target, **manner.parameters)
        size = max(_PART, -(-file.size // _MOST_PARTS))
        noted, parts = {"id": begun["UploadId"], "size": size}, {}
        file.note_upload(noted)
    _send_parts(s3, file.data, target, noted, parts)
    listed = [{"PartNumber": number, "ETag": parts[number]} for number in sorted(parts)]
    whole = {"UploadId": noted["id"], "MultipartUpload": {"Parts": listed}}
    s3.asked(s3.client.complete_multipart_upload, **target, **whole)


def _parts_there(s3: S3, target: Mapping[str, str], number: str) -> Any:
    """The parts that an upload has; None where it is not known any more."""
    parts: dict[int, str] = {}
    more: dict[str, int] = {}
    while True:
        try:
            answer = s3.client.list_parts(**target, UploadId=number, **more)
        except RAISED as error:
            if code_of(error) == "NoSuchUpload":
                return None
            s3.raise_as_ours(error)
        parts |= {each["PartNumber"]: each["ETag"] for each in answer.get("Parts") or ()}
        if not answer.get("IsTruncated"):
            return parts
        more = {"PartNumberMarker": answer["NextPartNumberMarker"]}


def _send_parts(
    s3: S3,
    path: Path,
    target: Mapping[str, str],
    noted: Mapping[str, Any],
    parts: dict[int, str],
) -> None:
    with path.open("rb") as file:
        number = 0
        while True:
            number += 1
            if number in parts:
                file.seek(noted["size"], 1)
                continue
            data = file.read(noted["size"])
            if not data:
                return
            sent = {"UploadId": noted["id"], "PartNumber": number, "Body": data}
            parts[number] = s3.asked(s3.client.upload_part, **target, **sent)["ETag"]


class Uploader:
    """Threads that upload files, the first one first. ``connect`` makes a client, with the
    credentials of then: behind each failure there is a new one, since they may have been rotated.
    """

    def __init__(
        self, manner: Manner, threads: int, log: PluginLog, connect: Callable[[], S3]
    ) -> None:
        self._manner, self._log, self._connect = manner, log, connect
        self._connecting = threading.Lock()
        self._waiting: deque[SpoolFile] = deque()
        self._busy = 0
        self._change = threading.Condition()
        self._is_ending = False
        self._has_failed = self._is_away = False
        self.uploads = self.uploaded_bytes = 0
        self._s3: S3 | None = None
        self._threads = [
            threading.Thread(target=self._run, name=f"s3 upload {number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def backlog(self) -> int:
        """How many files are not uploaded."""
        with self._change:
            return len(self._waiting) + self._busy

    def add(self, file: SpoolFile) -> None:
        """Upload a file, in its turn."""
        with self._change:
            self._waiting.append(file)
            self._change.notify()

    def use(self, s3: S3) -> None:
        """Use this client from now on, in the place of the one before."""
        before, self._s3 = self._s3, s3
        if before is not None:
            before.close()

    def _connect_again(self, failed: S3 | None) -> None:
        """Make a client in the place of one that failed, unless that was done."""
        with self._connecting:
            if self._s3 is not failed:
                return
            with contextlib.suppress(Exception):  # the next try says what is wrong
                self.use(self._connect())

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._is_ending)
                if not self._waiting:
                    return
                file = self._waiting.popleft()
                if self._is_ending and self._is_away:
                    continue  # it stays in the spool, as the others do
                self._busy += 1
            try:
                self._upload(file)
            finally:
                with self._change:
                    self._busy -= 1

    def _upload(self, file: SpoolFile) -> None:
        """Try until it is uploaded, refused, or the end has come."""
        tries, wait = 0, self._manner.delay
        while True:
            s3 = self._s3
            try:
                if s3 is None:
                    raise ConnectorError("not connected")
                upload(s3, file, self._manner)
            except (ConnectorError, OSError) as error:
                tries += 1
                after = getattr(error, "after", None)
                if not self._may_go_on(file, error, tries, wait if after is None else after):
                    return
                wait = min(_LONGEST_WAIT, max(wait, 0.1) * 2)
                self._connect_again(s3)
            except Exception as error:
                self._refused(file, error)
                return
            else:
                self._succeeded(file)
                return

    def _may_go_on(self, file: SpoolFile, error: Exception, tries: int, wait: float) -> bool:
        """Say what failed, and wait; False where it is not tried any more in this run."""
        self._has_failed = self._is_away = True
        text = "`%s` cannot be uploaded: %s; it stays in `%s`; retrying"
        self._log.error(text, file.key, error, file.data, about="upload")
        if self._manner.tries is not None and tries > self._manner.tries:
            return False
        with self._change:
            self._change.wait_for(lambda: self._is_ending, wait)
            return not self._is_ending

    def _refused(self, file: SpoolFile, error: Exception) -> None:
        try:
            path = file.set_aside()
        except OSError:
            path = file.data
        self._log.error("S3 refuses `%s`: %s; it is kept as `%s`", file.key, error, path)

    def _succeeded(self, file: SpoolFile) -> None:
        try:
            file.remove()
        except OSError as error:  # the next start uploads it once more, under the same key
            text = "`%s` is uploaded, but cannot be removed: %s"
            self._log.error(text, file.data, error.strerror or error, about="remove")
        self._is_away = False
        if self._has_failed:
            self._has_failed = False
            self._log.warning("uploads work again")
        with self._change:
            self.uploads += 1
            self.uploaded_bytes += file.size

    def end(self) -> None:
        """Upload what waits, as long as that works, and end the threads."""
        with self._change:
            self._is_ending, self._is_away = True, False
            self._change.notify_all()
        for thread in self._threads:
            thread.join()
        s3, self._s3 = self._s3, None
        if s3 is not None:
            s3.close()
