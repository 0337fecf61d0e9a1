"""The output pipeline."""

from __future__ import annotations

from ...dsl.reference import Event
from ...dsl.values import copy
from ..contract import Output, Unfinished
from ..declaration import option
from ..pipeline_bus import Handover, send


class Pipeline(Output, name="pipeline"):
    """Send events to other pipelines of this process, by their addresses.

    Each gets a copy of its own. A pipeline that is not there yet, or slow, is waited for; with
    `ensure_delivery => false` what is sent while it is not there is dropped.
    """

    send_to: list[str] = option("The addresses.")
    ensure_delivery: bool = option(
        "Wait for a pipeline that is starting or reloading.", default=True
    )

    def pack(self, events: list[Event]) -> dict[str, list[Event]]:
        """The events for each address; copied when they are sent, since they may have to be sent
        again.
        """
        return dict.fromkeys(self.send_to, events)

    def deliver(self, packed: dict[str, list[Event]]) -> None:
        sent = {address: self._send(address, events) for address, events in packed.items()}
        wrong = {
            address: problem
            for address, handover in sent.items()
            if (problem := _problem(address, handover))
        }
        if wrong and self.ensure_delivery:
            raise Unfinished(
                "; ".join(wrong.values()), {address: packed[address] for address in wrong}
            )

    def _send(self, address: str, events: list[Event]) -> Handover | None:
        return send(
            address, [copy(event) for event in events], 5.0 if self.ensure_delivery else 0.0
        )


def _problem(address: str, handover: Handover | None) -> str:
    """Why events that were sent did not arrive; empty if they did."""
    if handover is None:
        return f"no pipeline reads from `{address}`"
    handover.settled.wait()
    return str(handover.error or "")
