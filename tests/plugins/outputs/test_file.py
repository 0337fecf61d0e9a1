"""The output file: where events go, and what happens to folders, modes, gzip and files that vanish."""
from __future__ import annotations

import gzip
import stat
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.assembly import assemble
from penstock.plugins.outputs.file import File


def output(options: str) -> File:
    assembly = assemble([Source("test.conf", f"output {{ file {{ {options} }} }}")], settled({}))
    (made,) = assembly.made.values()
    assert isinstance(made, File)
    return made


def event(**fields: Any) -> dict[str, Any]:
    return {"@timestamp": Timestamp("2024-02-29T12:00:00.000Z"), "@version": "1", "message": "m", **fields}


LINE = 'codec => line { format => "%{message}" }'


def test_json_lines_unless_a_codec_says_otherwise(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/a.log"')
    file.write([event()])
    file.close()
    assert (tmp_path / "a.log").read_text() == '{"@timestamp":"2024-02-29T12:00:00.000Z","@version":"1","message":"m"}\n'


def test_the_path_is_filled_from_fields_and_dates(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/%{{[host][name]}}/%{{+yyyy-MM-dd}}.log" {LINE}')
    file.write([event(host={"name": "a"}), event(host={"name": "b"}), event(host={"name": "a"}, message="n")])
    file.close()
    assert (tmp_path / "a/2024-02-29.log").read_text() == "m\nn\n"
    assert (tmp_path / "b/2024-02-29.log").read_text() == "m\n"


@pytest.mark.parametrize("field", ["../../etc/x", "..", "../x", "a/../../x", ".", "a\0b"])
def test_a_field_cannot_lead_out_of_the_folder(tmp_path: Path, field: str) -> None:
    root = tmp_path / "root"
    file = output(f'path => "{root}/%{{f}}" {LINE}')
    file.write([event(f=field)])
    file.close()
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == ["root/_filepath_failures"]


def test_a_path_that_starts_with_a_field_is_refused() -> None:
    with pytest.raises(penstock.ConfigError, match="may not start with a field"):
        output('path => "%{f}/x"')


def test_gzip_is_readable_and_appends(tmp_path: Path) -> None:
    for text in ("one", "two"):
        file = output(f'path => "{tmp_path}/a.gz" gzip => true {LINE}')
        file.write([event(message=text)])
        file.close()
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"one\ntwo\n"


def test_append_keeps_and_overwrite_replaces_what_was_there(tmp_path: Path) -> None:
    for behaviour, expected in (("append", "old\nm\nm\n"), ("overwrite", "m\nm\n")):
        path = tmp_path / behaviour
        path.write_text("old\n")
        file = output(f'path => "{path}" write_behavior => {behaviour} {LINE}')
        file.write([event()])
        file.write([event()])
        file.close()
        assert path.read_text() == expected


def test_a_file_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/a.log" {LINE}')
    file.write([event(message="first")])
    (tmp_path / "a.log").unlink()
    file.write([event(message="second")])
    file.close()
    assert (tmp_path / "a.log").read_text() == "second\n"


def test_modes_of_new_files_and_folders(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/d/a.log" dir_mode => {0o750} file_mode => {0o600} {LINE}')
    file.write([event()])
    file.close()
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "d/a.log").stat().st_mode) == 0o600


def test_files_that_are_not_written_to_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("penstock.plugins.outputs.file.time.monotonic", lambda: clock[0])
    file = output(f'path => "{tmp_path}/%{{message}}" stale_cleanup_interval => 10 {LINE}')
    file.write([event(message="a")])
    clock[0] += 11
    file.write([event(message="b")])
    assert [Path(p).name for p in file._files] == ["b"]
    file.close()
