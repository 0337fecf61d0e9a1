"""The output pipeline."""

from __future__ import annotations

from concurrent.futures import Future

from ...dsl.reference import Event
from ...dsl.values import copy
from ..contract import Disconnected, Output, Payload
from ..declaration import option
from ..pipeline_bus import is_read, send

_FOR_A_READER = 5.0
_FOR_ROOM = 0.5


class Pipeline(Output, name="pipeline"):
    """Send events to other pipelines of this process, by their addresses.

    Each gets a copy of its own. A pipeline that is not there yet, or slow, is waited for; with
    `ensure_delivery => false` what is sent while it is not there, or full, is dropped.
    """

    send_to: list[str] = option("The addresses.")
    ensure_delivery: bool = option(
        "Wait for a pipeline that is starting or reloading.", default=True
    )

    def pack(self, events: list[Event]) -> list[Payload]:
        """The events for each address; each is a lane, so that one that is away holds up no
        other.
        """
        return [Payload(events, events, lane=address) for address in dict.fromkeys(self.send_to)]

    def deliver(self, payload: Payload) -> Future[None] | None:
        address = str(payload.lane)
        # Copied now and not when they are packed: they may have to be sent again.
        events = [copy(event) for event in payload.data]
        if not self.ensure_delivery:
            return self._send_or_drop(address, events)
        future = send(address, events, _FOR_ROOM if is_read(address) else _FOR_A_READER)
        while future is None and is_read(address) and not self.context.stopping.is_set():
            future = send(address, events, _FOR_ROOM)
        if future is None:
            why = "is full" if is_read(address) else "is not read by any pipeline"
            raise Disconnected(f"the address `{address}` {why}")
        return future

    def _send_or_drop(self, address: str, events: list[Event]) -> Future[None]:
        """Send once; how it fares there is waited for, and then it is done in any case."""
        done: Future[None] = Future()
        future = send(address, events, 0)
        if future is not None:
            future.add_done_callback(lambda _: done.set_result(None))
        else:
            done.set_result(None)
            self.context.metrics.counter("dropped").add(len(events))
            self.context.log.warning(
                "no pipeline reads from `%s`: events are dropped (ensure_delivery is false)",
                address,
                about=address,
            )
        return done
