"""The store of dead letters: what is written is on the disk, within bounds of size and age, and can be read while it is written."""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.storage.dead_letters import DeadLetterCounts, DeadLetters
from penstock.pipeline.storage.purge import purge_letters
from penstock.pipeline.storage.queue import DiskQueue
from penstock.plugins.records.dead_letter import DeadLetter, DeadLetterReader
from penstock.plugins.records.events import pack
from penstock.plugins.records.lock import InUse

from ...plugins.records.forgetful import ForgetfulDisk
from .test_queue import _NoLuck

NOON = Timestamp("2025-09-04T12:00:00.000Z")


def letter(message: str, minutes: int = 0, **about: Any) -> DeadLetter:
    at = Timestamp.of_nanos(NOON.nanos() + minutes * 60_000_000_000)
    given: dict[str, Any] = {"reason": "refused", "plugin_type": "mutate", "plugin_id": "m1", "place": "a.conf:3:5"} | about
    return DeadLetter({"message": message, "@timestamp": NOON}, time=at, **given)


def messages(letters: list[DeadLetter]) -> list[str]:
    return [letter.event["message"] for letter in letters]


def kept(directory: Path) -> list[str]:
    letters = DeadLetterReader(directory)
    try:
        return messages(letters.read(100_000))
    finally:
        letters.close()


def small(directory: Path, **options: Any) -> DeadLetters:
    """A store whose segments hold two letters."""
    store = DeadLetters(directory, **options)
    store._log.page = 700
    return store


BULK = "x" * 100


def test_a_letter_comes_back_whole(tmp_path: Path) -> None:
    store = DeadLetters(tmp_path)
    written = DeadLetter({"message": "m", "@timestamp": NOON, "at": [NOON], "n": 2**70}, "no \ud800 number", "grok", "g1", "a.conf:1:1", NOON)
    assert store.add([written]) == 1
    (read,) = DeadLetterReader(tmp_path).read()
    assert read.event == written.event
    assert type(read.event["at"][0]) is Timestamp
    assert (read.reason, read.plugin_type, read.plugin_id, read.place, read.time) == ("no ? number", "grok", "g1", "a.conf:1:1", NOON)
    store.close()


def test_its_mark_is_that_of_logstash() -> None:
    assert letter("m").marked()["@metadata"] == {
        "dead_letter_queue": {"entry_time": NOON, "plugin_id": "m1", "plugin_type": "mutate", "reason": "refused", "place": "a.conf:3:5"}
    }


def test_letters_are_on_the_disk_when_they_count_as_written() -> None:
    disk = ForgetfulDisk()
    directory = Path("letters")
    DeadLetters(directory, disk=disk).add([letter("1"), letter("2")])
    disk.crash(_NoLuck())
    assert messages(DeadLetterReader(directory, disk=disk).read()) == ["1", "2"]


def test_letters_that_could_not_be_written_do_not_count() -> None:
    disk = ForgetfulDisk()
    store = DeadLetters(Path("letters"), disk=disk)
    disk.sync_fails = 1
    with pytest.raises(OSError, match="input/output"):
        store.add([letter("1")])
    assert store.counts == DeadLetterCounts()
    assert store.add([letter("2")]) == 1
    disk.crash(_NoLuck())
    assert messages(DeadLetterReader(Path("letters"), disk=disk).read()) == ["1", "2"], "what failed may be there: at least once"


def test_a_full_store_drops_the_newest_and_counts_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = small(tmp_path, max_bytes=1000)
    written = sum(store.add([letter(f"{number} {BULK}")]) for number in range(10))
    assert 0 < written < 10
    assert [message.split()[0] for message in kept(tmp_path)] == [str(number) for number in range(written)]
    assert store.counts == DeadLetterCounts(written=written, dropped_full=10 - written)
    assert store.size <= 1000
    assert "a.conf:3:5: mutate: event dropped: the dead letters are full; its error was: refused" in caplog.text
    store.close()


def test_a_full_store_drops_the_oldest_if_it_is_to(tmp_path: Path) -> None:
    store = small(tmp_path, max_bytes=1000, drop_older=True)
    for number in range(10):
        assert store.add([letter(f"{number} {BULK}")]) == 1
    left = [message.split()[0] for message in kept(tmp_path)]
    assert left == [str(number) for number in range(10)][-len(left) :]
    assert store.counts == DeadLetterCounts(written=10, dropped_full=10 - len(left))
    assert store.size <= 1000
    store.close()


@pytest.mark.parametrize("drop_older", [False, True])
def test_a_letter_larger_than_the_store_is_dropped_alone(tmp_path: Path, drop_older: bool) -> None:
    store = DeadLetters(tmp_path, max_bytes=1000, drop_older=drop_older)
    assert store.add([letter("1"), letter("2" * 1000), letter("3")]) == 2
    assert kept(tmp_path) == ["1", "3"]
    store.close()


