"""A number that is not finite is written as text, whichever plugin it comes from, also where
encoders do not look for one in batches of others.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.work import Work
from penstock.plugins.batch import Batch, Chunk
from penstock.plugins.input import Input
from penstock.plugins.output import Output

HUGE = "9" * 400


@pytest.mark.parametrize(
    ("codec", "filters", "line", "field"),
    [
        ("line", 'grok { match => { "message" => "%{NUMBER:n:float}" } }', HUGE, "n"),
        ("line", 'grok { match => { "message" => "%{X}" } pattern_definitions => { "X" =>'
         ' "%{NUMBER:n:float}" } }', HUGE, "n"),
        ("line", 'mutate { convert => { "message" => "float" } }', HUGE, "message"),
        ("line", 'mutate { convert => { "message" => "float_eu" } }', HUGE, "message"),
        ("line", 'csv { columns => ["n"] convert => { "n" => "float" } }', HUGE, "n"),
        ("line", f'kv {{ default_keys => {{ "n" => {HUGE}.0 }} }}', "", "n"),
        ("line", 'json { source => "message" }', '{"n": 1e999}', "n"),
        ("line", 'ruby { code => "event.set(\'n\', 1.0 / 0)" }', "", "n"),
        ("json_lines", 'mutate { add_tag => ["seen"] }', '{"n": 1e999}', "n"),
    ],
)  # fmt: skip
def test_infinity_is_text(codec: str, filters: str, line: str, field: str) -> None:
    config = (
        f"input {{ stdin {{ codec => {codec} }} }} filter {{ {filters} }}"
        " output { stdout { codec => json_lines } }"
    )
    command = [sys.executable, "-m", "penstock", "run", "-e", config]
    done = subprocess.run(command, input=f"{line}\n{line}\n", capture_output=True, text=True)
    assert [json.loads(text)[field] for text in done.stdout.splitlines()] == ["Infinity"] * 2


def work_on(filters: str) -> tuple[Work, Output]:
    """The step of a pipeline from stdin to stdout, and its output, whose codec is made."""
    text = f"input {{ stdin {{ }} }} {filters} output {{ stdout {{ codec => json_lines }} }}"
    assembly = assemble([Source("test.conf", text)], settled({}))
    (source,) = assembly.plugins(assembly.program.inputs)
    (output,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(source, Input)
    assert isinstance(output, Output)
    output.write = lambda events: None  # type: ignore[method-assign]
    return Work(assembly, [source]), output


def is_trusted(output: Output) -> bool:
    return all(codec.writes_finite for codec in output.context.codecs)


@pytest.mark.parametrize(
    ("filters", "trusted"),
    [
        ("", True),
        ('filter { grok { match => { "message" => "%{INT:n:int}" } } date { match => ["n",'
         ' "UNIX"] } syslog_pri { } kv { } mutate { convert => { "n" => "integer" } } }', True),
        ('filter { if [n] { mutate { convert => { "n" => "float" } } } }', False),
        ('filter { ruby { code => "1" } }', False),
    ],
)  # fmt: skip
def test_encoders_trust_plugins_that_all_make_finite_numbers(filters: str, trusted: bool) -> None:
    _, output = work_on(filters)
    assert is_trusted(output) is trusted


def test_encoders_look_again_once_events_come_that_no_codec_read() -> None:
    work, output = work_on("")
    work.run(0, Batch(chunks=[Chunk(b"a\n", {})]))
    assert is_trusted(output)
    work.run(0, Batch(events=[{"n": float("inf")}], is_decoded=True))
    assert not is_trusted(output)
