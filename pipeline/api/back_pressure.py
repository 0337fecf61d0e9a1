"""What holds events up at this moment: a full buffer, a full queue, an input that reads no more."""

from __future__ import annotations

from ...dsl.options import read
from ...dsl.spec import Kind
from ..runtime.supervisor import ManagedPipeline
from .engine_jobs import EngineJob

_NEARLY = 0.9


def back_pressure(member: ManagedPipeline | EngineJob) -> list[str]:
    """A line for each thing that holds up events of a pipeline."""
    pipeline, found = member.pipeline, []
    if pipeline is None:
        return []
    for sink in pipeline.sinks:
        if sink.is_full:
            waiting = sink.stats().waiting
            found.append(
                f"the buffer of output {_name(sink.output)} is full, {waiting} events wait"
            )
    queue = pipeline.queue
    if queue is not None:
        most = int(read(Kind("bytes"), member.settings["queue.max_bytes"]))
        if queue.size >= _NEARLY * most:
            part = 100 * queue.size // most
            found.append(f"the disk queue is full to {part} %, {queue.events} events wait")
    for source, way in zip(pipeline.inputs, pipeline.under_way, strict=False):
        if way.is_full:
            text = f"input {_name(source)} reads no more, {way.count} batches are not acknowledged"
            found.append(text)
    return [f"pipeline {member.id}: {text}" for text in found]


def _name(plugin: object) -> str:
    context = getattr(plugin, "context", None)
    return str(getattr(context, "id", "") or getattr(plugin, "name", ""))
