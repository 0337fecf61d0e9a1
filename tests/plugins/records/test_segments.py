"""A directory of segments, in whatever state: it can be read, and what was left out is named."""
from __future__ import annotations

import os
from pathlib import Path
from zlib import crc32

import pytest

from penstock.plugins.errors import NewerFormat
from penstock.plugins.records.disk import Disk
from penstock.plugins.records.layout import HEADER, Seal, file_header, segment_name
from penstock.plugins.records.segments import survey

from .test_reader import PAYLOADS, SEAL, WHOLE, record, segment

NAME = segment_name(1, SEAL)


def found_in(directory: Path) -> tuple[list[tuple[int, bytes, bool]], list[str]]:
    """Sequences and payloads in order, true for those out of turn; and what was left out, without the directory's name."""
    records: list[tuple[int, bytes, bool]] = []
    seen = survey(Disk(), directory, lambda segment, record, out_of_turn: records.append((record.sequence, record.payload, out_of_turn)))
    return records, [str(skipped).replace(f"{directory}/", "") for skipped in seen.skipped]


ALL = [(1 + at, payload, False) for at, payload in enumerate(PAYLOADS)]


def header_with(place: int, byte: int) -> bytes:
    return WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]


@pytest.mark.parametrize("place", range(HEADER))
def test_a_damaged_header_costs_no_record(tmp_path: Path, place: int) -> None:
    segment(tmp_path, header_with(place, WHOLE[place] ^ 0x40))
    records, skipped = found_in(tmp_path)
    assert records == ALL
    assert skipped == [f"{NAME}: 32 bytes at 0: the header is damaged; the file name is used instead"]


def test_a_renamed_segment_is_read_by_its_header(tmp_path: Path) -> None:
    segment(tmp_path, WHOLE, "00000000000000000009-0000000000000000.log")
    assert found_in(tmp_path) == (ALL, [])


@pytest.mark.parametrize("size", range(HEADER))
def test_a_file_without_a_whole_header_holds_nothing(tmp_path: Path, size: int) -> None:
    segment(tmp_path, WHOLE[:size])
    reason = "the header was not written whole" if size else "the file is empty"
    assert found_in(tmp_path) == ([], [f"{NAME}: {f'{size} bytes at 0: ' if size else ''}{reason}"])


def test_files_of_others_are_named_and_left_alone(tmp_path: Path) -> None:
    segment(tmp_path, WHOLE)
    (tmp_path / "1.log").write_bytes(b"1" + bytes(100))
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "directory").mkdir()
    records, skipped = found_in(tmp_path)
    assert records == ALL
    assert skipped == [f"{name}: not a file of Penstock; left unchanged" for name in ("1.log", "directory", "notes.txt")]


def test_what_is_no_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    target = segment(tmp_path / "directory", WHOLE)
    (tmp_path / NAME).symlink_to(target)
    os.mkfifo(tmp_path / segment_name(2, Seal(2)))
    directory = tmp_path / segment_name(3, Seal(3))
    directory.mkdir()
    records, skipped = found_in(tmp_path)
    assert records == []
    assert sorted(line.partition(":")[0] for line in skipped) == [NAME, segment_name(2, Seal(2)), directory.name, "directory"]


def of_format(number: int) -> bytes:
    header = WHOLE[:8] + bytes([number]) + WHOLE[9 : HEADER - 4]
    return header + crc32(header).to_bytes(4, "little") + WHOLE[HEADER:]


def test_a_segment_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    segment(tmp_path, of_format(2))
    with pytest.raises(NewerFormat, match="has format 2, from a newer Penstock; this one reads up to 1"):
        found_in(tmp_path)


def test_a_segment_of_a_format_that_there_was_not_is_named_not_guessed_at(tmp_path: Path) -> None:
    segment(tmp_path, of_format(0))
    records, skipped = found_in(tmp_path)
    assert records == []
    assert skipped == [f"{NAME}: {len(WHOLE)} bytes at 0: written in format 0 by another version of Penstock"]


def test_a_copy_of_a_segment_gives_nothing_twice(tmp_path: Path) -> None:
    segment(tmp_path, WHOLE)
    segment(tmp_path, WHOLE, segment_name(1, Seal(99)))
    assert found_in(tmp_path) == (ALL, [])


def test_records_that_were_written_again_are_taken_once_from_where_they_are_intact(tmp_path: Path) -> None:
    """After a failed sync records are written again, to the next segment; a crash may leave the first copies with gaps."""
    first = bytearray(WHOLE)
    first[WHOLE.index(b"three")] ^= 1
    segment(tmp_path, bytes(first))
    seal = Seal(5)
    again = b"".join(record(sequence, PAYLOADS[sequence - 1], seal) for sequence in (3, 4))
    segment(tmp_path, file_header(3, seal) + again + record(5, b"five", seal), segment_name(3, seal))
    records, skipped = found_in(tmp_path)
    assert records == [ALL[0], ALL[1], ALL[3], (3, PAYLOADS[2], True), (5, b"five", False)]
    assert len(skipped) == 1
