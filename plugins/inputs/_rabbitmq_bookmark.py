"""How far a stream was read and delivered, in a file below ``path.data``.

A stream keeps its messages, and no position of a reader that acknowledges over AMQP: that is the
reader's business. The file has the offset to go on from, and an id of the stream: one that was
deleted and declared again counts from zero once more, and gets another.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from uuid import uuid4

from ..batch import Position
from ..errors import NewerFormat
from ..records.lock import InUse, Lock
from ._atomic import write_atomically

_FILE = "position.json"
_FORMAT = 1
_INTERVAL = 1.0


class Bookmark:
    """The position of one reader of a stream. ``source``: what tells the stream from others. Two
    readers of one stream in a data directory have a file each. Raises OSError, NewerFormat.
    """

    def __init__(self, directory: Path, *source: object) -> None:
        digest = hashlib.sha256(repr(source).encode()).hexdigest()[:16]
        number = 0
        while True:
            slot = directory / "rabbitmq" / digest / str(number)
            slot.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = Lock(slot)
            except InUse:
                number += 1
                continue
            break
        self._path = slot / _FILE
        try:
            self.position = self._read() or Position(uuid4().hex, -1)
        except OSError:
            self._lock.release()
            raise
        self._saved, self._at = self.position, 0.0

    def _read(self) -> Position | None:
        try:
            found = json.loads(self._path.read_bytes())
            if found["format"] > _FORMAT:
                raise NewerFormat(self._path, found["format"], _FORMAT)
            return Position(found["stream"], found["offset"])
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError) as error:
            raise OSError(f"`{self._path}` is not a position: {error!r}") from error

    def begin_anew(self) -> None:
        """The stream is another one now."""
        self.position = Position(uuid4().hex, -1)

    def move(self, position: Position) -> None:
        """All before this position was delivered; it is on the disk within about a second."""
        self.position = position
        if time.monotonic() - self._at >= _INTERVAL:
            self.save()

    def save(self) -> None:
        """Have it on the disk."""
        if self.position == self._saved:
            return
        stream, offset = self.position
        data = json.dumps({"format": _FORMAT, "stream": stream, "offset": offset})
        write_atomically(str(self._path), data.encode())
        self._saved, self._at = self.position, time.monotonic()

    def close(self) -> None:
        """Save it, and let another have it."""
        try:
            self.save()
        finally:
            self._lock.release()
