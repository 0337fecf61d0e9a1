"""A pipeline with nothing between its input and its output passes bytes on, and does what it would do with events."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.passthrough import PassthroughPipeline, passes_through
from penstock.plugins.batch import Payload

STDIN, STDOUT = "input { stdin { codec => json_lines } }", "output { stdout { codec => json_lines } }"


def assembly_of(text: str, **settings: Any) -> Any:
    return assemble([Source("test.conf", text)], settled({key.replace("__", "."): value for key, value in settings.items()}))


@pytest.mark.parametrize(
    "text",
    [
        STDIN + STDOUT,
        'input { stdin { } } output { stdout { codec => line { format => "%{message}" } } }',
        "input { stdin { } } output { stdout { codec => line } }",
        'input { file { path => "/a" codec => json_lines } } output { file { path => "/b" } }',
    ],
)
def test_bytes_are_passed_on_where_codecs_know_how(text: str) -> None:
    assert passes_through(assembly_of(text))


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (STDIN + "filter { mutate { } }" + STDOUT, {}),
        (STDIN + STDIN + STDOUT, {}),
        (STDIN + STDOUT + STDOUT, {}),
        (STDIN + "output { if [a] { stdout { codec => json_lines } } }", {}),
        ("input { stdin { codec => json_lines type => typed } }" + STDOUT, {}),
        ("input { stdin { } }" + STDOUT, {}),
        (STDIN + "output { stdout { } }", {}),
        (STDIN + 'output { file { path => "/b/%{a}" } }', {}),
        (STDIN + STDOUT, {"queue__type": "persisted"}),
        (STDIN + STDOUT, {"dead_letter_queue__enable": True}),
    ],
)
def test_events_are_made_where_something_looks_at_them(text: str, settings: dict[str, Any]) -> None:
    assert not passes_through(assembly_of(text, **settings))


def test_the_command_writes_what_a_filter_that_does_nothing_would_let_through(tmp_path: Path) -> None:
    lines = b"".join(json.dumps({"n": n, "text": "x" * (n % 400)}).encode() + b"\n" for n in range(3000)) + b'{"last": true}\nnot JSON'
    command = [sys.executable, "-m", "penstock", "run", "-S", "penstock.now=2024-01-01T00:00:00.000Z", "-e"]
    results = []
    for middle in ("", "filter { mutate { } }"):
        done = subprocess.run([*command, STDIN + middle + STDOUT], input=lines, capture_output=True, timeout=60, check=True)
        assert done.stderr == b""
        results.append(done.stdout)
    assert results[0] == results[1]


def test_a_file_is_acknowledged_when_the_output_has_its_lines(tmp_path: Path) -> None:
    (tmp_path / "in.log").write_text("one\ntwo\nthr")
    options = f'path => "{tmp_path}/in.log" mode => read file_completed_action => log file_completed_log_path => "{tmp_path}/done"'
    text = f'''input {{ file {{ {options} exit_after_read => true sincedb_path => "{tmp_path}/sincedb" }} }}
               output {{ file {{ path => "{tmp_path}/out" codec => line {{ format => "%{{message}}" }} }} }}'''
    assembly = assembly_of(text)
    pipeline = PassthroughPipeline(assembly)
    (source,) = pipeline.inputs
    (target,) = pipeline.targets
    order: list[str] = []
    deliver, settle = target.deliver, source.settle

    def delivered(payload: Payload) -> None:
        deliver(payload)
        order.append("delivered")

    def settled_then(outcomes: Any, behind: Any) -> None:
        order.append("settled")
        settle(outcomes, behind)

    target.deliver = delivered  # type: ignore[method-assign]
    source.settle = settled_then  # type: ignore[method-assign]
    pipeline.run()
    assert (tmp_path / "out").read_text() == "one\ntwo\nthr\n"
    assert (tmp_path / "done").read_text().split() == [f"{tmp_path}/in.log"]
    assert order[0] == "delivered", "nothing is settled before the output has it"
    assert order[-1] == "settled"
    assert (pipeline.counts.events_in, pipeline.counts.events_out) == (3, 3)
