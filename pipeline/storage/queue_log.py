"""What a disk queue says to the log."""

from __future__ import annotations

import logging
from pathlib import Path

from ...plugins.contract import complain
from ...plugins.records.reader import Skipped

log = logging.getLogger("penstock")


def say_unwritable(directory: Path, error: OSError) -> None:
    """The queue cannot be written now; said once in a while."""
    reason = error.strerror or str(error)
    complain(str(directory), "the queue `%s` cannot be written: %s; retrying", directory, reason)


def say_skipped(skipped: Skipped) -> None:
    """A part of the queue could not be read; a torn end is what a killed process leaves."""
    log.log(logging.INFO if skipped.torn else logging.WARNING, "queue: skipped: %s", skipped)
