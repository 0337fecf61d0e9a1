"""``penstock queue`` and ``penstock dlq``: what they show, what they change, and how they end."""
from __future__ import annotations

import base64
import errno
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.commands.main import main
from penstock.pipeline.delivery.pending import DeliveryUnit
from penstock.pipeline.delivery.spill import Spill
from penstock.pipeline.storage.dead_letters import DeadLetters
from penstock.pipeline.storage.queue import DiskQueue
from penstock.plugins.batch import Payload
from penstock.plugins.records.dead_letter import DeadLetter
from penstock.plugins.records.disk import Disk
from penstock.plugins.records.events import pack

NOON = Timestamp("2025-09-04T12:00:00.000Z")


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    """A queue with three batches of two events, the first one acknowledged."""
    directory = tmp_path / "queue" / "main"
    queue = DiskQueue(directory, interval=None)
    for number in range(3):
        events = [{"@timestamp": NOON, "message": f"{number}{letter}", "n": 2**70, "@metadata": {"m": 1}} for letter in "ab"]
        queue.put(pack(events), count=2)
    item = queue.get(0)
    assert item is not None
    queue.ack(item.sequence)
    queue.close()
    return directory


def damage(directory: Path, text: bytes) -> Path:
    (file,) = directory.glob("*.log")
    file.write_bytes(file.read_bytes().replace(text, text.swapcase(), 1))
    return file


def messages(result: Result) -> list[str]:
    return [event["message"] for event in lines(result)]


