"""The output pipeline."""
from __future__ import annotations

from ...dsl.reference import Event
from ...dsl.values import copy
from ..addresses import Handover, send
from ..contract import Output
from ..declaration import option


class Pipeline(Output, name="pipeline"):
    """Send events to other pipelines of this process, by their addresses.

    Each gets a copy of its own. A pipeline that is not there yet, or slow, is waited for; with `ensure_delivery => false` what is
    sent while it is not there is dropped.
    """

    send_to: list[str] = option("The addresses.")
    ensure_delivery: bool = option("Wait for a pipeline that is starting or reloading.", default=True)

    def pack(self, events: list[Event]) -> list[list[Event]]:
        """A copy for each address."""
        return [[copy(event) for event in events] for _ in self.send_to]

    def deliver(self, packed: list[list[Event]]) -> None:
        sent = [(address, self._send(address, events)) for address, events in zip(self.send_to, packed, strict=True)]
        for address, handover in sent:
            if handover is None:
                if self.ensure_delivery:
                    raise OSError(f"no pipeline reads from `{address}`")
                continue
            handover.settled.wait()
            if handover.error is not None and self.ensure_delivery:
                raise OSError(str(handover.error))

    def _send(self, address: str, events: list[Event]) -> Handover | None:
        return send(address, events, 5.0 if self.ensure_delivery else 0.0)
