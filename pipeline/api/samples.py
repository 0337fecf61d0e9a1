"""The figures of this moment as samples of the declared metrics, for whoever exports them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..observe.metric_table import ENGINE, OUTPUT_EVENTS, OWN
from .documents import Node


class Sample(NamedTuple):
    """One value. ``labels``: values in the order of the metric's labels; ``buckets``: of a
    histogram, whose ``value`` is the sum, how many were no larger than each bound.
    """

    name: str
    labels: tuple[str, ...]
    value: float
    buckets: Mapping[str, int] | None = None


def samples(node: Node) -> Iterator[Sample]:
    """All figures of this moment."""
    stats = node.stats()
    children = stats["process"]["children"]
    yield Sample("penstock_ready", (), float(node.ready()["status"] == "ready"))
    yield Sample("penstock_uptime_seconds", (), stats["process"]["uptime_in_millis"] / 1000)
    yield Sample("penstock_children", (), children["count"])
    yield Sample("penstock_children_resident_memory_bytes", (), children["resident_in_bytes"])
    yield Sample("penstock_children_cpu_seconds", (), children["cpu_in_millis"] / 1000)
    for name, told in stats["pipelines"].items():
        yield from _pipeline(name, told)
        for section in ("inputs", "filters", "outputs"):
            for plugin in told["plugins"][section]:
                yield from _plugin((name, section[:-1], plugin["name"], plugin["id"]), plugin)


def _pipeline(name: str, told: Mapping[str, Any]) -> Iterator[Sample]:
    labels, queue = (name,), told["queue"]
    yield Sample("penstock_pipeline_running", labels, float(told["running"]))
    yield Sample("penstock_events_in", labels, told["events"]["in"])
    yield Sample("penstock_events_filtered", labels, told["events"]["filtered"])
    for result in ("successes", "failures"):
        yield Sample("penstock_reloads", (name, result), told["reloads"][result])
    yield Sample("penstock_queue_events", labels, queue["events_count"])
    yield Sample("penstock_queue_size_bytes", labels, queue.get("queue_size_in_bytes", 0))
    if "max_queue_size_in_bytes" in queue:
        yield Sample("penstock_queue_max_bytes", labels, queue["max_queue_size_in_bytes"])
    if "workers" in told:
        yield Sample("penstock_workers", labels, told["workers"]["count"])
        yield Sample("penstock_workers_replaced", labels, told["workers"]["replaced"])
    if "engine" in told:
        yield from _engine(name, told["engine"])
    letters = told.get("dead_letter_queue")
    if letters is not None:
        yield Sample("penstock_dead_letters_size_bytes", labels, letters["queue_size_in_bytes"])
        yield Sample("penstock_dead_letters_max_bytes", labels, letters["max_queue_size_in_bytes"])
        for what in ("written", "dropped", "expired"):
            count = letters[f"{what}_events"]
            yield Sample(f"penstock_dead_letters_{what}_events", labels, count)


def _engine(pipeline: str, engine: Mapping[str, Any]) -> Iterator[Sample]:
    labels = pipeline, engine["name"]
    for name, value in engine["figures"].items():
        metric = ENGINE.get(name)
        if metric is None:
            yield Sample("penstock_engine_figure", (*labels, name), value)
        elif name.endswith("_ms"):
            yield Sample(metric, labels, value / 1000)
        else:
            yield Sample(metric, labels, value)


def _plugin(labels: tuple[str, str, str, str], plugin: Mapping[str, Any]) -> Iterator[Sample]:
    events = plugin["events"]
    yield Sample("penstock_plugin_events_in", labels, events.get("in", 0))
    yield Sample("penstock_plugin_events_out", labels, events["out"])
    yield Sample("penstock_plugin_seconds", labels, events.get("seconds", 0.0))
    own = dict(plugin.get("metrics", {}))
    if "failures" in plugin:
        own["failures"] = plugin["failures"]
    for name, value in own.items():
        yield _own(labels, name, value)
    if "batches_under_way" in plugin:
        count = plugin["batches_under_way"]
        yield Sample("penstock_input_batches_under_way", (labels[0], *labels[2:]), count)
    if "delivery" in plugin:
        yield from _delivery((labels[0], *labels[2:]), plugin["delivery"])


def _own(labels: tuple[str, str, str, str], name: str, value: float) -> Sample:
    metric = OWN.get(name)
    if metric is None:
        return Sample("penstock_plugin_metric", (*labels, name), value)
    if metric.startswith("penstock_input_"):
        return Sample(metric, (labels[0], *labels[2:]), value)
    return Sample(metric, labels, value)


def _delivery(labels: tuple[str, ...], delivery: Mapping[str, Any]) -> Iterator[Sample]:
    for name in OUTPUT_EVENTS:
        yield Sample(f"penstock_output_{name}_events", labels, delivery[name])
    yield Sample("penstock_output_waiting_events", labels, delivery["waiting"])
    yield Sample("penstock_output_buffer_full", labels, float(delivery["buffer_full"]))
    yield Sample("penstock_output_spill_events", labels, delivery["spill_events"])
    yield Sample("penstock_output_spill_size_bytes", labels, delivery["spill_size_in_bytes"])
    yield Sample("penstock_output_failures", labels, delivery["failures"])
    yield Sample("penstock_output_circuit_open", labels, float(delivery["circuit"] != "closed"))
    took = delivery["latency_in_seconds"]
    yield Sample("penstock_output_delivery_seconds", labels, took["sum"], took["buckets"])
