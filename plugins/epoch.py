"""Who commits for many batches at once: the state of windows, a producer's transaction, a
changelog.

A plugin with a ``participant`` has its pipeline run in epochs. The batches of an epoch are worked
and delivered as always, but acknowledged together, after the participant committed their positions
and what it keeps in one step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from .batch import Position

Offsets = Mapping[int | str, Mapping[str, Position]]
"""By input and by partition: the position behind the last batch of an epoch. The runtime knows an
input by its place; a participant is given a name that stays when the configuration is edited. What
is not an input has a number below 0.
"""


class Participant(Protocol):
    """Called in the thread that filters, one call at a time. A plugin has it from ``open`` on.

    ``overlaps``: whether an epoch may begin before the one before it is committed. A producer has
    one transaction at a time and says no: its batches wait for the commit. So does whoever keeps
    state of what is delivered; state of filters, which one worker has, may overlap.
    """

    overlaps: bool

    def restored(self) -> Offsets:
        """What the last commit holds; asked for when a pipeline starts, also after a reload."""
        ...

    def begin(self) -> None:
        """An epoch begins."""
        ...

    def snapshot(self) -> Any:
        """What is to be committed of this moment. Where epochs overlap it is asked for between two
        batches, when the last one of the epoch has gone through the filters; otherwise when all
        deliveries of the epoch have ended, and no batch behind it was begun.
        """
        ...

    def commit(self, offsets: Offsets, state: Any) -> None:
        """All deliveries of an epoch have ended: commit its positions with the snapshot that was
        taken at its end, in one step. What it raises aborts the epoch.
        """
        ...

    def abort(self) -> None:
        """Go back to the last commit: the inputs give again what came after it. Where epochs do not
        overlap, what is still delivered until ``begin`` belongs to the epoch that was aborted, and
        must end soon.
        """
        ...
