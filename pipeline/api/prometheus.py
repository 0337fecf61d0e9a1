"""The figures in Prometheus' form, named by its conventions: base units, counters end in _total."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ..runtime.supervisor import ManagedPipeline
from .documents import Node

_PLUGIN = ("pipeline", "section", "plugin", "id")
_OUTPUT = ("pipeline", "plugin", "id")

OUTPUT_COUNTERS = {
    "delivered": "Events that the output has delivered.",
    "retried": "Events that were delivered again, each time counted.",
    "dropped": "Events that were dropped since the buffer was full.",
    "rejected": "Events that the target refused, and that no dead letters took.",
    "dead_lettered": "Events that were sent to the dead letters.",
    "spilled": "Events that went to disk on their way.",
}
"""Names and help of what is counted of each output; alert rules and the dashboard use them too."""


def exposition(node: Node, accept: str) -> tuple[str, bytes]:
    """The content type that was asked for, and the figures in it."""
    registry = CollectorRegistry()
    registry.register(_Collector(node))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry)


class _Collector:
    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """All figures of this moment."""
        members = self._node.members
        stats = {member.id: self._node.pipeline_stats(member.id) for member in members}
        told = {name: found["pipelines"][name] for name, found in stats.items() if found}
        yield from _pipelines(told)
        yield from _plugins(told)
        yield from _outputs(told)
        yield _latencies(members)
        ready = GaugeMetricFamily("penstock_ready", "Whether events go through: 1, else 0.")
        ready.add_metric((), float(self._node.ready()["status"] == "ready"))
        yield ready


def _pipelines(told: dict[str, Any]) -> Iterator[Metric]:
    into = _counter("penstock_events_in", "Events that inputs gave.", ["pipeline"])
    out = _counter("penstock_events_filtered", "Events that came out of the filters.", ["pipeline"])
    reloads = _counter("penstock_reloads", "Reloads of the configuration.", ["pipeline", "result"])
    events = GaugeMetricFamily(
        "penstock_queue_events", "Events in the disk queue.", labels=["pipeline"]
    )
    size = GaugeMetricFamily(
        "penstock_queue_size_bytes", "Bytes of the disk queue.", labels=["pipeline"]
    )
    for name, one in told.items():
        into.add_metric([name], one["events"]["in"])
        out.add_metric([name], one["events"]["filtered"])
        for result in ("successes", "failures"):
            reloads.add_metric([name, result], one["reloads"][result])
        events.add_metric([name], one["queue"]["events_count"])
        size.add_metric([name], one["queue"].get("queue_size_in_bytes", 0))
    yield from (into, out, reloads, events, size)


def _plugins(told: dict[str, Any]) -> Iterator[Metric]:
    into = _counter("penstock_plugin_events_in", "Events that a plugin was given.", _PLUGIN)
    out = _counter("penstock_plugin_events_out", "Events that a plugin gave.", _PLUGIN)
    seconds = _counter("penstock_plugin_seconds", "Time that a plugin took.", _PLUGIN)
    own = GaugeMetricFamily(
        "penstock_plugin_metric",
        "What a plugin itself counts or measures, by its name.",
        labels=[*_PLUGIN, "name"],
    )
    for pipeline, one in told.items():
        for section in ("inputs", "filters", "outputs"):
            for plugin in one["plugins"][section]:
                labels = [pipeline, section[:-1], plugin["name"], plugin["id"]]
                into.add_metric(labels, plugin["events"].get("in", 0))
                out.add_metric(labels, plugin["events"]["out"])
                seconds.add_metric(labels, plugin["events"].get("seconds", 0.0))
                for name, value in plugin.get("metrics", {}).items():
                    own.add_metric([*labels, name], value)
    yield from (into, out, seconds, own)


def _outputs(told: dict[str, Any]) -> Iterator[Metric]:
    counters = {
        name: _counter(f"penstock_output_{name}_events", help, _OUTPUT)
        for name, help in OUTPUT_COUNTERS.items()
    }
    waiting = GaugeMetricFamily(
        "penstock_output_waiting_events", "Events that wait for an output.", labels=_OUTPUT
    )
    is_open = GaugeMetricFamily(
        "penstock_output_circuit_open", "Whether an output is failing: 1, else 0.", labels=_OUTPUT
    )
    for pipeline, one in told.items():
        for plugin in one["plugins"]["outputs"]:
            labels, delivery = [pipeline, plugin["name"], plugin["id"]], plugin.get("delivery")
            if delivery is None:
                continue
            for name, counter in counters.items():
                counter.add_metric(labels, delivery[name])
            waiting.add_metric(labels, delivery["waiting"])
            is_open.add_metric(labels, float(delivery["circuit"] != "closed"))
    yield from (*counters.values(), waiting, is_open)


def _latencies(members: list[ManagedPipeline]) -> Metric:
    family = HistogramMetricFamily(
        "penstock_output_delivery_seconds",
        "How long a request of an output took, from its start to its success.",
        labels=_OUTPUT,
    )
    for member in members:
        for sink in member.pipeline.sinks if member.pipeline is not None else ():
            context, latency = sink.output.context, sink.sender.latency
            buckets = [(_bound(bound), count) for bound, count in latency.cumulative()]
            labels = [member.id, sink.output.name, context.id or context.where]
            family.add_metric(labels, buckets, latency.seconds)
    return family


def _bound(seconds: float) -> str:
    return "+Inf" if seconds == float("inf") else str(seconds)


def _counter(name: str, help: str, labels: Any) -> CounterMetricFamily:
    return CounterMetricFamily(name, help, labels=labels)
