"""Events that a filter or an output could not handle, on their way to the dead letters of the
pipeline.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...dsl.options import read
from ...dsl.reference import Event
from ...dsl.spec import Kind
from ...dsl.values import copy
from ...plugins.contract import Plugin, complain
from ...plugins.data_paths import data_folder
from ...plugins.records.dead_letter import Letter
from ..storage.dead_letters import DeadLetters

log = logging.getLogger("penstock")


def letters_folder(settings: Mapping[str, Any]) -> Path:
    """Where a pipeline's dead letters are."""
    given = settings["path.dead_letter_queue"]
    root = Path(given) if given else data_folder(settings) / "dead_letter_queue"
    return root / str(settings["pipeline.id"])


class Burial:
    """Writes dead letters."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        age = settings["dead_letter_queue.retain.age"]
        self._store = DeadLetters(
            letters_folder(settings),
            max_bytes=int(read(Kind("bytes"), settings["dead_letter_queue.max_bytes"])),
            drop_older=settings["dead_letter_queue.storage_policy"] == "drop_older",
            retain=float(read(Kind("duration"), age)) if age else None,
            flush_interval=float(settings["dead_letter_queue.flush_interval"]) / 1000,
        )

    def bury(self, plugin: Plugin, events: list[Event], reason: str) -> None:
        """Write letters about events that a plugin could not handle; they are on the disk when this
        returns. Raises OSError where they cannot be written: for an output, the letters are all
        that is left of its events.
        """
        where, kind = plugin.context.where, plugin.name
        self._store.add(
            [Letter(copy(event), reason, kind, plugin.context.id, where) for event in events]
        )

    def bury_if_possible(self, plugin: Plugin, events: list[Event], reason: str) -> None:
        """The same for a filter, whose events go on, tagged: letters that cannot be written are
        logged.
        """
        try:
            self.bury(plugin, events, reason)
        except OSError as error:
            where, kind = plugin.context.where, plugin.name
            complain(
                f"{where} burial",
                "%s: %d dead letters of %s could not be written: %s",
                where,
                len(events),
                kind,
                error,
            )

    def close(self) -> None:
        """End the files."""
        self._store.close()
