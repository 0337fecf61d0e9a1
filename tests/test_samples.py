"""The samples run as a user runs them, and give the events that stand beside them.

``PENSTOCK_UPDATE_SAMPLES=1 pytest tests/test_samples.py`` writes what they give now; read the difference before you commit it.
"""
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.source import Source
from penstock.pipeline.compile.sources import load_sources
from penstock.pipeline.compile.stage import compile_stage

ROOT = Path(__file__).parents[1]
SAMPLES = sorted(directory for directory in (ROOT / "samples").iterdir() if (directory / "pipeline.conf").exists())
ALONE = [sample for sample in SAMPLES if not (sample / "run.sh").exists()]  # others need a server, and have tests of their own
SETTINGS = {"penstock.now": "2025-09-10T12:00:00Z", "penstock.timezone": "UTC"}


def run(sample: Path, *more: str) -> str:
    """What ``penstock run`` writes for the input of a sample."""
    settings = [part for key, value in SETTINGS.items() for part in ("-S", f"{key}={value}")]
    command = [sys.executable, "-m", "penstock", "run", *settings, "-f", f"samples/{sample.name}/pipeline.conf", *more]
    (source,) = sample.glob("input.*")
    with source.open("rb") as stdin:
        done = subprocess.run(command, stdin=stdin, capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def lasting(event: dict[str, Any]) -> dict[str, Any]:
    """An event without the name of the machine it was read on."""
    host = event.get("host")
    if isinstance(host, dict) and host.get("hostname") == os.uname().nodename:
        return {key: value for key, value in event.items() if key != "host"}
    return event


def expected(path: Path, given: str) -> str:
    """What a file holds; with PENSTOCK_UPDATE_SAMPLES set, it is given that first."""
    if os.environ.get("PENSTOCK_UPDATE_SAMPLES"):
        path.write_text(given, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def as_lines(events: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(lasting(event), ensure_ascii=False) + "\n" for event in events)


def writes_events(sample: Path) -> bool:
    return "codec => json_lines" in (sample / "pipeline.conf").read_text()


@pytest.mark.parametrize("sample", ALONE, ids=lambda sample: sample.name)
def test_a_sample_writes_what_stands_beside_it(sample: Path) -> None:
    given = run(sample)
    if writes_events(sample):
        events = [json.loads(line) for line in given.splitlines()]
        wanted = expected(sample / "expected.jsonl", as_lines(events))
        assert [lasting(event) for event in events] == [json.loads(line) for line in wanted.splitlines()]
    else:
        assert given == expected(sample / "expected.txt", given)


@pytest.mark.parametrize("sample", [sample for sample in ALONE if not writes_events(sample)], ids=lambda sample: sample.name)
def test_the_events_behind_what_is_no_json(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sources: list[Source] = load_sources(f"samples/{sample.name}/pipeline.conf")
    (source,) = sample.glob("input.*")
    lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
    events = compile_stage(sources, SETTINGS)([{"message": line} for line in lines])
    wanted = expected(sample / "expected.jsonl", as_lines(events))
    assert events == [json.loads(line) for line in wanted.splitlines()]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_is_checked_without_a_finding(sample: Path) -> None:
    # Samples read stdin, which gives nothing twice (W321): their filters keep what they hold in memory.
    command = [sys.executable, "-m", "penstock", "check", "--strict", "-S", "penstock.state=memory", f"samples/{sample.name}/pipeline.conf"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, f"samples/{sample.name}/pipeline.conf: OK\n")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_sample_says_what_it_is(sample: Path) -> None:
    title = (sample / "README.md").read_text(encoding="utf-8").splitlines()[0]
    assert title.startswith(f"# {sample.name}: ")
