"""Reading a damaged segment: every intact record is found, what is not intact is named by its place, nothing is made up."""
from __future__ import annotations

from pathlib import Path

import pytest

from penstock.plugins.records.disk import Disk
from penstock.plugins.records.layout import (
    HEAD,
    HEADER,
    Seal,
    file_header,
    parse_name,
    record_parts,
    segment_name,
)
from penstock.plugins.records.reader import Reader, Record, Skipped
from penstock.plugins.records.segments import survey

SEAL = Seal(0x1234_5678_9ABC_DEF0)
PAYLOADS = [b"one", b"", b"three, which is longer", b"four"]
NOTE = b"\x81\xa1n\x01"


def record(sequence: int, payload: bytes, seal: Seal = SEAL) -> bytes:
    return b"".join(record_parts(seal, sequence, NOTE, payload, 1))


WHOLE = file_header(1, SEAL) + b"".join(record(1 + at, payload) for at, payload in enumerate(PAYLOADS))
STARTS = [HEADER + sum(HEAD + len(NOTE) + len(payload) for payload in PAYLOADS[:at]) for at in range(len(PAYLOADS) + 1)]


def segment(directory: Path, data: bytes, name: str = segment_name(1, SEAL)) -> Path:
    path = directory / name
    path.write_bytes(data)
    return path


def read(path: Path) -> list[Record | Skipped]:
    reader = Reader(Disk(), path, SEAL, HEADER)
    try:
        return list(iter(lambda: reader.next(path.stat().st_size), None))
    finally:
        reader.close()


def payloads(found: list[Record | Skipped]) -> list[bytes]:
    return [one.payload for one in found if isinstance(one, Record)]


def test_records_come_back_as_they_were_written(tmp_path: Path) -> None:
    found = read(segment(tmp_path, WHOLE))
    assert [(one.sequence, one.note, one.payload, one.offset) for one in found if isinstance(one, Record)] == [
        (1 + at, NOTE, payload, STARTS[at]) for at, payload in enumerate(PAYLOADS)
    ]


@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_anywhere_costs_the_record_it_is_in_and_no_other(tmp_path: Path, bit: int) -> None:
    for place in range(HEADER, len(WHOLE)):
        hit = max(at for at, start in enumerate(STARTS) if start <= place)
        data = bytearray(WHOLE)
        data[place] ^= 1 << bit
        found = read(segment(tmp_path, bytes(data)))
        assert payloads(found) == PAYLOADS[:hit] + PAYLOADS[hit + 1 :], place
        (skipped,) = [one for one in found if isinstance(one, Skipped)]
        assert (skipped.offset, skipped.offset + skipped.size) == (STARTS[hit], STARTS[hit + 1]), place


def test_a_file_that_ends_within_a_record_gives_all_before_it(tmp_path: Path) -> None:
    for size in range(HEADER, len(WHOLE)):
        whole = sum(start <= size for start in STARTS) - 1
        found = read(segment(tmp_path, WHOLE[:size]))
        assert payloads(found) == PAYLOADS[:whole], size
        torn = [one for one in found if isinstance(one, Skipped)]
        assert [(one.offset, one.size, one.torn) for one in torn] == ([] if size == STARTS[whole] else [(STARTS[whole], size - STARTS[whole], True)])


def test_what_is_written_of_a_record_is_waited_for_while_its_writer_may_be_at_work(tmp_path: Path) -> None:
    path = segment(tmp_path, WHOLE[: STARTS[1] + 5])
    reader = Reader(Disk(), path, SEAL, HEADER)
    assert isinstance(reader.next(reader.size(), final=False), Record)
    assert reader.next(reader.size(), final=False) is None
    path.write_bytes(WHOLE)
    assert isinstance(found := reader.next(reader.size(), final=False), Record)
    assert found.sequence == 2
    reader.close()


@pytest.mark.parametrize("hole", [1, 40, 4096, 3_000_000])
def test_a_hole_of_zeros_is_jumped_over(tmp_path: Path, hole: int) -> None:
    data = WHOLE[: STARTS[2]] + bytes(hole) + WHOLE[STARTS[2] :]
    found = read(segment(tmp_path, data))
    assert payloads(found) == PAYLOADS
    assert [(one.offset, one.size) for one in found if isinstance(one, Skipped)] == [(STARTS[2], hole)]


def test_a_sync_word_across_two_reads_is_found(tmp_path: Path) -> None:
    window = 1 << 20
    for shift in range(-HEAD - 4, 5):
        junk = bytes(window - STARTS[1] + 1 + shift)
        found = read(segment(tmp_path, WHOLE[: STARTS[1]] + junk + WHOLE[STARTS[1] :]))
        assert payloads(found) == PAYLOADS, shift


def test_records_within_a_payload_are_not_taken_for_records(tmp_path: Path) -> None:
    """A segment of another queue may travel as the payload of an event; damage before it must not set it free."""
    inner = WHOLE.replace(SEAL.sync, Seal(7).sync) + b"".join(record(n, b"forged", Seal(7)) for n in range(3))
    data = bytearray(file_header(1, SEAL) + record(1, inner) + record(2, b"after"))
    data[HEADER + 5] ^= 1
    assert payloads(read(segment(tmp_path, bytes(data)))) == [b"after"]


def test_a_sync_word_alone_is_no_record(tmp_path: Path) -> None:
    data = file_header(1, SEAL) + SEAL.sync * 50 + bytes(HEAD) + SEAL.sync + bytes(100) + record(1, b"real")
    assert payloads(read(segment(tmp_path, data))) == [b"real"]


class _BadBlocks(Disk):
    """Cannot read the bytes from 4096 to 8192."""

    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        if offset < 8192 and offset + size > 4096:
            raise OSError(5, "input/output error")
        return super().read(descriptor, size, offset)


def test_blocks_that_cannot_be_read_cost_the_records_in_them(tmp_path: Path) -> None:
    data = file_header(1, SEAL) + b"".join(record(n, b"%03d" % n + b"x" * 997) for n in range(1, 13))
    segment(tmp_path, data)
    found: list[bytes] = []
    seen = survey(_BadBlocks(), tmp_path, lambda segment, record, out_of_turn: found.append(record.payload[:3]))
    assert found == [b"001", b"002", b"003", b"009", b"010", b"011", b"012"]
    assert seen.skipped


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("00000000000000000017-00000000000000ff.log", (17, 255)),
        ("00000000000000000017-00000000000000ff.log.damaged", None),
        ("17-ff.log", None),
        ("99999999999999999999-00000000000000ff.log", None),
        ("checkpoint", None),
    ],
)
def test_names_of_segments(name: str, segment: tuple[int, int] | None) -> None:
    assert parse_name(name) == segment
