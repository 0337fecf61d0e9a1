"""What does not fit into the buffer of an output, on disk: units of delivery in a disk queue of
the output's own.

A record is a payload. Its note says the form: ``bytes`` as they are, ``events`` as a batch of
events, or ``data``: anything else that is plain data, with the events for the dead letters where
there are some. A restart finds a spill by its directory, which is named after the output's id, or,
where it has none, after its kind and a digest of its options: an output whose target was changed
must not get what was meant for another.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...dsl.event import complete
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ...plugins.batch import Payload
from ...plugins.data_paths import spills_directory
from ...plugins.errors import Undelivered
from ...plugins.option_text import stable_names
from ...plugins.output import Output
from ...plugins.records.events import Unreadable, pack, unpack
from ..storage.queue import DiskQueue
from ..storage.queue_errors import Full
from ..storage.survey import queue_state
from .pending import DeliveryUnit

log = logging.getLogger("penstock")

_OF_THE_BUFFER = frozenset(
    {
        "id",
        "enable_metric",
        "buffer_size",
        "when_full",
        "spill_max_bytes",
        "workers",
        "batch_bytes",
        "batch_events",
        "batch_age",
        "max_in_flight",
        "attempts",
    }
)


def spill_names(outputs: Iterable[Output]) -> list[str]:
    """The names of the directories of outputs, in their order."""
    return stable_names(outputs, _OF_THE_BUFFER)


def warn_of_unclaimed(settings: Mapping[str, Any], outputs: Sequence[Output]) -> None:
    """Warn of spills that hold events and belong to no output of the configuration any more."""
    names = zip(outputs, spill_names(outputs), strict=True)
    claimed = {name for output, name in names if output.when_full == "spill"}
    for directory in _directories(spills_directory(settings)):
        if directory.name in claimed:
            continue
        try:
            events = queue_state(directory).events.total()
        except OSError as error:
            log.warning(
                "the spill `%s` belongs to no output and cannot be read: %s", directory, error
            )
            continue
        if events:
            help = (
                'give the output its old id and when_full => "spill", or drain them with'
                " `penstock queue drain`"
            )
            log.warning(
                "%d events wait in `%s`, and no output of the configuration uses this spill: %s",
                events,
                directory,
                help,
            )


def _directories(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted(directory for directory in root.iterdir() if directory.is_dir())


class Spill:
    """The spill of one output; raises InUse where another process has it, OSError where there can
    be none.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self.directory = directory
        self._queue = DiskQueue(directory, max_bytes=max_bytes)
        self._unsynced: set[DeliveryUnit] = set()

    @property
    def events(self) -> int:
        """Events that were not delivered yet."""
        return self._queue.events

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._queue.size

    @property
    def is_empty(self) -> bool:
        """Whether all was delivered."""
        return self._queue.is_empty

    def put(self, unit: DeliveryUnit, patience: float) -> bool:
        """Put a unit behind the others, which finishes it as soon as it is synced; False where
        there was no room in time.
        """
        note, data = stored(unit.payload)
        self._unsynced.add(unit)

        def synced() -> None:
            self._unsynced.discard(unit)
            unit.finish()

        try:
            self._queue.put(data, note, unit.events, live=unit, timeout=patience, on_durable=synced)
        except Full:
            self._unsynced.discard(unit)
            return False
        return True

    def take(self) -> tuple[DeliveryUnit, int] | None:
        """The first unit, and the number by which it is taken out when it was delivered; None if
        none can be had now.
        """
        while (item := self._queue.get(0)) is not None:
            if isinstance(item.live, DeliveryUnit):
                return item.live, item.sequence
            try:
                payload = restored(item.note, item.payload, item.count)
            except Unreadable as error:
                log.error(
                    "spill `%s`: cannot decode record %d, left out: %s",
                    self.directory,
                    item.sequence,
                    error,
                )
                self._queue.ack(item.sequence)
                continue
            payload.events = payload.events or _as_text(payload)
            return DeliveryUnit(payload), item.sequence
        return None

    def take_out(self, number: int) -> None:
        """A unit was delivered."""
        self._queue.ack(number)

    def close(self) -> None:
        """Let go of the directory. What could not be synced counts as not delivered."""
        self._queue.close()
        for unit in list(self._unsynced):
            unit.finish(Undelivered(f"the spill `{self.directory}` could not be synced"))


def _as_text(payload: Payload) -> list[Event]:
    """Something for the dead letters, where there were none when it was spilled: of each item,
    where the data is a list of them.
    """
    data = payload.data
    has_items = type(data) is list and len(data) == payload.count
    events: list[Event] = [{"message": _text(item)} for item in (data if has_items else [data])]
    complete(events, Timestamp.now(), {})
    return events


def _text(data: Any) -> str:
    return data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else str(data)


def stored(payload: Payload) -> tuple[dict[str, Any], bytes]:
    """A payload as the note and the content of a record."""
    data, events, lane = payload.data, payload.events, payload.lane
    note: dict[str, Any] = {} if lane is None else {"lane": lane}
    if isinstance(data, bytes) and events is None:
        return {"form": "bytes", **note}, data
    is_events = type(data) is list and all(type(event) is dict for event in data)
    if is_events and events in (None, data):
        return {"form": "events", **note}, pack(data)
    whole = {"data": data} if events is None else {"data": data, "events": events}
    return {"form": "data", **note}, pack([whole])


def restored(note: Mapping[str, Any], content: bytes, count: int) -> Payload:
    """The payload of a record, with its events where there are some; raises Unreadable."""
    form, lane = note.get("form", "events"), note.get("lane")
    if form == "bytes":
        return Payload(content, None, lane, count)
    if form == "events":
        events = unpack(content)
        return Payload(events, events, lane, count)
    if form != "data":
        raise Unreadable(f"unknown form `{form}`")
    (whole,) = unpack(content)
    data = whole["packed"] if "packed" in whole else whole["data"]  # version 1 called it packed
    return Payload(data, whole.get("events", whole.get("originals")), lane, count)
