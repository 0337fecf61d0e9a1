"""Alert rules for Prometheus, made of the declared metrics."""

from __future__ import annotations

from typing import NamedTuple

from .metric_table import METRICS

_PLACE = "{{ $labels.plugin }} `{{ $labels.id }}` of pipeline {{ $labels.pipeline }}"
_PIPELINE = "pipeline {{ $labels.pipeline }}"


class Alert(NamedTuple):
    """A rule: fires where ``when`` holds for so long. ``help``: what is to be done."""

    name: str
    when: str
    after: str
    severity: str
    summary: str
    help: str


def series(name: str, **labels: str) -> str:
    """What a declared metric is called in a query; raises KeyError for another."""
    chosen = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return METRICS[f"penstock_{name}"].series + (f"{{{chosen}}}" if chosen else "")


def _grew(name: str, span: str = "10m", **labels: str) -> str:
    return f"increase({series(name, **labels)}[{span}]) > 0"


def _fills(name: str, most: str) -> str:
    return f"{series(name)} / {series(most)} > 0.8"


def _falls_behind(name: str, much: str) -> str:
    return f"{series(name)} > {much} and deriv({series(name)}[15m]) > 0"


ALERTS = (
    Alert(
        "PenstockNotReady",
        f"{series('ready')} == 0",
        "5m",
        "warning",
        "Events do not go through on {{ $labels.instance }}",
        "/health/ready names the reasons.",
    ),
    Alert(
        "PenstockPipelineFailed",
        f"{series('pipeline_running')} == 0",
        "2m",
        "critical",
        f"The {_PIPELINE} does not run",
        "The log and /health/ready say why it failed.",
    ),
    Alert(
        "PenstockOutputFailing",
        f"{series('output_circuit_open')} == 1",
        "5m",
        "critical",
        f"The output {_PLACE} is failing",
        "The log says why; events wait, or go where when_full says.",
    ),
    Alert(
        "PenstockOutputSlow",
        "histogram_quantile(0.95, sum by (instance, pipeline, plugin, id, le) (rate("
        f"{METRICS['penstock_output_delivery_seconds'].name}_bucket[10m]))) > 5",
        "15m",
        "warning",
        f"Requests of the output {_PLACE} take more than 5 s",
        "Look at the target, or at batch_bytes and max_in_flight of the output.",
    ),
    Alert(
        "PenstockEventsDropped",
        f"{_grew('output_dropped_events')} or {_grew('output_rejected_events')}",
        "0m",
        "critical",
        f"The output {_PLACE} has lost events",
        "Dropped: its buffer was full, see when_full. Rejected: enable dead letters.",
    ),
    Alert(
        "PenstockDeadLetters",
        _grew("dead_letters_written_events"),
        "0m",
        "warning",
        f"New dead letters of {_PIPELINE}",
        "penstock dlq list shows them with their reasons; penstock dlq replay sends them again.",
    ),
    Alert(
        "PenstockDeadLettersLost",
        f"{_grew('dead_letters_dropped_events')} or {_grew('dead_letters_expired_events')}",
        "0m",
        "critical",
        f"Dead letters of {_PIPELINE} were dropped",
        "Replay or purge them; see dead_letter_queue.max_bytes and dead_letter_queue.retain.age.",
    ),
    Alert(
        "PenstockDeadLettersFilling",
        _fills("dead_letters_size_bytes", "dead_letters_max_bytes"),
        "10m",
        "warning",
        f"The dead letters of {_PIPELINE} are nearly full",
        "Replay or purge them before events are dropped.",
    ),
    Alert(
        "PenstockQueueFilling",
        _fills("queue_size_bytes", "queue_max_bytes"),
        "10m",
        "warning",
        f"The disk queue of {_PIPELINE} is nearly full",
        "When it is full inputs wait. Look for the output that is slow or failing.",
    ),
    Alert(
        "PenstockInputBehind",
        f"{_falls_behind('input_lag_bytes', '1e8')} or {_falls_behind('input_lag_events', '1e5')}",
        "15m",
        "warning",
        f"The input {_PLACE} falls behind",
        "penstock top shows the filter or output that takes longest; add pipeline.workers.",
    ),
    Alert(
        "PenstockFilterFailures",
        f"rate({series('plugin_failures')}[10m]) / rate({series('plugin_events_in')}[10m]) > 0.05",
        "15m",
        "warning",
        f"The filter {_PLACE} fails on more than 5 % of its events",
        "Look at events with its tag, such as _grokparsefailure; the input has changed.",
    ),
    Alert(
        "PenstockReloadFailed",
        _grew("reloads", "15m", result="failures"),
        "0m",
        "warning",
        f"A new configuration of {_PIPELINE} was refused",
        "penstock check shows what is wrong; the old configuration goes on.",
    ),
    Alert(
        "PenstockWorkersDie",
        _grew("workers_replaced", "15m"),
        "0m",
        "warning",
        f"Workers of {_PIPELINE} have died",
        "They are replaced and their events are filtered again; look for lack of memory.",
    ),
    Alert(
        "PenstockLateEvents",
        f"rate({series('late_events')}[15m]) > 0.1",
        "15m",
        "info",
        f"Events come too late for the filter {_PLACE}",
        "Raise its lateness, or look for a source that falls behind.",
    ),
)
"""All rules."""


def rules() -> str:
    """The rules as a file for Prometheus, YAML."""
    import yaml

    groups = [{"name": "penstock", "rules": [_rule(alert) for alert in ALERTS]}]
    text: str = yaml.safe_dump({"groups": groups}, sort_keys=False, allow_unicode=True, width=200)
    return text


def _rule(alert: Alert) -> dict[str, object]:
    return {
        "alert": alert.name,
        "expr": alert.when,
        "for": alert.after,
        "labels": {"severity": alert.severity},
        "annotations": {"summary": alert.summary, "description": alert.help},
    }
