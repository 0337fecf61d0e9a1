"""Events that a filter or an output could not handle, written to the pipeline's dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...dsl.options import read
from ...dsl.reference import Event
from ...dsl.spec import Kind
from ...dsl.values import copy
from ...plugins.context import Reasons, with_reasons
from ...plugins.data_paths import data_directory
from ...plugins.plugin import Plugin
from ...plugins.rate_limit import complain
from ...plugins.records.dead_letter import DeadLetter
from ..storage.dead_letters import DeadLetters


def dead_letter_directory(settings: Mapping[str, Any]) -> Path:
    """Where a pipeline's dead letters are."""
    given = settings["path.dead_letter_queue"]
    root = Path(given) if given else data_directory(settings) / "dead_letter_queue"
    return root / str(settings["pipeline.id"])


class DeadLetterWriter:
    """Writes dead letters."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        age = settings["dead_letter_queue.retain.age"]
        self.store = DeadLetters(
            dead_letter_directory(settings),
            max_bytes=int(read(Kind("bytes"), settings["dead_letter_queue.max_bytes"])),
            drop_older=settings["dead_letter_queue.storage_policy"] == "drop_older",
            retain=float(read(Kind("duration"), age)) if age else None,
            flush_interval=float(settings["dead_letter_queue.flush_interval"]) / 1000,
        )

    def write(self, plugin: Plugin, events: list[Event], reasons: Reasons) -> None:
        """Write events that a plugin could not handle; they are on the disk when this returns.
        Raises OSError where they cannot be written: for an output, the dead letters are all that
        is left of its events.
        """
        context = plugin.context
        about = plugin.name, context.id, context.where
        told = with_reasons(events, reasons)
        self.store.add([DeadLetter(copy(event), reason, *about) for event, reason in told])

    def write_if_possible(self, plugin: Plugin, events: list[Event], reasons: Reasons) -> None:
        """The same for a filter, whose events go on, tagged: what cannot be written is logged."""
        try:
            self.write(plugin, events, reasons)
        except OSError as error:
            where, kind, count = plugin.context.where, plugin.name, len(events)
            message = "%s: %d dead letters of %s could not be written: %s"
            complain(f"{where} dead letters", message, where, count, kind, error)

    def close(self) -> None:
        """End the files."""
        self.store.close()
