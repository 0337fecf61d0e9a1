"""The checkpoint: what it keeps comes back, or nothing does."""
from __future__ import annotations

from pathlib import Path

import pytest

from penstock.pipeline.storage.checkpoint import (
    Checkpoint,
    ranges_of,
    read_checkpoint,
    write_checkpoint,
)
from penstock.plugins.records.disk import Disk


@pytest.mark.parametrize(
    ("sequences", "ranges"),
    [
        (set(), ()),
        ({5}, ((5, 5),)),
        ({5, 6, 7}, ((5, 7),)),
        ({9, 5, 7}, ((5, 5), (7, 7), (9, 9))),
        ({5, 6, 8, 9, 11}, ((5, 6), (8, 9), (11, 11))),
    ],
)
def test_sequences_as_ranges(sequences: set[int], ranges: tuple[tuple[int, int], ...]) -> None:
    assert ranges_of(sequences) == ranges
    assert Checkpoint(1, ranges).sequences() == sequences


def test_of_very_many_ranges_the_first_are_kept() -> None:
    assert len(ranges_of(set(range(0, 40_000, 2)))) == 10_000


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint = Checkpoint(1 << 60, ((1 << 61, (1 << 61) + 3),))
    write_checkpoint(Disk(), tmp_path, Checkpoint(1))
    write_checkpoint(Disk(), tmp_path, checkpoint)
    assert read_checkpoint(Disk(), tmp_path) == (checkpoint, None)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_byte_changed_anywhere_makes_it_nothing(tmp_path: Path) -> None:
    write_checkpoint(Disk(), tmp_path, Checkpoint(77, ((80, 90),)))
    data = (tmp_path / "checkpoint").read_bytes()
    for place in range(len(data)):
        for changed in (data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], data[:place]):
            (tmp_path / "checkpoint").write_bytes(changed)
            found, skipped = read_checkpoint(Disk(), tmp_path)
            assert found == Checkpoint(), place
            assert skipped is not None


def test_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    class Full(Disk):
        def write(self, descriptor: int, parts: object) -> None:
            raise OSError(28, "no space left")

    write_checkpoint(Disk(), tmp_path, Checkpoint(1))
    with pytest.raises(OSError, match="no space"):
        write_checkpoint(Full(), tmp_path, Checkpoint(2))
    assert read_checkpoint(Disk(), tmp_path) == (Checkpoint(1), None)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]
