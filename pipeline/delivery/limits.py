"""How much of what waits for an output becomes one request."""

from __future__ import annotations

from collections.abc import Iterator

from ...plugins.batch import Payload
from ...plugins.output import Batching, Output


def limits_of(output: Output) -> Batching:
    """What the options say, else the settings ``pipeline.batch.size`` and ``.delay`` where they are
    given, else what the output declares. The size bounds what the output declares; it does not
    raise it.
    """
    declared, settings = output.batching, output.context.settings
    size = int(settings.get("pipeline.batch.size") or 0)
    delay = int(settings.get("pipeline.batch.delay") or 0) / 1000
    events = min(declared.events, size) if size else declared.events
    age = delay or declared.age
    return Batching(
        declared.bytes if output.batch_bytes is None else int(output.batch_bytes),
        events if output.batch_events is None else output.batch_events,
        age if output.batch_age is None else float(output.batch_age),
    )


def within(payload: Payload, limits: Batching) -> list[Payload]:
    """A payload as payloads that are requests of their own. Only a list with an item for each event
    can be divided, at an item: one item may be larger than a request.
    """
    is_small = payload.count <= limits.events and payload.size <= limits.bytes
    data = payload.data
    if is_small or payload.count < 2 or type(data) is not list or len(data) != payload.count:
        return [payload]
    events = payload.events
    return [
        Payload(data[i:end], None if events is None else events[i:end], payload.lane, end - i)
        for i, end in _cuts(payload, limits)
    ]


def _cuts(payload: Payload, limits: Batching) -> Iterator[tuple[int, int]]:
    """From which item to which each request goes."""
    data, begin, size = payload.data, 0, 0
    has_texts = isinstance(data[0], bytes | str)
    average = payload.size // payload.count
    for index, item in enumerate(data):
        more = len(item) if has_texts else average
        if index > begin and (index - begin >= limits.events or size + more > limits.bytes):
            yield begin, index
            begin, size = index, 0
        size += more
    yield begin, payload.count
