"""The input pipeline."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from weakref import WeakSet

from ..contract import Batch, Input
from ..declaration import option
from ..pipeline_bus import Handover, reading


class Pipeline(Input, name="pipeline"):
    """Take the events that another pipeline of this process sends to an address.

    A batch counts as delivered for the sender when it is for this pipeline.
    """

    completes = True

    address: str = option("The address to read from; one pipeline reads from it.")

    def prepare(self) -> None:
        self._taken: WeakSet[Handover] = WeakSet()

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        with reading(self.address) as waiting:
            while not stopping():
                try:
                    handover = waiting.get(timeout=0.25)
                except queue.Empty:
                    yield None
                    continue
                self._taken.add(handover)
                yield Batch(handover.events, done=handover.done)

    def close(self) -> None:
        """Give back what this pipeline took and ends without having answered for: its sender waits
        for the answer.
        """
        for handover in list(self._taken):
            handover.done(OSError(f"the pipeline at `{self.address}` has stopped"))
