"""The output file: where events go, and what happens to directories, modes, gzip, files that vanish, disks that fill and syncs that
fail."""
from __future__ import annotations

import contextlib
import errno
import gzip
import random
import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.plugins.batch import Payload
from penstock.plugins.errors import Disconnected
from penstock.plugins.outputs.file import File
from penstock.plugins.records.disk import Disk


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
def test_a_field_cannot_lead_out_of_the_directory(tmp_path: Path, field: str) -> None:
    root = tmp_path / "root"
    file = output(f'path => "{root}/%{{f}}" {LINE}')
    file.write([event(f=field)])
    file.close()
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()] == ["root/_filepath_failures"]


def test_a_path_that_starts_with_a_field_is_refused() -> None:
    with pytest.raises(penstock.ConfigError, match="must not start with a field"):
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


@pytest.mark.parametrize(
    ("directory", "mode"), [("0750", "0600"), (0o750, 0o600), ('"0750"', "'0600'"), ('"0o750"', '"384"')]
)
def test_modes_of_new_files_and_directories(tmp_path: Path, directory: object, mode: object) -> None:
    file = output(f'path => "{tmp_path}/d/a.log" dir_mode => {directory} file_mode => {mode} {LINE}')
    file.write([event()])
    file.close()
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "d/a.log").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", ["0689", "08", '"0x1F"', "-2", "4096", '"rw"', "06.5"])
def test_what_is_not_a_mode_is_refused(tmp_path: Path, mode: str) -> None:
    with pytest.raises(penstock.ConfigError, match="E204"):
        output(f'path => "{tmp_path}/a.log" file_mode => {mode}')


def test_files_that_are_not_written_to_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("penstock.plugins.outputs.file.time.monotonic", lambda: clock[0])
    file = output(f'path => "{tmp_path}/%{{message}}" stale_cleanup_interval => 10 {LINE}')
    file.write([event(message="a")])
    clock[0] += 11
    file.write([event(message="b")])
    assert [Path(p).name for p in file._files] == ["b"]
    file.close()


