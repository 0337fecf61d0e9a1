"""The figures of a process that runs: what it says of inputs, filters, outputs, disks and processes, and under which names."""
from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from servers.packages import require
from servers.process import free_ports

from penstock.pipeline.observe.metric_table import METRICS, OWN

from .conftest import Answer, Running, Start


def series(running: Running, name: str) -> dict[str, float]:
    """The values of a series, by the id of the plugin or the name of the pipeline."""
    families = text_string_to_metric_families(running.ask("/metrics").text)
    found = [sample for family in families for sample in family.samples if sample.name == name]
    return {sample.labels.get("id", sample.labels.get("pipeline", "")): sample.value for sample in found}


def until_in(running: Running, count: int) -> None:
    running.until("/_node/stats", lambda answer: bool(answer.data["events"]["in"] >= count))


def until_series(running: Running, name: str, key: str, value: float) -> None:
    running.until("/health/live", lambda _: series(running, name).get(key) == value)


def stats(answer: Answer) -> Any:
    return answer.data["pipelines"]["main"]


def test_an_input_of_files_tells_the_bytes_that_are_not_delivered(start: Start, tmp_path: Path) -> None:
    (port,) = free_ports()
    log = tmp_path / "a.log"
    log.write_text("one\n" * 10)
    source = f'file {{ id => "log" path => "{log}" start_position => "beginning" stat_interval => 0.1 }}'
    running = start(f'input {{ {source} }} output {{ tcp {{ host => "127.0.0.1" port => {port} }} }}')
    until_in(running, 10)
    assert series(running, "penstock_input_lag_bytes") == {"log": 40}
    with log.open("a") as file:
        file.write("two\n" * 5)
    assert series(running, "penstock_input_lag_bytes") == {"log": 60}
    with socket.create_server(("127.0.0.1", port)):
        until_series(running, "penstock_input_lag_bytes", "log", 0)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_failures_and_caches_of_filters_are_told_of_all_workers_together(start: Start, workers: str) -> None:
    database = Path(__file__).parents[2] / "data" / "geoip" / "GeoLite2-City-Test.mmdb"
    where = f'geoip {{ id => "where" source => "message" target => "geo" database => "{database}" }}'
    running = start(f'input {{ stdin {{ }} }} filter {{ {where} }} output {{ null {{ }} }}', {"pipeline.workers": workers})
    for count in range(1, 5):
        running.send("2.125.160.216", "::9")
        until_in(running, 2 * count)
    until_series(running, "penstock_plugin_failures_total", "where", 4)
    hits, misses = (series(running, f"penstock_cache_{kind}_total")["where"] for kind in ("hits", "misses"))
    assert hits + misses == 8
    assert 2 <= misses <= 2 * int(workers)
    (told,) = running.plugins("filters")
    assert (told["failures"], told["metrics"]["cache_hits"]) == (4, hits)
    assert series(running, "penstock_workers") == {"main": float(workers)}


def test_a_filter_of_event_time_tells_its_keys_late_events_and_watermark(start: Start) -> None:
    window = 'window { id => "w" size => "10s" by => ["key"] lateness => "2s" keep => true }'
    running = start(f"input {{ stdin {{ codec => json_lines }} }} filter {{ {window} }} output {{ null {{ }} }}")
    for second, key in ((0, "a"), (1, "b"), (30, "c"), (0, "d")):
        running.send(json.dumps({"@timestamp": f"2025-09-04T20:51:{second:02}Z", "key": key}))
    until_series(running, "penstock_late_events_total", "w", 1)
    assert series(running, "penstock_state_keys") == {"w": 1}
    assert series(running, "penstock_watermark_lag_seconds") == {"w": 2}


def test_spills_and_dead_letters_tell_their_size(start: Start) -> None:
    (port,) = free_ports()
    far = f'tcp {{ id => "far" host => "127.0.0.1" port => {port} when_full => "spill" buffer_size => 1 }}'
    unfit = 'mutate { add_field => { "a" => "text" } } grok { match => { "message" => "%{WORD:[a][b]}" } }'
    running = start(f"input {{ stdin {{ }} }} filter {{ {unfit} }} output {{ {far} }}", {"dead_letter_queue.enable": "true"})
    for number in range(1, 5):
        running.send("one")
        until_in(running, number)
    running.until("/health/live", lambda _: series(running, "penstock_output_spill_events")["far"] >= 2)
    assert series(running, "penstock_output_spill_size_bytes")["far"] > 0
    assert series(running, "penstock_output_waiting_events")["far"] == 4
    letters: Any = stats(running.ask("/_node/stats"))["dead_letter_queue"]
    assert letters["queue_size_in_bytes"] == series(running, "penstock_dead_letters_size_bytes")["main"]
    assert (letters["written_events"], letters["max_queue_size_in_bytes"]) == (4, 1_024_000_000)


