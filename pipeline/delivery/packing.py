"""Packing that an event cannot bring down.

``pack`` is a plugin's code, and calls a codec's: it may raise for one event of a batch, or for all.
The batch is then packed event by event, and what cannot be packed goes to the dead letters, here,
where the event still is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ...dsl.reference import Event
from ...plugins.batch import Payload
from ...plugins.errors import Undelivered
from ...plugins.output import Output
from ...plugins.raised import said, said_with_place
from ...plugins.rate_limit import complain

log = logging.getLogger("penstock")


def packing(output: Output) -> Callable[[list[Event]], list[Payload]]:
    """An output's ``pack``, which does not raise for an event. Raises Undelivered where dead
    letters cannot be written.
    """
    pack = output.pack

    def packed(events: list[Event]) -> list[Payload]:
        try:
            return pack(events)
        except Exception as error:
            if len(events) == 1:
                _refuse(output, events, error)
                return []
        return [payload for event in events for payload in packed([event])]

    return packed


def _refuse(output: Output, events: list[Event], error: Exception) -> None:
    reason = said(error)
    write = output.context.dead_letter
    where = f"{output.context.where}: output {output.name}"
    text = "%s: an event cannot be encoded: %s; " + _FATE[write is not None]
    log.debug("%s: pack raised", where, exc_info=error)
    complain(f"{where} pack", text, where, said_with_place(error))
    if write is None:
        return
    try:
        write(events, reason)
    except OSError as broken:
        raise Undelivered(f"{where}: dead letters cannot be written: {broken}") from broken


_FATE = {True: "sent to dead letters", False: "dropped, no dead letter queue"}