def test_every_packed_batch_can_be_read_at_once(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/a.gz" gzip => true {LINE}')
    for count in (1, 2, 3):
        file.write([event()])
        assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b"m\n" * count
    file.close()


def test_a_line_that_a_kill_cut_off_is_left_alone_and_the_next_begins_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("whole\ncut o")
    file = output(f'path => "{tmp_path}/a.log" {LINE}')
    file.write([event(message="cut off")])
    file.write([event(message="next")])
    file.close()
    assert (tmp_path / "a.log").read_text() == "whole\ncut o\ncut off\nnext\n"


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What a disk does that fills: the write that crosses the limit is taken in part, the next one not at all."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def refused(file: File, payloads: list[Payload]) -> list[Payload]:
    """What is still to be delivered, when a delivery has failed: that payload again, and those behind it."""
    for number, payload in enumerate(payloads):
        try:
            file.deliver(payload)
        except (OSError, Disconnected):
            return payloads[number:]
    raise AssertionError("nothing failed")


def deliver(file: File, payloads: list[Payload]) -> None:
    for payload in payloads:
        file.deliver(payload)


@pytest.mark.parametrize("extra", ["", "fsync => true", "gzip => true"])
def test_what_a_full_disk_takes_in_part_is_gone_on_with_where_it_ended(tmp_path: Path, extra: str) -> None:
    file = output(f'path => "{tmp_path}/a" {extra} {LINE}')
    messages = [random.Random(number).randbytes(40).hex() for number in range(50)]
    packed = file.pack([event(message=message) for message in messages])
    with files_of_at_most(1000):
        left = refused(file, packed)
        left = refused(file, left)
    assert (tmp_path / "a").stat().st_size == 1000
    deliver(file, left)
    deliver(file, file.pack([event(message="more")]))
    file.close()
    written = (tmp_path / "a").read_bytes()
    lines = (gzip.decompress(written) if "gzip" in extra else written).decode().splitlines()
    assert lines == [*messages, "more"]


def test_a_file_that_fills_does_not_have_others_written_twice(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/%{{name}}" {LINE}')
    packed = file.pack([event(name="small"), event(name="large", message="x" * 3000), event(name="last")])
    with files_of_at_most(1000):
        left = refused(file, packed)
    assert [Path(str(payload.lane)).name for payload in left] == ["large", "last"]
    deliver(file, left)
    file.close()
    assert {path.name: len(path.read_text()) for path in tmp_path.iterdir()} == {"small": 2, "large": 3001, "last": 2}


def test_two_outputs_to_one_file_do_not_write_into_each_others_lines(tmp_path: Path) -> None:
    one, other = (output(f'path => "{tmp_path}/a" {LINE}') for _ in range(2))
    packed = one.pack([event(message="x" * 3000)])
    with files_of_at_most(1000):
        left = refused(one, packed)
    waiting = refused(other, other.pack([event()]))
    deliver(one, left)
    deliver(other, waiting)
    one.close()
    other.close()
    assert (tmp_path / "a").read_text() == "x" * 3000 + "\nm\n"


def test_an_output_that_gives_up_in_the_middle_does_not_hold_up_another(tmp_path: Path) -> None:
    one, other = (output(f'path => "{tmp_path}/a" {LINE}') for _ in range(2))
    with files_of_at_most(1000):
        refused(one, one.pack([event(message="x" * 3000)]))
    one.close()
    other.write([event()])
    other.close()
    assert (tmp_path / "a").read_text() == "x" * 1000 + "\nm\n"


def test_what_a_deleted_file_took_of_a_batch_is_in_the_new_one(tmp_path: Path) -> None:
    """Who finds the disk full may delete the very file that filled it."""
    file = output(f'path => "{tmp_path}/a" {LINE}')
    with files_of_at_most(1000):
        left = refused(file, file.pack([event(message="x" * 700), event(message="y" * 700)]))
    (tmp_path / "a").unlink()
    deliver(file, left)
    file.close()
    assert (tmp_path / "a").read_text() == "x" * 700 + "\n" + "y" * 700 + "\n"


def test_a_renamed_file_gets_the_end_of_its_line(tmp_path: Path) -> None:
    file = output(f'path => "{tmp_path}/a" {LINE}')
    with files_of_at_most(1000):
        left = refused(file, file.pack([event(message="x" * 1700)]))
    (tmp_path / "a").rename(tmp_path / "b")
    deliver(file, left)
    file.write([event()])
    file.close()
    assert (tmp_path / "b").read_text() == "x" * 1700 + "\n"
    assert (tmp_path / "a").read_text() == "m\n"


class BadDisk(Disk):
    """A disk of which some syncs fail. ``synced``: what was in a file when it was synced; names of directories."""

    def __init__(self, failures: int = 0, directory_failures: int = 0) -> None:
        self.failures, self.directory_failures = failures, directory_failures
        self.synced: list[str] = []

    def sync(self, descriptor: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EIO, "Input/output error")
        self.synced.append(Path(f"/proc/self/fd/{descriptor}").read_text() if Path("/proc/self").exists() else "")

    def sync_directory(self, directory: Path) -> None:
        if self.directory_failures:
            self.directory_failures -= 1
            raise OSError(errno.EIO, "Input/output error")
        self.synced.append(directory.name)


def bad_disk(monkeypatch: pytest.MonkeyPatch, disk: BadDisk) -> BadDisk:
    monkeypatch.setattr("penstock.plugins.outputs.file._DISK", disk)
    return disk


def test_with_fsync_a_batch_is_on_the_disk_when_it_counts_as_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file, and once the directories that have new names in them."""
    disk = bad_disk(monkeypatch, BadDisk())
    file = output(f'path => "{tmp_path}/d/e/a" fsync => true {LINE}')
    file.write([event()])
    assert disk.synced == ["m\n", tmp_path.name, "d", "e"]
    file.write([event()])
    assert disk.synced[4:] == ["m\nm\n"]
    file.close()


def test_without_fsync_nothing_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = bad_disk(monkeypatch, BadDisk())
    file = output(f'path => "{tmp_path}/d/a" {LINE}')
    file.write([event()])
    file.close()
    assert disk.synced == []


@pytest.mark.parametrize("disk", [BadDisk(failures=2), BadDisk(directory_failures=2)])
def test_what_a_failed_sync_leaves_in_doubt_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: BadDisk) -> None:
    bad_disk(monkeypatch, disk)
    file = output(f'path => "{tmp_path}/a" fsync => true {LINE}')
    left = file.pack([event(message="one"), event(message="two")])
    for _ in range(2):
        left = refused(file, left)
        assert [payload.data for payload in left] == [b"one\ntwo\n"]
    deliver(file, left)
    file.close()
    assert (tmp_path / "a").read_text() == "one\ntwo\n" * 3


def test_what_was_taken_before_a_disk_was_full_is_written_again_where_its_sync_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad_disk(monkeypatch, BadDisk(failures=1))
    file = output(f'path => "{tmp_path}/a" fsync => true {LINE}')
    with files_of_at_most(1000):
        left = refused(file, file.pack([event(message="x" * 700), event(message="y" * 700)]))
    left = refused(file, left)
    deliver(file, left)
    file.close()
    assert (tmp_path / "a").read_text() == ("x" * 700 + "\n" + "y" * 700 + "\n") * 2


def test_nothing_is_acknowledged_before_its_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipeline whose disk fails twice: the sincedb of its input knows of no line that is not synced, and in the end of all."""
    source, sincedb = tmp_path / "in.log", tmp_path / "sincedb"
    source.write_text("".join(f"line {number}\n" for number in range(100)))
    known: list[str] = []

    class Watched(BadDisk):
        def sync(self, descriptor: int) -> None:
            known.append(sincedb.read_text() if sincedb.exists() else "")
            super().sync(descriptor)

    bad_disk(monkeypatch, Watched(failures=2))
    monkeypatch.setattr("penstock.pipeline.delivery.circuit_breaker._FIRST_WAIT", 0.01)
    penstock_run(
        f'input {{ file {{ path => "{source}" mode => "read" exit_after_read => true file_completed_action => "log"'
        f' file_completed_log_path => "{tmp_path}/done" sincedb_path => "{sincedb}" sincedb_write_interval => 0 }} }}'
        f' output {{ file {{ path => "{tmp_path}/out" fsync => true codec => line {{ format => "%{{message}}" }} }} }}'
    )
    assert len(known) == 3
    assert not any(f" {source.stat().st_size} " in text for text in known)
    assert f" {source.stat().st_size} " in sincedb.read_text()
    assert (tmp_path / "out").read_text() == source.read_text() * 3


def penstock_run(config: str) -> None:
    Pipeline(assemble([Source("test.conf", config)], settled({}))).run()