def test_workers_that_died_and_processes_are_told(start: Start) -> None:
    running = start("input { stdin { } } filter { mutate { } } output { null { } }", {"pipeline.workers": "2"})
    running.send("one")
    until_in(running, 1)
    process = running.ask("/_node/stats/process").data["process"]
    assert process["children"]["count"] >= 3  # the parent of workers, and two workers
    assert process["children"]["resident_in_bytes"] > process["mem"]["resident_in_bytes"] / 4
    workers = [pid for pid in descendants(running.process.pid) if not descendants(pid)]
    os.kill(workers[-1], signal.SIGKILL)
    until_series(running, "penstock_workers_replaced_total", "main", 1)


def descendants(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(word) for path in tasks for word in path.read_text().split()]
    return children + [one for child in children for one in descendants(child)]


def test_a_disk_queue_tells_its_size_and_an_output_how_long_it_took(start: Start) -> None:
    running = start('input { stdin { } } output { file { id => "out" path => "/dev/null" } }', {"queue.type": "persisted"})
    running.send("one", "two")
    until_series(running, "penstock_output_delivered_events_total", "out", 2)
    assert series(running, "penstock_queue_size_bytes")["main"] > 0
    assert series(running, "penstock_queue_max_bytes") == {"main": 1_024_000_000}
    assert series(running, "penstock_output_delivery_seconds_count")["out"] >= 1
    (out,) = running.plugins("outputs")
    took = out["delivery"]["latency_in_seconds"]
    assert took["buckets"]["+Inf"] == out["delivery"]["requests"]


@pytest.mark.parametrize(
    ("source", "settings", "words"),
    [
        ("generator { }", {}, "the buffer of output far is full, "),
        ('generator { id => "in" max_in_flight => 4 }', {}, "input in reads no more, 4 batches are not acknowledged"),
        ("generator { }", {"queue.type": "persisted", "queue.max_bytes": "8mb", "queue.page_capacity": "1mb"}, "the disk queue is full to 9"),
    ],
)
def test_back_pressure_is_told(start: Start, source: str, settings: dict[str, str], words: str) -> None:
    """By something that takes connections, and never reads."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as hangs:
        buffer = "" if "max_in_flight" in source else "buffer_size => 1"
        far = f'tcp {{ id => "far" host => "127.0.0.1" port => {hangs.getsockname()[1]} {buffer} }}'
        running = start(f'input {{ {source} }} filter {{ mutate {{ add_field => {{ "text" => "{"x" * 3000}" }} }} }} output {{ {far} }}', settings)
        answer = running.until("/health/ready", lambda answer: words in answer.text)
        assert any(line.startswith(f"pipeline main: {words}") for line in answer.data["back_pressure"])
        running.process.kill()


def test_promtool_takes_every_metric_and_each_is_declared(start: Start, tmp_path: Path) -> None:
    require("prometheus")
    settings = {"dead_letter_queue.enable": "true", "queue.type": "persisted"}
    window = 'window { id => "w" size => "10s" by => ["message"] keep => true }'
    running = start(f"input {{ stdin {{ }} }} filter {{ {window} }} output {{ null {{ }} }}", settings)
    running.send("one")
    until_in(running, 1)
    text = running.ask("/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    told = {family.name: family for family in text_string_to_metric_families(text)}
    own = {name for name in told if name.startswith("penstock_")}
    assert own <= METRICS.keys()
    assert "process_cpu_seconds" in told
    assert "process_resident_memory_bytes" in told
    for name in own:
        assert (told[name].type, told[name].documentation) == (METRICS[name].kind, METRICS[name].help)


def test_what_plugins_count_themselves_goes_to_declared_metrics() -> None:
    assert set(OWN.values()) <= METRICS.keys()
