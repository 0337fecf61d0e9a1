"""Files that a newer Penstock wrote: a pipeline that would need them does not start, says why, and leaves them as they are."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.plugins.errors import NewerFormat
from penstock.plugins.records.layout import HEADER, Seal, file_header, segment_name

GENERATOR = 'generator { count => 1 message => "one" }'
NULL = "null { }"
QUEUE = {"queue.type": "persisted"}
LETTERS = {"dead_letter_queue.enable": True}
READS_LETTERS = 'dead_letter_queue { path => "DIRECTORY/dead_letter_queue" pipeline_id => "other" sincedb_path => "DIRECTORY/sincedb" }'
SPILLS = 'null { id => "out" when_full => "spill" }'


def newer_segment(directory: Path) -> Path:
    """A segment as the next version might begin one."""
    directory.mkdir(parents=True, exist_ok=True)
    seal = Seal(1)
    header = file_header(1, seal)[: HEADER - 4]
    header = header[:8] + b"\x02" + header[9:]
    path = directory / segment_name(1, seal)
    path.write_bytes(header + crc32(header).to_bytes(4, "little") + b"what only it can read")
    return path


def newer_checkpoint(directory: Path) -> Path:
    directory.mkdir(parents=True)
    line = json.dumps({"version": 2, "low": 1, "acknowledged": []}).encode()
    path = directory / "checkpoint"
    path.write_bytes(line + b" %08x\n" % crc32(line))
    return path


def newer_position(path: Path) -> Path:
    (path.parent / "dead_letter_queue" / "other").mkdir(parents=True)
    path.write_bytes(b'{"version": 2, "sequence": 7}\n')
    return path


def pipeline(directory: Path, inputs: str, outputs: str, settings: dict[str, object]) -> Pipeline:
    text = f"input {{ {inputs} }} output {{ {outputs} }}".replace("DIRECTORY", str(directory))
    return Pipeline(assemble([Source("test.conf", text)], settled({"path.data": str(directory), **settings})))


def content(directory: Path) -> Iterator[tuple[Path, bytes]]:
    return ((path, path.read_bytes()) for path in directory.rglob("*") if path.is_file() and "lock" not in path.name)


@pytest.mark.parametrize(
    ("inputs", "outputs", "settings", "write"),
    [
        pytest.param(GENERATOR, NULL, QUEUE, lambda directory: newer_segment(directory / "queue" / "main"), id="a segment of the queue"),
        pytest.param(GENERATOR, NULL, QUEUE, lambda directory: newer_checkpoint(directory / "queue" / "main"), id="the checkpoint of the queue"),
        pytest.param(GENERATOR, NULL, LETTERS, lambda directory: newer_segment(directory / "dead_letter_queue" / "main"), id="dead letters that are written"),
        pytest.param(READS_LETTERS, NULL, {}, lambda directory: newer_segment(directory / "dead_letter_queue" / "other"), id="dead letters that are read"),
        pytest.param(READS_LETTERS, NULL, {}, lambda directory: newer_position(directory / "sincedb"), id="the position in dead letters"),
        pytest.param(GENERATOR, SPILLS, {}, lambda directory: newer_segment(directory / "spill" / "main" / "out"), id="a segment of a spill"),
        pytest.param(GENERATOR, SPILLS, {}, lambda directory: newer_checkpoint(directory / "spill" / "main" / "out"), id="the checkpoint of a spill"),
    ],
)
def test_what_a_newer_version_wrote_is_refused_at_the_start(
    tmp_path: Path, inputs: str, outputs: str, settings: dict[str, object], write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    before = dict(content(tmp_path))
    with pytest.raises(NewerFormat) as caught:
        pipeline(tmp_path, inputs, outputs, settings).run()
    wanted = f"`{path}` has format 2, from a newer Penstock; this one reads up to 1: run the Penstock that wrote it, or move the file away"
    assert str(caught.value) == wanted
    assert before.items() <= dict(content(tmp_path)).items()
