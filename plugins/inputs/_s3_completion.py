"""What is done with an object whose events are all delivered: it is copied elsewhere, and deleted.

Each step may be done again: a run that was killed in between does them once more before the object
counts as done.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ..clients.s3 import S3, Gone, Object, read_body

_PIECE = 1 << 20


class Completion(NamedTuple):
    """``bucket`` and ``directory``: where copies go; ``prefix``: goes before their key;
    ``deletes``: the object is deleted then.
    """

    bucket: str | None
    prefix: str
    directory: str | None
    deletes: bool

    @property
    def is_needed(self) -> bool:
        """Whether there is something to do."""
        return self.deletes or bool(self.bucket or self.directory)

    def carry_out(self, s3: S3, wanted: Object) -> None:
        """Do it, unless the object is not there any more. Raises as ``Aws.asked``, OSError."""
        try:
            if self.directory:
                self._save(s3, wanted, self.directory)
            if self.bucket:
                s3.copy(wanted, self.bucket, f"{self.prefix}{wanted.key}")
            if self.deletes:
                s3.delete(wanted)
        except Gone:
            return

    def _save(self, s3: S3, wanted: Object, directory: str) -> None:
        """Copy it into a directory, under the last part of its key, as Logstash does."""
        path = os.path.join(directory, os.path.basename(wanted.key))
        os.makedirs(directory, exist_ok=True)
        body = s3.get(wanted).get("Body")
        with open(f"{path}.part", "wb") as file:
            while body is not None and (piece := read_body(body, _PIECE)):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{path}.part", path)
