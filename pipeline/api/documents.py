"""What the API tells, as plain data in the shape that Logstash's API has, where it has one, so that
dashboards made for it work.

Everything is read from what the pipelines count anyway, in the thread that asks: nothing is locked,
so numbers that belong together may differ by a batch.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from ...dsl.options import read
from ...dsl.program import PluginUse
from ...dsl.secrets import masked
from ...dsl.spec import Kind
from ...plugins.codec import Codec
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.metrics import Histogram
from ...plugins.output import Output
from ..observe.plugin_counters import StepCounters, own_metrics
from ..runtime.pipeline import Pipeline
from ..runtime.supervisor import ManagedPipeline
from ..storage.dead_letters import DeadLetters
from .back_pressure import back_pressure
from .engine_jobs import EngineJob
from .process import children_stats, process_stats, python, system

Document = dict[str, Any]
_EPHEMERAL = str(uuid4())
_NOTHING = StepCounters()

Member = ManagedPipeline | EngineJob


class Node:
    """The process as the API tells it. ``members``: the pipelines, as the supervisor has them."""

    def __init__(self, members: Sequence[Member], address: str, version: str) -> None:
        self._members, self._address, self._version = members, address, version

    @property
    def members(self) -> list[Member]:
        """The pipelines that run, or have run."""
        return [member for member in list(self._members) if not member.is_removed]

    def root(self) -> Document:
        """``GET /``."""
        settings = self.members[0].settings if self.members else {}
        return {
            "host": platform.node(),
            "version": self._version,
            "http_address": self._address,
            "id": _EPHEMERAL,
            "name": platform.node(),
            "ephemeral_id": _EPHEMERAL,
            "environment": settings.get("api.environment"),
            "snapshot": False,
            "status": "green" if self.ready()["status"] == "ready" else "yellow",
            "pipeline": _sizes(settings),
        }

    def node(self) -> Document:
        """``GET /_node``."""
        pipelines = {member.id: _pipeline_info(member) for member in self.members}
        return {**self.root(), "pipelines": pipelines, "os": system(), "python": python()}

    def pipelines(self, name: str | None = None) -> Document | None:
        """``GET /_node/pipelines[/ID]``; None where there is no such pipeline."""
        found = {member.id: _pipeline_info(member) for member in self.members}
        return _chosen(self.root(), found, name)

    def stats(self) -> Document:
        """``GET /_node/stats``."""
        found = {member.id: _pipeline_stats(member) for member in self.members}
        return {
            **self.root(),
            "process": {**process_stats(), "children": children_stats()},
            "events": _summed([one["events"] for one in found.values()]),
            "pipelines": found,
            "reloads": _summed([_reload_counts(member) for member in self.members]),
            "queue": {"events_count": sum(one["queue"]["events_count"] for one in found.values())},
        }

    def pipeline_stats(self, name: str | None = None) -> Document | None:
        """``GET /_node/stats/pipelines[/ID]``; None where there is no such pipeline."""
        found = {member.id: _pipeline_stats(member) for member in self.members}
        return _chosen(self.root(), found, name)

    def part(self, name: str) -> Document | None:
        """``GET /_node/stats/PART`` and ``/_node/PART``: process, events, reloads, os …; None where
        there is none.
        """
        found = {**self.node(), **self.stats()}
        return {**self.root(), name: found[name]} if name in found else None

    def live(self) -> Document:
        """``GET /health/live``: the process answers."""
        return {"status": "live"}

    def ready(self) -> Document:
        """``GET /health/ready``: whether events go through, or why not; and what holds them up,
        which is not a reason to send them elsewhere.
        """
        reasons = [reason for member in self.members for reason in _hindrances(member)]
        waits = [text for member in self.members for text in back_pressure(member)]
        status = "not ready" if reasons else "ready"
        return {"status": status, "reasons": reasons, "back_pressure": waits}


def _chosen(root: Document, found: Document, name: str | None) -> Document | None:
    if name is None:
        return {**root, "pipelines": found}
    return {**root, "pipelines": {name: found[name]}} if name in found else None


def _sizes(settings: Any) -> Document:
    return {
        "workers": settings.get("pipeline.workers"),
        "batch_size": settings.get("pipeline.batch.size"),
        "batch_delay": settings.get("pipeline.batch.delay"),
    }


def _pipeline_info(member: Member) -> Document:
    settings, pipeline = member.settings, member.pipeline
    return {
        "ephemeral_id": _EPHEMERAL,
        **_sizes(settings),
        "workers": pipeline.workers if pipeline is not None else settings["pipeline.workers"],
        "config_reload_automatic": settings["config.reload.automatic"],
        "config_reload_interval": str(settings["config.reload.interval"]),
        "dead_letter_queue_enabled": settings["dead_letter_queue.enable"],
        "queue_type": settings["queue.type"],
    }


def _pipeline_stats(member: Member) -> Document:
    pipeline, reloads = member.pipeline, member.reloads
    told: Document = {
        "events": {"in": 0, "filtered": 0, "out": 0, "duration_in_millis": 0},
        "plugins": {"inputs": [], "codecs": [], "filters": [], "outputs": []},
        "reloads": {
            "successes": reloads.successes,
            "failures": reloads.failures,
            "last_error": None if reloads.last_error is None else masked(reloads.last_error),
            "last_success_timestamp": reloads.last_success,
            "last_failure_timestamp": reloads.last_failure,
        },
        "queue": _queue(pipeline, member.settings),
        "running": pipeline is not None and pipeline.opened and member.error is None,
    }
    if isinstance(member, EngineJob):
        told |= member.stats()
    elif pipeline is not None:
        told["plugins"] = _plugins(pipeline)
        told["events"] = _events(pipeline, told["plugins"])
        told["workers"] = {"count": pipeline.workers, "replaced": pipeline.workers_replaced}
        if pipeline.dead_letters is not None:
            told["dead_letter_queue"] = _dead_letters(pipeline.dead_letters)
    return told


def _events(pipeline: Pipeline, plugins: Document) -> Document:
    counts = pipeline.counts
    parts = [*plugins["filters"], *plugins["outputs"]]
    return {
        "in": counts.events_in,
        "filtered": counts.events_out,
        "out": sum(one["events"]["out"] for one in plugins["outputs"]),
        "duration_in_millis": sum(one["events"]["duration_in_millis"] for one in parts),
    }


def _dead_letters(store: DeadLetters) -> Document:
    counts = store.counts
    return {
        "queue_size_in_bytes": store.size,
        "max_queue_size_in_bytes": store.max_bytes,
        "storage_policy": "drop_older" if store.drop_older else "drop_newer",
        "written_events": counts.written,
        "dropped_events": counts.dropped_full + counts.dropped_again,
        "expired_events": counts.expired,
    }


def _plugins(pipeline: Pipeline) -> Document:
    told: Document = {"inputs": [], "codecs": [], "filters": [], "outputs": []}
    sinks = {id(sink.output): sink for sink in pipeline.sinks}
    counters = pipeline.counters
    for use, plugin in pipeline.assembly.made.items():
        step = _NOTHING if counters is None else counters.of(use)
        head = _head(use, plugin.context.id)
        if isinstance(plugin, Input):
            number = pipeline.inputs.index(plugin)
            events, ways = pipeline.counts.by_input.get(number, 0), pipeline.under_way
            count = ways[number].count if number < len(ways) else 0
            told["inputs"].append({**head, "events": {"out": events}, "batches_under_way": count})
        elif isinstance(plugin, Filter):
            told["filters"].append({**head, "events": _step(step)})
        elif isinstance(plugin, Output):
            told["outputs"].append({**head, **_output(sinks.get(id(plugin)), step)})
        elif isinstance(plugin, Codec):
            told["codecs"].append(head)
        if isinstance(plugin, Codec):
            continue
        values = own_metrics(plugin) if counters is None else counters.own(use)
        shown = told[f"{use.spec.section}s"][-1]
        if "failures" in values:
            shown["failures"] = values.pop("failures")
        if values:
            shown["metrics"] = values
    return told


def _head(use: PluginUse, plugin_id: str) -> Document:
    return {"id": plugin_id or use.span.place, "name": use.name, "place": use.span.place}


def _step(step: StepCounters) -> Document:
    return {
        "in": step.events_in,
        "out": step.events_out,
        "duration_in_millis": round(step.seconds * 1000),
        "seconds": round(step.seconds, 6),
    }


def _output(sink: Any, step: StepCounters) -> Document:
    if sink is None:
        return {"events": _step(step)}
    stats, latency, spill = sink.stats(), sink.sender.latency, sink.spill
    return {
        "events": {**_step(step), "out": stats.delivered},
        "delivery": {
            "delivered": stats.delivered,
            "retried": stats.retried,
            "dropped": stats.dropped,
            "rejected": stats.rejected,
            "dead_lettered": stats.dead_lettered,
            "spilled": stats.spilled,
            "waiting": stats.waiting,
            "failures": stats.failures,
            "circuit": stats.circuit,
            "buffer_full": sink.is_full,
            "requests": latency.count,
            "latency_in_millis": round(latency.seconds * 1000),
            "latency_in_seconds": latency_document(latency),
            "spill_events": 0 if spill is None else spill.events,
            "spill_size_in_bytes": 0 if spill is None else spill.size,
        },
    }


def latency_document(latency: Histogram) -> Document:
    """A histogram: how many took no longer than each bound, by the bound as text."""
    buckets = {_bound(bound): count for bound, count in latency.cumulative()}
    return {"buckets": buckets, "sum": round(latency.seconds, 6)}


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else str(seconds)


def _queue(pipeline: Pipeline | None, settings: Any) -> Document:
    queue = None if pipeline is None else pipeline.queue
    told: Document = {"type": settings["queue.type"], "events_count": 0}
    if queue is None:
        return told
    return {
        **told,
        "events_count": queue.events,
        "events": queue.events,
        "queue_size_in_bytes": queue.size,
        "max_queue_size_in_bytes": int(read(Kind("bytes"), settings["queue.max_bytes"])),
    }


def _reload_counts(member: Member) -> Document:
    return {"successes": member.reloads.successes, "failures": member.reloads.failures}


def _summed(documents: Sequence[Document]) -> Document:
    total: Document = {}
    for document in documents:
        for key, value in document.items():
            total[key] = total.get(key, 0) + value
    return total


def _hindrances(member: Member) -> list[str]:
    """Why events of a pipeline do not go through."""
    pipeline = member.pipeline
    if member.error is not None:
        why = masked(str(member.error).partition("\n")[0])
        return [f"pipeline {member.id} has failed: {why}"]
    if isinstance(member, EngineJob):
        return [] if member.is_running else [f"pipeline {member.id} has not started"]
    if pipeline is None or not pipeline.opened:
        return [f"pipeline {member.id} has not started"]
    found = []
    for sink in pipeline.sinks:
        stats = sink.stats()
        if stats.circuit != "closed":
            what = f"output {stats.output} is failing, {stats.waiting} events wait"
            found.append(f"pipeline {member.id}: {what}")
    return found
