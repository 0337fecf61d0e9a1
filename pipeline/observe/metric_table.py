"""Every metric that Penstock tells, declared once: ``/metrics``, OTLP, the dashboard, the alert
rules and the page of metrics derive from this.

Names are Prometheus': base units, and counters, which only grow, get the suffix ``_total`` there.
"""

from __future__ import annotations

from typing import NamedTuple

PIPELINE = ("pipeline",)
PLUGIN = ("pipeline", "section", "plugin", "id")
OUTPUT = ("pipeline", "plugin", "id")
JOB = ("pipeline", "engine")


class MetricSpec(NamedTuple):
    """A metric: ``kind`` is counter, gauge or histogram; ``unit`` as in UCUM, for OTLP."""

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()
    unit: str = "1"

    @property
    def series(self) -> str:
        """What Prometheus calls it in queries; of a histogram the number of its observations."""
        return self.name + {"counter": "_total", "histogram": "_count"}.get(self.kind, "")


def _events(name: str, help: str, labels: tuple[str, ...]) -> MetricSpec:
    return MetricSpec(f"penstock_{name}", "counter", help, labels, "{event}")


def _gauge(name: str, help: str, labels: tuple[str, ...] = (), unit: str = "1") -> MetricSpec:
    return MetricSpec(f"penstock_{name}", "gauge", help, labels, unit)


def _counter(name: str, help: str, labels: tuple[str, ...], unit: str = "1") -> MetricSpec:
    return MetricSpec(f"penstock_{name}", "counter", help, labels, unit)


OUTPUT_EVENTS = {
    "delivered": "Events that the output has delivered.",
    "retried": "Events that were delivered again, each time counted.",
    "dropped": "Events that were dropped since the buffer was full.",
    "rejected": "Events that the target refused, and that no dead letters took.",
    "dead_lettered": "Events that were sent to the dead letters.",
    "spilled": "Events that went to disk on their way.",
}
"""What is counted of each output, by its name in the API."""

