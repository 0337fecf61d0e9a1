"""The codec gzip_lines: lines of text, compressed."""

from __future__ import annotations

from ...dsl.reference import Event
from ..contract import Ecs
from ._gzip import GzipText


class GzipLines(Ecs, GzipText, name="gzip_lines"):
    """Lines of text in gzip's format; for inputs only.

    Each line is an event, as with the codec `line`. Files that were compressed one by one and then
    joined are read through. From where a stream cannot be decompressed, because it is damaged,
    grows over the limit or was never packed, its bytes are read as lines of text as they stand,
    each tagged `_gzipparsefailure`; the log says why. A stream that breaks off has the tag on what
    came last.
    """

    def _event(self, line: str) -> Event:
        return {"message": line, "event": {"original": line}} if self.ecs else {"message": line}
