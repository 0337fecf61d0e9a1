"""Figures and traces over OTLP, to a real collector."""
from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import otelcol
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import Server, free_ports

from penstock.pipeline.observe.metric_table import METRICS

CONFIG = """
input { generator { id => "in" count => 3000 } }
filter { mutate { id => "first" add_field => { "a" => "b" } } if [a] == "c" { drop { } } }
output { null { id => "out" } }
"""


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Server]:
    require("otelcol")
    home = tmp_path / "otelcol"
    home.mkdir()
    with otelcol.server(home) as server:
        yield server


def run(directory: Path, endpoint: str, *settings: str) -> str:
    """Run the pipeline to its end; what it said."""
    flags = [word for setting in (f"penstock.otlp.endpoint={endpoint}", *settings) for word in ("-S", setting)]
    with Penstock(directory, CONFIG, *flags) as process:
        assert process.wait() == 0, process.said()
        return process.said()


def told(collector: Server, what: str, count: int) -> str:
    """All that the collector has got, when there are so many of something in it."""
    end = time.monotonic() + 60
    while True:
        text = collector.log(1_000_000)
        if text.count(what) >= count:
            return text
        assert time.monotonic() < end, text[-3000:]
        time.sleep(0.05)


def test_the_last_figures_of_a_run_arrive(collector: Server, tmp_path: Path) -> None:
    run(tmp_path, collector.url)
    text = told(collector, "Name: penstock_events_in", 1)
    names = set(re.findall(r"-> Name: (\S+)", text))
    assert names <= METRICS.keys()
    assert {"penstock_ready", "penstock_plugin_seconds", "penstock_output_delivery_seconds"} <= names
    blocks = {block.split("\n", 1)[0]: block for block in text.split("-> Name: ")[1:]}
    into = blocks["penstock_events_in"]
    assert "Unit: {event}" in into
    assert "DataType: Sum" in into
    assert "IsMonotonic: true" in into
    assert "AggregationTemporality: Cumulative" in into
    assert re.search(r"-> pipeline: Str\(main\)[\s\S]*?Value: 3000", into)
    assert "DataType: Gauge" in blocks["penstock_ready"]
    took = blocks["penstock_output_delivery_seconds"]
    assert "DataType: Histogram" in took
    (count,) = re.findall(r"\nCount: (\d+)", took)
    counts = [int(each) for each in re.findall(r"Buckets #\d+, Count: (\d+)", took)]
    assert sum(counts) == int(count) > 0
    assert len(re.findall(r"ExplicitBounds #\d+", took)) == len(counts) - 1
    assert "service.name: Str(penstock)" in text


def test_figures_are_sent_again_and_again(collector: Server, tmp_path: Path) -> None:
    flags = ["-S", f"penstock.otlp.endpoint={collector.url}", "-S", "penstock.otlp.interval=0.1s"]
    with Penstock(tmp_path, "input { heartbeat { interval => 3600 } } output { null { } }", *flags) as process:
        told(collector, "Name: penstock_ready", 3)
        process.stop()


def spans(text: str) -> list[dict[str, str]]:
    found = []
    for block in text.split("Span #")[1:]:
        fields = dict(re.findall(r"^ +([\w ]+?) +: (.*)$", block, re.MULTILINE))
        fields |= dict(re.findall(r"-> (penstock\.[\w.]+): \w+\((.*)\)", block))
        found.append(fields)
    return found


def test_a_traced_batch_has_a_span_for_each_plugin(collector: Server, tmp_path: Path) -> None:
    run(tmp_path, collector.url, "penstock.otlp.traces=1")
    found = spans(told(collector, "Name           : pipeline main", 1))
    whole = next(span for span in found if span["Name"] == "pipeline main")
    assert (whole["penstock.input"], whole["Parent ID"]) == ("in", "")
    inner = [span for span in found if span["Parent ID"] == whole["ID"]]
    assert [span["Name"] for span in inner] == ["filter mutate", "output null"]
    mutate, _ = inner
    assert {span["Trace ID"] for span in inner} == {whole["Trace ID"]}
    assert mutate["penstock.plugin.id"] == "first"
    assert mutate["penstock.events.in"] == mutate["penstock.events.out"] != "0"
    assert whole["Start time"] <= mutate["Start time"] <= mutate["End time"] <= whole["End time"]


def test_of_batches_that_workers_filter_there_is_the_whole(collector: Server, tmp_path: Path) -> None:
    run(tmp_path, collector.url, "penstock.otlp.traces=1", "pipeline.workers=2")
    assert {span["Name"] for span in spans(told(collector, "Name           : pipeline main", 1))} == {"pipeline main"}


def test_one_in_so_many_batches_is_traced(collector: Server, tmp_path: Path) -> None:
    run(tmp_path, collector.url, "penstock.otlp.traces=1000000")
    text = told(collector, "Name           : pipeline main", 1)
    assert text.count("Name           : pipeline main") == 1


def test_a_collector_that_is_away_costs_one_line_and_no_events(tmp_path: Path) -> None:
    (port,) = free_ports()
    said = run(tmp_path, f"http://ann:s3cret@127.0.0.1:{port}", "penstock.otlp.traces=1")
    assert "3000 events in, 3000 out of the filters" in said
    lines = [line for line in said.splitlines() if "OTLP" in line]
    assert 1 <= len(lines) <= 4
    assert all(f"`http://127.0.0.1:{port}`" in line for line in lines)
    assert not {"Traceback", "s3cret"} & set(re.split(r"\W+", said))


@pytest.mark.parametrize("endpoint", ["localhost:4318", "grpc://there", "http://", "http://[there", "http://there:port"])
def test_an_endpoint_that_is_not_a_url_is_refused(endpoint: str) -> None:
    command = [sys.executable, "-m", "penstock", "run", "-S", f"penstock.otlp.endpoint={endpoint}", "-e", CONFIG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"error[E230]: penstock.otlp.endpoint: `{endpoint}` is not a valid URL" in done.stderr


def test_a_login_in_an_endpoint_that_is_refused_is_not_shown() -> None:
    command = [sys.executable, "-m", "penstock", "run", "-S", "penstock.otlp.endpoint=grpc://ann:s3cret@there", "-e", CONFIG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "penstock.otlp.endpoint: `grpc://there` is not a valid URL" in done.stderr
    assert "s3cret" not in done.stderr


def test_without_the_sdk_the_extra_is_named(tmp_path: Path) -> None:
    package = tmp_path / "opentelemetry"
    package.mkdir()
    (package / "__init__.py").write_text("raise ModuleNotFoundError('no', name='opentelemetry')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from penstock.pipeline.commands.main import main; main()"
    command = [sys.executable, "-c", code, "run", "-S", "penstock.otlp.endpoint=http://localhost:4318", "-e", CONFIG]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "pip install 'penstock[otlp]'" in done.stderr
