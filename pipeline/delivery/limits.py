"""How much of what waits for an output becomes one request."""

from __future__ import annotations

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
