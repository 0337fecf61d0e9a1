"""Dead letters: events that a filter or an output could not handle, with the reason; their form on
disk, and how they are read.

A dead letter is a record: the note says why, where and when; the payload is the event as it was.
Those of one pipeline are in one directory, and their sequences never begin again, so that a
sequence is a position that stays true whatever is deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from .disk import Disk
from .events import Unreadable, pack, unpack
from .layout import HEADER
from .reader import Reader, Record, Skipped
from .segments import Segment, survey_headers

KEY = "dead_letter_queue"
"""Under this key of its ``@metadata`` an event that was read from the dead letters says why it was
there.
"""

_LONGEST_REASON = 16_384


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be handled. ``place``: ``file:line:column`` of the plugin; ``time``:
    when it failed.
    """

    event: Event
    reason: str
    plugin_type: str
    plugin_id: str
    place: str = ""
    time: Timestamp = field(default_factory=Timestamp.now)
    sequence: int = 0

    def packed(self) -> tuple[bytes, bytes]:
        """The letter as note and payload."""
        note = [
            str(self.time),
            self.plugin_type,
            self.plugin_id,
            self.place,
            self.reason[:_LONGEST_REASON],
        ]
        return msgspec.msgpack.encode([_encodable(text) for text in note]), pack([self.event])

    def marked(self) -> Event:
        """The event with ``[@metadata][dead_letter_queue]``, as Logstash's input gives it; the
        event itself is changed.
        """
        metadata = self.event.setdefault("@metadata", {})
        if isinstance(metadata, dict):
            metadata[KEY] = self.about()
        return self.event

    def about(self) -> dict[str, Any]:
        """All but the event."""
        about = {
            "entry_time": self.time,
            "plugin_id": self.plugin_id,
            "plugin_type": self.plugin_type,
            "reason": self.reason,
        }
        return about | {"place": self.place} if self.place else about


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def is_marked(event: Event) -> bool:
    """Whether an event was read from dead letters by an input; one that is replayed by hand may go
    back to them.
    """
    metadata = event.get("@metadata")
    about = metadata.get(KEY) if isinstance(metadata, dict) else None
    return about is not None and not (isinstance(about, dict) and about.get("replayed"))


def time_of(record: Record) -> str:
    """When the letter in a record was written; empty where it cannot be told."""
    try:
        return str(msgspec.msgpack.decode(record.note)[0])
    except (msgspec.DecodeError, LookupError, TypeError):
        return ""


def letter_of(record: Record) -> DeadLetter:
    """The letter in a record; raises Unreadable."""
    try:
        time, plugin_type, plugin_id, place, reason = msgspec.msgpack.decode(
            record.note, type=tuple[str, str, str, str, str]
        )
    except msgspec.DecodeError as error:
        raise Unreadable(f"no dead letter: {error}") from None
    (event,) = unpack(record.payload)
    return DeadLetter(
        event, reason, plugin_type, plugin_id, place, Timestamp(time), record.sequence
    )


class DeadLetterReader:
    """Reads the letters of a directory in order, while they are written. ``after``: the sequence of
    the last letter not wanted.
    """

    def __init__(self, directory: Path, after: int = 0, disk: Disk | None = None) -> None:
        self.directory, self.after = directory, after
        self.skipped: list[Skipped] = []
        self._disk = disk or Disk()
        self._segment: Segment | None = None
        self._reader: Reader | None = None

    def read(self, most: int = 1000) -> list[DeadLetter]:
        """The next letters, up to a number; none where there are no more for now. What is damaged
        goes to ``skipped``.
        """
        letters: list[DeadLetter] = []
        for found in self._found():
            if isinstance(found, Skipped):
                self.skipped.append(found)
            elif found.sequence > self.after:
                self.after = found.sequence
                self._add(found, letters)
                if len(letters) >= most:
                    break
        return letters

    def _add(self, record: Record, letters: list[DeadLetter]) -> None:
        try:
            letters.append(letter_of(record))
        except Unreadable as error:
            where = str(self._segment.path) if self._segment else str(self.directory)
            self.skipped.append(
                Skipped(
                    where,
                    record.offset,
                    record.end - record.offset,
                    str(error),
                    events=record.count,
                )
            )

    def _found(self) -> Iterator[Record | Skipped]:
        while True:
            following = self._following()
            if self._reader is not None:
                # Who writes goes on in a new segment: in one that has a successor, a part of a
                # record will not be completed.
                while (
                    found := self._reader.next(self._reader.size(), final=following is not None)
                ) is not None:
                    yield found
            if following is None:
                return
            yield from self._turn_to(following)

    def _following(self) -> Segment | None:
        """The segment after the one that is read."""
        segments = [
            segment
            for segment in survey_headers(self._disk, self.directory).segments
            if segment.readable
        ]
        if self._segment is None:
            later = [segment for segment in segments if segment.size > HEADER]
            return later[0] if later else None
        here = (self._segment.first, self._segment.path.name)
        return next(
            (
                segment
                for segment in segments
                if (segment.first, segment.path.name) > here and segment.size > HEADER
            ),
            None,
        )

    def _turn_to(self, segment: Segment) -> Iterator[Skipped]:
        self.close()
        self._segment = segment
        try:
            self._reader = Reader(self._disk, segment.path, segment.seal, HEADER)
        except FileNotFoundError:  # it was removed, as too old or too much
            return
        except OSError as error:
            reason = f"cannot be read: {os.strerror(error.errno or 0)}"
            yield Skipped(str(segment.path), 0, segment.size, reason)

    def check_format(self) -> None:
        """Raise NewerFormat where a newer Penstock wrote a segment that is there."""
        with contextlib.suppress(FileNotFoundError):
            survey_headers(self._disk, self.directory)

    def consumed(self, upto: int) -> list[Path]:
        """The segments in which nothing comes after a sequence; the last one, which may be written,
        is not among them.
        """
        segments = survey_headers(self._disk, self.directory).segments
        return [
            one.path
            for one, following in pairwise(segments)
            if following.first <= upto + 1 and one.readable
        ]

    def close(self) -> None:
        """Let go of the file that is read."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