_TABLE = (
    _gauge("ready", "Whether events go through: 1, else 0."),
    _gauge("uptime_seconds", "How long the process has run.", (), "s"),
    _gauge("children", "Processes that it started, such as workers."),
    _gauge("children_resident_memory_bytes", "Memory of those processes.", (), "By"),
    _gauge("children_cpu_seconds", "CPU time of those of them that run.", (), "s"),
    _gauge("pipeline_running", "Whether a pipeline has started and not failed.", PIPELINE),
    _events("events_in", "Events that inputs gave.", PIPELINE),
    _events("events_filtered", "Events that came out of the filters.", PIPELINE),
    _counter("reloads", "Reloads of the configuration.", ("pipeline", "result")),
    _gauge("workers", "Processes that filter.", PIPELINE),
    _counter("workers_replaced", "Workers that died and were replaced.", PIPELINE),
    _gauge("queue_events", "Events in the disk queue.", PIPELINE, "{event}"),
    _gauge("queue_size_bytes", "Bytes of the disk queue.", PIPELINE, "By"),
    _gauge("queue_max_bytes", "The largest size of the disk queue.", PIPELINE, "By"),
    _gauge("dead_letters_size_bytes", "Bytes of the dead letters on disk.", PIPELINE, "By"),
    _gauge("dead_letters_max_bytes", "Their largest size.", PIPELINE, "By"),
    _events("dead_letters_written_events", "Events written to the dead letters.", PIPELINE),
    _events(
        "dead_letters_dropped_events",
        "Events that the dead letters did not take: full, or dead letters before.",
        PIPELINE,
    ),
    _events("dead_letters_expired_events", "Dead letters that grew too old.", PIPELINE),
    _counter("engine_batches", "Batches that an engine has done.", JOB),
    _counter("engine_out_bytes", "Bytes that came out of the filters on an engine.", JOB, "By"),
    _events("engine_dead_letters", "Events that a job wrote to dead letters.", JOB),
    _gauge("engine_state_shards", "Shards of keys of which something is held.", JOB),
    _gauge("engine_state_bytes", "Bytes of the state that an engine keeps.", JOB, "By"),
    _gauge("engine_watermark_seconds", "Time up to which events are complete.", JOB, "s"),
    _gauge("engine_lag_events", "Messages that wait behind the last batch.", JOB, "{event}"),
    _counter("engine_checkpoints", "Checkpoints that an engine has completed.", JOB),
    _counter("engine_restarts", "How often an engine has started a job again.", JOB),
    _gauge("engine_figure", "What else an engine tells of a job, by its name.", (*JOB, "name")),
    _events("plugin_events_in", "Events that a plugin was given.", PLUGIN),
    _events("plugin_events_out", "Events that a plugin gave.", PLUGIN),
    _events("plugin_failures", "Events on which a filter failed, and that it tagged.", PLUGIN),
    _counter("plugin_seconds", "Time that a plugin took.", PLUGIN, "s"),
    _gauge("input_lag_bytes", "Bytes that an input has not delivered yet.", OUTPUT, "By"),
    _gauge("input_lag_events", "Messages that an input has not delivered yet.", OUTPUT, "{event}"),
    _gauge("input_batches_under_way", "Batches read and not yet acknowledged.", OUTPUT),
    _counter("cache_hits", "Look-ups that a cache of a plugin answered.", PLUGIN),
    _counter("cache_misses", "Look-ups that it did not.", PLUGIN),
    _gauge("cache_entries", "Entries of the cache.", PLUGIN),
    _gauge("state_keys", "Keys that a filter of event time holds.", PLUGIN),
    _gauge("state_bytes", "About how much memory they take.", PLUGIN, "By"),
    _events("late_events", "Events that came after their time was over.", PLUGIN),
    _gauge(
        "watermark_lag_seconds", "How far the watermark is behind the latest event.", PLUGIN, "s"
    ),
    _gauge(
        "plugin_metric",
        "What else a plugin counts or measures itself, by its name.",
        (*PLUGIN, "name"),
    ),
    *(_events(f"output_{name}_events", help, OUTPUT) for name, help in OUTPUT_EVENTS.items()),
    _gauge("output_waiting_events", "Events that wait for an output.", OUTPUT, "{event}"),
    _gauge("output_buffer_full", "Whether the pipeline waits for its buffer: 1, else 0.", OUTPUT),
    _gauge("output_spill_events", "Events in the spill of an output.", OUTPUT, "{event}"),
    _gauge("output_spill_size_bytes", "Bytes of the spill of an output.", OUTPUT, "By"),
    _counter("output_failures", "Tries of an output that failed.", OUTPUT),
    _gauge("output_circuit_open", "Whether an output is failing: 1, else 0.", OUTPUT),
    MetricSpec(
        "penstock_output_delivery_seconds",
        "histogram",
        "How long a request of an output took, from its start to its success.",
        OUTPUT,
        "s",
    ),
)

METRICS = {spec.name: spec for spec in _TABLE}
"""All metrics by name."""

ENGINE = {
    "batches": "penstock_engine_batches",
    "bytes_out": "penstock_engine_out_bytes",
    "dead_letters": "penstock_engine_dead_letters",
    "state_shards": "penstock_engine_state_shards",
    "state_bytes": "penstock_engine_state_bytes",
    "watermark_ms": "penstock_engine_watermark_seconds",
    "lag_events": "penstock_engine_lag_events",
    "checkpoints": "penstock_engine_checkpoints",
    "restarts": "penstock_engine_restarts",
}
"""The metric of what an engine tells of a job, by the name in its figures."""

OWN = {
    "failures": "penstock_plugin_failures",
    "lag": "penstock_input_lag_events",
    "lag_bytes": "penstock_input_lag_bytes",
    "cache_hits": "penstock_cache_hits",
    "cache_misses": "penstock_cache_misses",
    "cache_entries": "penstock_cache_entries",
    "keys": "penstock_state_keys",
    "state_bytes": "penstock_state_bytes",
    "late": "penstock_late_events",
    "watermark_lag_seconds": "penstock_watermark_lag_seconds",
}
"""The metric of what a plugin counts for itself, by the plugin's name for it; others are told by
``penstock_plugin_metric``.
"""