class TestQueue:
    def test_inspect_counts_what_waits(self, queue: Path) -> None:
        text = run("queue", "inspect", queue).stdout
        assert text.splitlines()[:2] == [f"queue {queue}", f"  4 events in 2 records waiting; {next(queue.glob('*.log')).stat().st_size} bytes in 1 segment"]

    def test_inspect_for_machines(self, queue: Path) -> None:
        (data,) = lines(run("queue", "inspect", "--json", queue))
        assert data["waiting"] == {"records": 2, "events": 4}
        assert data["in_use_by"] is None
        assert data["skipped"] == data["put_aside"] == []
        (segment,) = data["segments"]
        assert (segment["records"], segment["events"], segment["waiting"], segment["damaged"]) == (3, 6, 2, False)

    def test_inspect_names_damage_and_ends_with_1(self, queue: Path) -> None:
        file = damage(queue, b"2a")
        result = run("queue", "inspect", queue, code=1)
        assert f"{file}: " in result.stdout
        assert "is damaged" in result.stdout
        assert f"penstock queue repair {queue}" in result.stdout

    def test_inspect_leaves_a_queue_alone_that_is_in_use(self, queue: Path) -> None:
        import os

        used = DiskQueue(queue, interval=None)
        before = {file.name: file.read_bytes() for file in queue.iterdir()}
        assert f"in use by process {os.getpid()}" in run("queue", "inspect", queue).stdout
        assert {file.name: file.read_bytes() for file in queue.iterdir()} == before
        used.close()

    def test_the_directory_above_is_understood_where_it_holds_one(self, queue: Path) -> None:
        assert f"queue {queue}" in run("queue", "inspect", queue.parent).stdout
        DiskQueue(queue.parent / "other", interval=None).close()
        assert "name one of" in run("queue", "inspect", queue.parent, code=2).output

    @pytest.mark.parametrize("path", ["nowhere", "."])
    def test_a_directory_that_is_no_queue(self, tmp_path: Path, path: str) -> None:
        assert "no queue at" in run("queue", "inspect", tmp_path / path, code=2).output

    @pytest.mark.parametrize(
        ("data", "events", "shown", "for_machines"),
        [
            pytest.param(b"one\n", None, "one\n", {"note": {"form": "bytes"}, "bytes": "b25lCg=="}, id="bytes"),
            pytest.param([{"message": "m"}], None, '{"message":"m"}\n', {"message": "m"}, id="events"),
            pytest.param(b"bytes", [{"message": "m"}], '{"message":"m"}\n', {"message": "m"}, id="bytes with their events"),
            pytest.param([1, "x"], None, '{"note":{"form":"data"},"data":[1,"x"]}\n', {"note": {"form": "data"}, "data": [1, "x"]}, id="anything else"),
        ],
    )
    def test_the_spill_of_an_output_can_be_looked_at_and_emptied_too(
        self, tmp_path: Path, data: Any, events: Any, shown: str, for_machines: Any
    ) -> None:
        spill = Spill(tmp_path / "spill", 1 << 20)
        spill.put(DeliveryUnit(Payload(data, events, None, 1)), 1)
        spill.close()
        assert "1 event in 1 record waiting" in run("queue", "inspect", tmp_path / "spill").stdout
        assert "1 event in 1 record waiting, none damaged" in run("queue", "repair", tmp_path / "spill").stdout
        assert lines(run("queue", "drain", "--keep", "--json", tmp_path / "spill")) == [for_machines]
        assert run("queue", "drain", tmp_path / "spill").stdout == shown
        assert run("queue", "drain", tmp_path / "spill").stdout == ""

    def test_drain_writes_the_events_and_takes_them_out(self, queue: Path) -> None:
        result = run("queue", "drain", "--keep", queue)
        assert lines(result)[0] == {"@timestamp": NOON, "message": "1a", "n": 2**70, "@metadata": {"m": 1}}
        assert result.stderr == "4 events shown\n"
        assert messages(run("queue", "drain", queue)) == ["1a", "1b", "2a", "2b"]
        assert run("queue", "drain", queue).stdout == ""

    def test_drain_writes_bytes_of_inputs_as_they_are(self, tmp_path: Path) -> None:
        queue = DiskQueue(tmp_path, interval=None)
        queue.put(b"line \xff\n", {"form": "raw", "stream": "a"})
        queue.close()
        (data,) = lines(run("queue", "drain", "--keep", "--json", tmp_path))
        assert data == {"note": {"form": "raw", "stream": "a"}, "bytes": base64.b64encode(b"line \xff\n").decode()}
        assert run("queue", "drain", tmp_path).stdout_bytes == b"line \xff\n"

    def test_drain_leaves_in_the_queue_what_it_cannot_read(self, queue: Path) -> None:
        opened = DiskQueue(queue, interval=None)
        opened.put(b"no events")
        opened.close()
        result = run("queue", "drain", queue)
        assert messages(result) == ["1a", "1b", "2a", "2b"]
        assert "stays in the queue: not a batch of events" in result.stderr
        assert json.loads(run("queue", "inspect", "--json", queue).stdout)["waiting"]["records"] == 1

    def test_drain_refuses_a_queue_that_is_in_use(self, queue: Path) -> None:
        used = DiskQueue(queue, interval=None)
        assert "is in use by this process" in run("queue", "drain", queue, code=1).stderr
        used.close()

    def test_repair_keeps_what_is_intact_and_puts_the_damaged_file_aside(self, queue: Path) -> None:
        file = damage(queue, b"1a")
        result = run("queue", "repair", queue)
        assert "the record" in result.stdout
        assert "2 events in 1 record waiting, none damaged" in result.stdout
        assert (queue / f"{file.name}.damaged").exists()
        run("queue", "inspect", queue)
        assert messages(run("queue", "drain", queue)) == ["2a", "2b"]

    def test_repair_deletes_damaged_files_if_told_to(self, queue: Path) -> None:
        damage(queue, b"1a")
        (data,) = lines(run("queue", "repair", "--discard", "--json", queue))
        assert [skipped["events"] for skipped in data["before"]["skipped"]] == [2]
        assert data["after"]["waiting"] == {"records": 1, "events": 2}
        assert list(queue.glob("*.damaged")) == []

    def test_repair_makes_a_checkpoint_that_was_lost(self, queue: Path) -> None:
        (queue / "checkpoint").write_bytes(b"")
        run("queue", "inspect", queue)
        run("queue", "repair", queue)
        (data,) = lines(run("queue", "inspect", "--json", queue))
        assert data["skipped"] == []
        assert data["waiting"]["events"] == 6, "what was acknowledged is not known any more"

    def test_a_repaired_queue_keeps_its_order(self, tmp_path: Path) -> None:
        queue = DiskQueue(tmp_path, interval=None)
        queue._log.page = 400
        for number in range(12):
            queue.put(pack([{"message": f"{number:02d}x"}]))
        queue.close()
        for file in sorted(tmp_path.glob("*.log"))[::2]:
            file.write_bytes(file.read_bytes()[:-1] + b"\0")
        intact = messages(run("queue", "drain", "--keep", tmp_path))
        run("queue", "repair", tmp_path)
        assert messages(run("queue", "drain", tmp_path)) == intact == sorted(intact)
        assert 0 < len(intact) < 12


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Four dead letters, of two plugins, an hour apart."""
    store = DeadLetters(tmp_path / "dead_letter_queue" / "main")
    for hour, (plugin, reason) in enumerate([("mutate", "no number"), ("mutate", "no number"), ("grok", "too slow"), ("mutate", "no map")]):
        event = {"@timestamp": NOON, "message": f"m{hour}", "n": 2**70}
        time = Timestamp.of_nanos(NOON.nanos() + hour * 3_600_000_000_000)
        store.add([DeadLetter(event, reason, plugin, f"{plugin}-id", "a.conf:3:5", time)])
    store.close()
    return tmp_path / "dead_letter_queue" / "main"


CHOICES = [
    pytest.param([], ["m0", "m1", "m2", "m3"], id="all"),
    pytest.param(["--plugin", "grok"], ["m2"], id="a plugin's name"),
    pytest.param(["--plugin", "mutate-id"], ["m0", "m1", "m3"], id="a plugin's id"),
    pytest.param(["--reason", "no"], ["m0", "m1", "m3"], id="a part of the reason"),
    pytest.param(["--since", "2025-09-04T13:00"], ["m1", "m2", "m3"], id="since a time"),
    pytest.param(["--before", "2025-09-04T13:00"], ["m0"], id="before a time"),
    pytest.param(["--before", "1h"], ["m0", "m1", "m2", "m3"], id="older than a time span"),
    pytest.param(["--since", "2 days"], [], id="within a time span"),
    pytest.param(["--since", "2025-09-04T13:00", "--plugin", "mutate"], ["m1", "m3"], id="both"),
]


def test_a_file_in_the_place_of_a_directory_is_told_from_one_that_is_not_there(queue: Path, letters: Path) -> None:
    assert f"that is a file; name its directory, `{queue}`" in run("queue", "inspect", queue / "checkpoint", code=2).stderr
    assert "no queue at" in run("queue", "inspect", queue / "nowhere", code=2).stderr
    assert "no dead letters at" in run("dlq", "list", letters / "nowhere", code=2).stderr


def test_a_repair_that_finds_no_space_says_so_and_leaves_all_as_it_was(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damage(queue, b"1a")

    def full(disk: Disk, path: Path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Disk, "create", full)
        said = run("queue", "repair", queue, code=1).stderr
    assert ": No space left on device\nnothing is lost; free some space and run the command again\n" in said
    assert "Errno" not in said
    assert messages(run("queue", "drain", queue)) == ["2a", "2b"]


class TestDeadLetters:
    def test_all_that_is_damaged_is_named(self, letters: Path) -> None:
        """Empty files and torn ends too; the latter not while they are being written."""
        store = DeadLetters(letters)
        store.add([DeadLetter({"message": "m4"}, "no", "mutate", "m", "a.conf:3:5")])
        first, last = sorted(letters.glob("*.log"))
        first.write_bytes(b"")
        last.write_bytes(last.read_bytes()[:-3])
        assert run("dlq", "list", letters).stderr.splitlines() == [f"left out: {first}: the file is empty"]
        store.close()
        said = run("dlq", "list", letters).stderr.splitlines()
        assert said[0] == f"left out: {first}: the file is empty"
        assert said[1].endswith("the last record was not written whole")

    def test_purge_tells_of_damaged_segments_that_stay(self, letters: Path) -> None:
        file = damage(letters, b"m1")
        assert run("dlq", "purge", letters, "--all", "-y").stderr.splitlines()[-1] == (
            f"damaged segments that were set aside remain: {file.name}.damaged"
        )

    def test_list_counts_by_plugin_and_reason(self, letters: Path) -> None:
        assert run("dlq", "list", letters).stdout.splitlines() == [
            "       2  mutate  a.conf:3:5",
            "          2025-09-04T12:00:00.000Z to 2025-09-04T13:00:00.000Z",
            "          no number",
            "       1  grok  a.conf:3:5",
            "          2025-09-04T14:00:00.000Z to 2025-09-04T14:00:00.000Z",
            "          too slow",
            "       1  mutate  a.conf:3:5",
            "          2025-09-04T15:00:00.000Z to 2025-09-04T15:00:00.000Z",
            "          no map",
            "4 dead letters",
        ]

    def test_list_for_machines(self, letters: Path) -> None:
        assert lines(run("dlq", "list", "--json", "--plugin", "grok", letters)) == [
            {
                "plugin_type": "grok", "plugin_id": "grok-id", "place": "a.conf:3:5", "reason": "too slow", "count": 1,
                "first": "2025-09-04T14:00:00.000Z", "last": "2025-09-04T14:00:00.000Z",
            }
        ]

    @pytest.mark.parametrize(("options", "shown"), CHOICES)
    def test_show_shows_those_that_are_meant(self, letters: Path, options: list[str], shown: list[str]) -> None:
        assert [one["event"]["message"] for one in lines(run("dlq", "show", "--json", *options, letters))] == shown

    def test_show_for_people(self, letters: Path) -> None:
        text = run("dlq", "show", "-n", 1, letters).stdout
        assert text == (
            "2025-09-04T15:00:00.000Z  mutate (mutate-id)  a.conf:3:5\n  no map\n"
            '  {"@timestamp":"2025-09-04T12:00:00.000Z","message":"m3","n":1180591620717411303424}\n\n'
        )

    def test_show_for_machines(self, letters: Path) -> None:
        (data,) = lines(run("dlq", "show", "--json", "--last", 1, letters))
        assert data["event"] == {"@timestamp": NOON, "message": "m3", "n": 2**70}
        del data["letter"]["sequence"]
        assert data["letter"] == {
            "entry_time": "2025-09-04T15:00:00.000Z", "plugin_id": "mutate-id", "plugin_type": "mutate", "reason": "no map",
            "place": "a.conf:3:5",
        }

    def test_replay_without_a_configuration_writes_lines(self, letters: Path) -> None:
        result = run("dlq", "replay", "--plugin", "grok", letters)
        assert lines(result) == [
            {
                "@timestamp": NOON, "message": "m2", "n": 2**70,
                "@metadata": {
                    "dead_letter_queue": {
                        "entry_time": "2025-09-04T14:00:00.000Z", "plugin_id": "grok-id", "plugin_type": "grok", "reason": "too slow",
                        "place": "a.conf:3:5", "replayed": True,
                    }
                },
            }
        ]
        assert result.stderr == "1 dead letter replayed\n"

    def test_replay_through_a_configuration_leaves_its_inputs_out(self, letters: Path, tmp_path: Path) -> None:
        config = tmp_path / "a.conf"
        config.write_text(
            'input { stdin { } }\nfilter { mutate { add_field => { "why" => "%{[@metadata][dead_letter_queue][reason]}" } } }\n'
            f'output {{ file {{ path => "{tmp_path}/out.jsonl" }} }}\n'
        )
        result = run("dlq", "replay", "-f", config, "--plugin", "mutate", letters)
        written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert [(event["message"], event["why"]) for event in written] == [("m0", "no number"), ("m1", "no number"), ("m3", "no map")]
        assert result.stderr.endswith("3 dead letters replayed\n")
        assert len(lines(run("dlq", "show", "--json", letters))) == 4

    def test_replay_removes_what_was_delivered_if_told_to(self, letters: Path) -> None:
        result = run("dlq", "replay", "--remove", "--plugin", "mutate", letters)
        assert messages(result) == ["m0", "m1", "m3"]
        assert result.stderr == "3 dead letters replayed, 3 deleted\n"
        assert messages(run("dlq", "replay", letters)) == ["m2"]

    def test_replay_removes_nothing_if_the_configuration_is_wrong(self, letters: Path) -> None:
        run("dlq", "replay", "--remove", "-e", "output { nothing { } }", letters, code=1)
        assert len(lines(run("dlq", "show", "--json", letters))) == 4

    @pytest.mark.parametrize(("options", "gone"), CHOICES[1:])
    def test_purge_deletes_those_that_are_meant(self, letters: Path, options: list[str], gone: list[str]) -> None:
        run("dlq", "purge", *options, letters)
        left = [one["event"]["message"] for one in lines(run("dlq", "show", "--json", letters))]
        assert sorted(left + gone) == ["m0", "m1", "m2", "m3"]

    def test_purge_of_all_must_be_said(self, letters: Path) -> None:
        assert "say which" in run("dlq", "purge", letters, code=2).output
        assert run("dlq", "purge", "--all", letters).stderr == "4 dead letters deleted\n"
        assert run("dlq", "list", letters).stdout == "0 dead letters\n"

    def test_purge_refuses_while_a_pipeline_writes(self, letters: Path) -> None:
        store = DeadLetters(letters)
        assert "is in use by this process" in run("dlq", "purge", "--all", letters, code=1).stderr
        store.close()

    def test_a_time_that_is_none(self, letters: Path) -> None:
        assert "`yesterday` is not a valid time" in run("dlq", "list", "--since", "yesterday", letters, code=2).output

    def test_damage_is_told_and_the_rest_shown(self, letters: Path) -> None:
        damage(letters, b"no number")
        result = run("dlq", "list", letters)
        assert "3 dead letters" in result.stdout
        assert "left out:" in result.stderr


def test_the_directory_of_the_data_stands_for_the_one_queue_in_it(queue: Path) -> None:
    assert run("queue", "inspect", queue.parent.parent).stdout == run("queue", "inspect", queue).stdout
    (queue.parent / "other").mkdir()
    DiskQueue(queue.parent / "other", interval=None).close()
    several = run("queue", "inspect", queue.parent.parent, code=2)
    assert "contains several: name one of" in several.output


def test_where_there_is_no_queue_it_is_said_where_one_would_be(tmp_path: Path) -> None:
    assert "`DATA/queue/main`" in run("queue", "inspect", tmp_path, code=2).output
    assert "`DATA/dead_letter_queue/main`" in run("dlq", "list", tmp_path, code=2).output


def test_a_misspelt_plugin_is_told_from_one_without_letters(letters: Path) -> None:
    known = lines(run("dlq", "show", letters, "--json"))[0]["letter"]["plugin_type"]
    assert f"no dead letter of the plugin `{known}x`: did you mean `{known}`" in run("dlq", "list", letters, "--plugin", f"{known}x").output
