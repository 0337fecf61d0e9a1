"""The alert rules and the dashboard: Prometheus takes them, they fire when they should, and name only what is told."""
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from servers import prometheus
from servers.packages import require
from servers.process import free_ports

from penstock.pipeline.observe.alerts import ALERTS, rules, series
from penstock.pipeline.observe.dashboard import dashboard
from penstock.pipeline.observe.metric_table import METRICS

SERIES = {spec.series for spec in METRICS.values()} | {f"{spec.name}_bucket" for spec in METRICS.values() if spec.kind == "histogram"}
PANELS = [panel for panel in json.loads(dashboard())["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *(alert.when for alert in ALERTS)])
def test_only_metrics_that_are_told_are_named(expression: str) -> None:
    named = set(re.findall(r"penstock_\w+", expression))
    assert named <= SERIES
    assert named or expression.count("process_")


def test_a_metric_that_is_not_declared_cannot_be_named() -> None:
    with pytest.raises(KeyError):
        series("nope")


def test_every_metric_of_outputs_and_inputs_is_watched() -> None:
    """By the dashboard or an alert: what nobody looks at need not be told."""
    told = " ".join([*EXPRESSIONS, *(alert.when for alert in ALERTS)])
    kinds = ("penstock_input_", "penstock_output_", "penstock_dead_letters_", "penstock_queue_")
    unwatched = [spec.name for spec in METRICS.values() if spec.name.startswith(kinds) and spec.name not in told]
    assert unwatched == ["penstock_queue_events", "penstock_output_spilled_events", "penstock_output_spill_events", "penstock_output_failures"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboard())["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells


@pytest.mark.parametrize(("what", "made"), [("alerts", rules), ("dashboard", dashboard)])
def test_the_command_prints_what_the_pages_have(what: str, made: Any) -> None:
    done = subprocess.run([sys.executable, "-m", "penstock", "show", what], capture_output=True, text=True, check=True)
    assert done.stdout == made()


def labels(**more: str) -> str:
    return ",".join(f'{key}="{value}"' for key, value in {"pipeline": "main", "plugin": "http", "id": "out", **more}.items())


FIRES: dict[str, dict[str, str]] = {
    "PenstockNotReady": {"penstock_ready": "0x40"},
    "PenstockPipelineFailed": {'penstock_pipeline_running{pipeline="main"}': "0x40"},
    "PenstockOutputFailing": {f"penstock_output_circuit_open{{{labels()}}}": "1x40"},
    "PenstockEventsDropped": {f"penstock_output_rejected_events_total{{{labels()}}}": "0x20 7x20"},
    "PenstockDeadLetters": {'penstock_dead_letters_written_events_total{pipeline="main"}': "0x20 7x20"},
    "PenstockDeadLettersLost": {'penstock_dead_letters_expired_events_total{pipeline="main"}': "0x20 7x20"},
    "PenstockQueueFilling": {'penstock_queue_size_bytes{pipeline="main"}': "900x40", 'penstock_queue_max_bytes{pipeline="main"}': "1000x40"},
    "PenstockDeadLettersFilling": {'penstock_dead_letters_size_bytes{pipeline="main"}': "900x40", 'penstock_dead_letters_max_bytes{pipeline="main"}': "1000x40"},
    "PenstockInputBehind": {f"penstock_input_lag_events{{{labels()}}}": "200000+1000x40"},
    "PenstockFilterFailures": {f"penstock_plugin_failures_total{{{labels()}}}": "0+10x40", f"penstock_plugin_events_in_total{{{labels()}}}": "0+100x40"},
    "PenstockReloadFailed": {'penstock_reloads_total{pipeline="main",result="failures"}': "0x20 1x20"},
    "PenstockWorkersDie": {'penstock_workers_replaced_total{pipeline="main"}': "0x20 1x20"},
    "PenstockLateEvents": {f"penstock_late_events_total{{{labels()}}}": "0+60x40"},
    "PenstockOutputSlow": {
        f'penstock_output_delivery_seconds_bucket{{{labels(le="5.0")}}}': "0x40",
        f'penstock_output_delivery_seconds_bucket{{{labels(le="10.0")}}}': "0+60x40",
        f'penstock_output_delivery_seconds_bucket{{{labels(le="+Inf")}}}': "0+60x40",
    },
}
QUIET = {
    "PenstockInputBehind": {f"penstock_input_lag_events{{{labels()}}}": "200000-1000x40"},  # it catches up
    "PenstockDeadLetters": {'penstock_dead_letters_written_events_total{pipeline="main"}': "7x40"},  # old ones
    "PenstockFilterFailures": {f"penstock_plugin_failures_total{{{labels()}}}": "0+1x40", f"penstock_plugin_events_in_total{{{labels()}}}": "0+100x40"},
}


def test_every_alert_is_tried() -> None:
    assert {alert.name for alert in ALERTS} == FIRES.keys()


def test_alerts_fire_when_they_should_and_not_else(tmp_path: Path) -> None:
    require("prometheus")
    (tmp_path / "alerts.yml").write_text(rules(), encoding="utf-8")
    tests = [(name, given, True) for name, given in FIRES.items()] + [(name, given, False) for name, given in QUIET.items()]
    cases = [_case(name, given, fires) for name, given, fires in tests]
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": cases}))
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "test.yml"]):
        done = subprocess.run(["promtool", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _case(name: str, given: dict[str, str], fires: bool) -> dict[str, Any]:
    series = [{"series": key, "values": values} for key, values in given.items()]
    expression = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    wanted = [{"labels": "{}", "value": 1}] if fires else []
    return {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": [{"expr": expression, "eval_time": "25m", "exp_samples": wanted}]}


def test_prometheus_understands_every_query_of_the_dashboard(tmp_path: Path) -> None:
    require("prometheus")
    chosen = {"$instance": ".*", "$pipeline": ".*", "$__rate_interval": "1m"}
    with prometheus.server(tmp_path, f"127.0.0.1:{free_ports()[0]}") as server:
        for expression in EXPRESSIONS:
            for name, value in chosen.items():
                expression = expression.replace(name, value)
            assert "$" not in expression
            assert prometheus.query(server.url, expression) == []
