"""The input pipeline."""
from __future__ import annotations

import queue
from collections.abc import Callable, Iterator

from ..addresses import reading
from ..contract import Batch, Input
from ..declaration import option


class Pipeline(Input, name="pipeline"):
    """Take the events that another pipeline of this process sends to an address.

    A batch counts as delivered for the sender when it is for this pipeline.
    """

    completes = True

    address: str = option("The address to read from; one pipeline reads from it.")

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        with reading(self.address) as waiting:
            while not stopping():
                try:
                    handover = waiting.get(timeout=0.25)
                except queue.Empty:
                    yield None
                    continue
                yield Batch(handover.events, done=handover.done)
