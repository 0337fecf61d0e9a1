"""A dashboard for Grafana, made of the declared metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from .alerts import series
from .metric_table import METRICS

_CHOSEN = {"instance": "$instance", "pipeline": "$pipeline"}
_WIDTH, _HEIGHT = 24, 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


class Panel(NamedTuple):
    """A graph. ``queries``: each an expression and its legend; ``unit`` as Grafana calls it."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    width: int = 8


def _rate(name: str, by: str, legend: str, **labels: str) -> tuple[str, str]:
    return f"sum by ({by}) (rate({_matching(name, **labels)}[$__rate_interval]))", legend


def _value(name: str, legend: str) -> tuple[str, str]:
    return _matching(name), legend


def _matching(name: str, **labels: str) -> str:
    metric = METRICS[f"penstock_{name}"]
    known = {key: value for key, value in _CHOSEN.items() if key in ("instance", *metric.labels)}
    matchers = ",".join(f'{key}=~"{value}"' for key, value in {**known, **labels}.items())
    return f"{metric.series}{{{matchers}}}"


def _process(name: str) -> str:
    """A metric that the Prometheus library tells of every process."""
    return f'process_{name}{{instance=~"$instance"}}'


_QUANTILE = (
    "histogram_quantile({}, sum by (pipeline, id, le) (rate(penstock_output_delivery_seconds_bucket"
    '{{instance=~"$instance",pipeline=~"$pipeline"}}[$__rate_interval])))'
)
_NAMES = "{{pipeline}} {{plugin}} {{id}}"

ROWS: dict[str, tuple[Panel, ...]] = {
    "Overview": (
        Panel(
            "Events",
            "eps",
            (
                _rate("events_in", "pipeline", "{{pipeline}} in"),
                _rate("events_filtered", "pipeline", "{{pipeline}} filtered"),
            ),
            12,
        ),
        Panel(
            "Ready; batches under way",
            "short",
            (_value("ready", "{{instance}}"), _value("input_batches_under_way", _NAMES)),
            6,
        ),
        Panel("Reloads", "short", (_value("reloads", "{{pipeline}} {{result}}"),), 6),
    ),
    "Inputs": (
        Panel(
            "Events", "eps", (_rate("plugin_events_out", "pipeline,id", "{{id}}", section="input"),)
        ),
        Panel("Lag, bytes", "bytes", (_value("input_lag_bytes", _NAMES),)),
        Panel("Lag, messages", "short", (_value("input_lag_events", _NAMES),)),
    ),
    "Filters": (
        Panel(
            "Time a second",
            "s",
            (_rate("plugin_seconds", "pipeline,plugin,id", _NAMES, section="filter"),),
            12,
        ),
        Panel("Failures", "eps", (_rate("plugin_failures", "pipeline,plugin,id", _NAMES),), 12),
        Panel(
            "Caches: part of hits",
            "percentunit",
            (
                (
                    f"rate({_matching('cache_hits')}[$__rate_interval]) / (rate("
                    f"{_matching('cache_hits')}[$__rate_interval]) + rate("
                    f"{_matching('cache_misses')}[$__rate_interval]))",
                    _NAMES,
                ),
            ),
        ),
        Panel("Keys held", "short", (_value("state_keys", _NAMES),)),
        Panel(
            "Event time",
            "s",
            (
                _value("watermark_lag_seconds", f"{_NAMES} behind"),
                _rate("late_events", "pipeline,plugin,id", f"{_NAMES} late events/s"),
            ),
        ),
    ),
    "Outputs": (
        Panel(
            "Events delivered",
            "eps",
            (_rate("output_delivered_events", "pipeline,plugin,id", _NAMES),),
        ),
        Panel(
            "Events not delivered",
            "eps",
            tuple(
                _rate(f"output_{what}_events", "pipeline,plugin,id", f"{_NAMES} {what}")
                for what in ("retried", "dropped", "rejected", "dead_lettered")
            ),
        ),
        Panel(
            "Circuit open, buffer full",
            "short",
            (
                _value("output_circuit_open", f"{_NAMES} circuit"),
                _value("output_buffer_full", f"{_NAMES} buffer"),
            ),
        ),
        Panel(
            "Request time",
            "s",
            tuple(
                (_QUANTILE.format(q), f"{{{{id}}}} {text}")
                for q, text in ((0.5, "median"), (0.95, "95 %"))
            ),
        ),
        Panel("Events waiting", "short", (_value("output_waiting_events", _NAMES),)),
        Panel("Spills", "bytes", (_value("output_spill_size_bytes", _NAMES),)),
    ),
    "Disks and processes": (
        Panel(
            "Disk queues and dead letters",
            "bytes",
            (
                _value("queue_size_bytes", "{{pipeline}} queue"),
                _value("dead_letters_size_bytes", "{{pipeline}} dead letters"),
            ),
        ),
        Panel(
            "Memory",
            "bytes",
            (
                (_process("resident_memory_bytes"), "{{instance}}"),
                _value("children_resident_memory_bytes", "{{instance}} children"),
            ),
        ),
        Panel(
            "CPU",
            "percentunit",
            (
                (f"rate({_process('cpu_seconds_total')}[$__rate_interval])", "{{instance}}"),
                _value("workers", "{{pipeline}} workers"),
            ),
        ),
    ),
}
"""The panels by the row that they stand in."""


def dashboard() -> str:
    """The dashboard as JSON, to be imported."""
    found = {
        "title": "Penstock",
        "uid": "penstock",
        "schemaVersion": 39,
        "tags": ["penstock"],
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": list(_variables())},
        "panels": list(_panels()),
    }
    return json.dumps(found, indent=1) + "\n"


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}
    for name, of in (("instance", series("ready")), ("pipeline", series("events_in"))):
        yield {
            "name": name,
            "label": name.capitalize(),
            "type": "query",
            "datasource": _SOURCE,
            "query": f"label_values({of}, {name})",
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 0, 0
    for row, panels in ROWS.items():
        number += 1
        place = {"h": 1, "w": _WIDTH, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": row, "collapsed": False, "gridPos": place}
        left, top = 0, top + 1
        for panel in panels:
            if left + panel.width > _WIDTH:
                left, top = 0, top + _HEIGHT
            number += 1
            yield _graph(panel, number, {"h": _HEIGHT, "w": panel.width, "x": left, "y": top})
            left += panel.width
        top += _HEIGHT


def _graph(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
        for n, (expr, legend) in enumerate(panel.queries)
    ]
    defaults = {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10, "lineWidth": 1}}
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
        "targets": targets,
    }