def test_letters_go_by_age_segment_by_segment(tmp_path: Path) -> None:
    now = [NOON]
    store = small(tmp_path, retain=600, now=lambda: now[0])
    for minute in range(6):
        store.add([letter(f"{minute} {BULK}", minute)])
    now[0] = letter("", 13).time
    store.tidy()
    assert [message.split()[0] for message in kept(tmp_path)] == ["2", "3", "4", "5"], "3 is not ten minutes old, so 2 stays with it"
    assert store.counts == DeadLetterCounts(written=6, expired=2)
    store.close()
    store = small(tmp_path, retain=600, now=lambda: letter("", 60).time)
    assert kept(tmp_path) == []
    store.close()


def test_letters_go_by_age_though_no_more_come(tmp_path: Path) -> None:
    store = DeadLetters(tmp_path, retain=0.5)
    store.add([DeadLetter({"message": "old"}, "refused", "mutate", "m1")])
    assert kept(tmp_path) == ["old"]
    end = time.monotonic() + 60
    while kept(tmp_path):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert store.counts == DeadLetterCounts(written=1, expired=1)
    store.close()


def test_a_letter_that_does_not_say_when_it_was_written_is_kept(tmp_path: Path) -> None:
    queue = DiskQueue(tmp_path, interval=None)
    queue.put(pack([{"message": "of no letter"}]))
    queue.close()
    store = DeadLetters(tmp_path, retain=600)
    store.add([letter("new", 1_000_000)])
    assert kept(tmp_path) == ["new"]
    assert store.counts == DeadLetterCounts(written=1)
    store.close()


def test_an_event_that_came_from_dead_letters_does_not_go_round(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = DeadLetters(tmp_path)
    again = DeadLetter(letter("1").marked(), "refused again", "mutate", "m1")
    assert store.add([again]) == 0
    assert store.counts == DeadLetterCounts(dropped_again=1)
    assert "it already came from the dead letters" in caplog.text
    again.event["@metadata"]["dead_letter_queue"]["replayed"] = True
    assert store.add([again]) == 1, "unless it is replayed by hand"
    store.close()


def test_what_someone_else_deleted_makes_room(tmp_path: Path) -> None:
    store = small(tmp_path, max_bytes=1000)
    while store.add([letter(BULK)]):
        pass
    oldest = min(tmp_path.glob("*.log"))
    oldest.unlink()
    assert store.add([letter(BULK)]) == 1
    store.close()


def test_a_reader_follows_the_writer_over_segments(tmp_path: Path) -> None:
    store, letters = small(tmp_path), DeadLetterReader(tmp_path)
    assert letters.read() == []
    for number in range(7):
        store.add([letter(f"{number} {BULK}")])
        assert [message.split()[0] for message in messages(letters.read())] == [str(number)]
    assert letters.read() == []
    store.close()
    store = small(tmp_path)
    store.add([letter("after a restart")])
    assert messages(letters.read()) == ["after a restart"]
    store.close()


def test_a_reader_goes_on_after_a_sequence_whatever_was_deleted(tmp_path: Path) -> None:
    store = small(tmp_path)
    for number in range(6):
        store.add([letter(f"{number} {BULK}")])
    position = DeadLetterReader(tmp_path).read(3)[-1].sequence
    min(tmp_path.glob("*.log")).unlink()
    assert [message.split()[0] for message in messages(DeadLetterReader(tmp_path, position).read())] == ["3", "4", "5"]
    store.close()
    for file in tmp_path.glob("*.log"):
        file.unlink()
    store = DeadLetters(tmp_path)
    store.add([letter("new")])
    assert messages(DeadLetterReader(tmp_path, position).read()) == ["new"], "a store that was begun again gives no old numbers"
    store.close()


def test_a_damaged_letter_costs_itself(tmp_path: Path) -> None:
    store = DeadLetters(tmp_path)
    store.add([letter("1"), letter("2"), letter("3")])
    store.close()
    (file,) = tmp_path.glob("*.log")
    file.write_bytes(file.read_bytes().replace(b"message\xa12", b"message\xa1X"))
    letters = DeadLetterReader(tmp_path)
    assert messages(letters.read()) == ["1", "3"]
    assert len(letters.skipped) == 1
    store = DeadLetters(tmp_path)
    assert len(store.skipped) == 1
    store.close()


def test_letters_are_deleted_by_choice(tmp_path: Path) -> None:
    store = small(tmp_path)
    store.add([letter(f"{number} {BULK}", number) for number in range(7)])
    store.close()
    assert purge_letters(tmp_path, lambda letter: int(letter.event["message"].split()[0]) % 3 == 0) == 3
    assert [message.split()[0] for message in kept(tmp_path)] == ["1", "2", "4", "5"]
    assert purge_letters(tmp_path, lambda letter: True) == 4
    assert kept(tmp_path) == []


def test_letters_are_not_deleted_behind_the_back_of_who_writes_them(tmp_path: Path) -> None:
    store = DeadLetters(tmp_path)
    store.add([letter("1")])
    with pytest.raises(InUse):
        purge_letters(tmp_path, lambda letter: True)
    store.close()
