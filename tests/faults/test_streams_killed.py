"""``kill -9`` at any moment of a pipeline whose filters keep state: what it emits, by ``event.id``, is what a run without kills emits.

Between its lives the input is appended to, truncated or replaced, and the disk queue deleted. State and positions are one commit, so that no
event is in a result twice, or in none.
"""
from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from servers.soak import Figures, Found, rounds

import penstock

LONGEST = 120.0
BASE = 1_756_972_800

FILTERS = """
  mutate { remove_field => ["log", "host", "event"] }
  window { id => "minutes" size => "1m" by => ["k"] lateness => "1h" idle => "0s" sum => { "s" => "v" } percentiles => { "p" => "v" } }
  if ![window] {
    dedupe { id => "first" by => ["k", "v"] within => "20s" lateness => "1h" idle => "0s" summary => true }
    if ![dedupe] { window { id => "visits" gap => "8s" by => ["k"] lateness => "1h" idle => "0s" last => { "l" => "n" } keep => false } }
  }
"""
CONFIG = """
input {{ file {{ path => "{directory}/in.log" codec => json start_position => "beginning" sincedb_path => "{directory}/sincedb"
                 stat_interval => 0.01 sincedb_write_interval => 0.02 {more} }} }}
filter {{ {filters} }}
output {{ file {{ path => "{directory}/out.jsonl" }} }}
"""
READ = 'mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "{directory}/read.log"'


class Streams:
    """A pipeline that is started again and again, and the events that were written for it."""

    def __init__(self, directory: Path, queue: str, workers: int, seed: int) -> None:
        self.directory, self.queue, self.workers, self.chance = directory, queue, workers, random.Random(seed)
        self.interval = "20ms"
        self.log, self.events = directory / "in.log", list[dict[str, Any]]()
        self.log.touch()
        self.log_text("tail", "")
        self.log_text("read", READ.format(directory=directory))

    def log_text(self, name: str, more: str) -> None:
        (self.directory / f"{name}.conf").write_text(CONFIG.format(directory=self.directory, more=more, filters=FILTERS))

    def command(self, name: str) -> list[str]:
        settings = [f"queue.type={self.queue}", f"penstock.state.interval={self.interval}", "queue.page_capacity=64kb", "queue.checkpoint.acks=20"]
        flags = [part for setting in settings for part in ("-S", setting)]
        return [sys.executable, "-m", "penstock", "run", "-f", str(self.directory / f"{name}.conf"), "--path.data", str(self.directory / "data"), "-w", str(self.workers), *flags]

    def lines(self) -> str:
        """So many more events, somewhat out of order."""
        fresh = []
        for _ in range(self.chance.choice([1, 40, 1500])):
            number = len(self.events)
            at = BASE + number * 0.05 + self.chance.random() * 30
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03}Z"
            fresh.append({"@timestamp": stamp, "k": self.chance.choice("abcd"), "v": self.chance.randrange(9), "n": number})
            self.events.append(fresh[-1])
        return "".join(json.dumps(event) + "\n" for event in fresh)

    def append(self) -> None:
        with self.log.open("a") as file:
            file.write(self.lines())

    def truncate(self) -> None:
        self.log.write_text(self.lines())

    def replace(self) -> None:
        (self.directory / "new").write_text(self.lines())
        (self.directory / "new").replace(self.log)

    def delete_queue(self) -> None:
        shutil.rmtree(self.directory / "data" / "queue", ignore_errors=True)

    def committed(self) -> int:
        """The position up to which the file, as it is now, is in the state."""
        path = self.directory / "data" / "state" / "main" / "state.db"
        if not path.exists():
            return 0
        seen = self.log.stat()
        with closing(sqlite3.connect(path, timeout=LONGEST)) as database:
            try:
                rows = database.execute("select offset from positions where partition = ?", (f"{seen.st_dev}-{seen.st_ino}",)).fetchall()
            except sqlite3.OperationalError:
                return 0  # the tables are not there yet
        return rows[0][0] if rows else 0

    def live(self, until_committed: bool) -> None:
        """A life that ends with a kill, at any moment or when all of the file is in the state."""
        with (self.directory / "said").open("ab") as said:
            process = subprocess.Popen(self.command("tail"), stdin=subprocess.DEVNULL, stderr=said)
        try:
            self.append()
            if until_committed:
                self.wait(process, self.is_all_in)
                self.append()
            time.sleep(self.chance.random() * 0.6)  # the moment of the kill
        finally:
            process.kill()
            process.wait()

    def is_all_in(self) -> bool:
        return self.committed() == self.log.stat().st_size

    def is_all_queued(self) -> bool:
        """Whether the disk queue has the last event."""
        last = msgspec.msgpack.encode({"n": len(self.events) - 1})[1:]
        pages = (self.directory / "data" / "queue").rglob("*")
        return any(last in page.read_bytes() for page in pages if page.is_file())

    def wait(self, process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> None:
        end = time.monotonic() + LONGEST
        while not reached():
            assert time.monotonic() < end, (self.committed(), (self.directory / "said").read_text())
            assert process.poll() is None, (self.directory / "said").read_text()
            time.sleep(0.02)

    def round(self) -> None:
        """A life, and what happens to the files while nothing runs."""
        action = self.chance.choice([None, None, None, self.truncate, self.replace, self.delete_queue])
        is_new = action in (self.truncate, self.replace)
        self.live(until_committed=is_new)
        if is_new:
            self.live_until_all_is_in()
        if action is not None:
            action()

    def live_until_all_is_in(self) -> None:
        """What stood in a file that is truncated before it was read is lost to any reader."""
        self.live_until(self.is_all_in)

    def live_until(self, *reached: Callable[[], bool]) -> None:
        """A life that is killed as soon as some things have held, with more events between."""
        with (self.directory / "said").open("ab") as said:
            process = subprocess.Popen(self.command("tail"), stdin=subprocess.DEVNULL, stderr=said)
        try:
            self.wait(process, reached[0])
            for each in reached[1:]:
                self.append()
                self.wait(process, each)
        finally:
            process.kill()
            process.wait()

    def finish(self) -> None:
        """A last life that reads to the end of the input."""
        run = subprocess.run(self.command("read"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=LONGEST)
        assert run.returncode == 0, run.stderr

    def emitted(self) -> dict[str, dict[str, Any]]:
        """The results by id, without why they were due; each repetition says the same."""
        found: dict[str, dict[str, Any]] = {}
        for line in (self.directory / "out.jsonl").read_text().splitlines():
            start = line.rfind('{"@timestamp"')  # a kill may have cut what was written before
            try:
                event = json.loads(line[start:])
            except json.JSONDecodeError:
                continue
            if "event" not in event:
                continue
            event.get("window", {}).pop("reason", None)
            assert found.setdefault(event["event"]["id"], event) == event
        return found

    def undisturbed(self) -> dict[str, dict[str, Any]]:
        """The results of a run over all events at once."""
        stage = penstock.compile(f"filter {{ {FILTERS} }}")
        out = [*stage([dict(event) for event in self.events]), *stage.flush()]
        found = {event["event"]["id"]: event for event in out if "event" in event}
        for event in found.values():
            event.get("window", {}).pop("reason", None)
        return found


def check(directory: Path, queue: str, workers: int, kills: int, seed: int) -> Figures:
    streams = Streams(directory, queue, workers, seed)
    for _ in range(kills):
        streams.round()
    streams.finish()
    emitted, wanted = streams.emitted(), streams.undisturbed()
    assert sum(event["window"]["count"] for event in wanted.values() if event.get("window", {}).get("name") == "minutes") == len(streams.events)
    assert emitted == wanted
    return Figures(kills, len(streams.events))


def test_nothing_is_missed_where_the_queue_is_deleted_before_the_first_commit(tmp_path: Path) -> None:
    streams = Streams(tmp_path, "persisted", 1, seed=3)
    streams.interval = "1h"
    for _ in range(2):
        streams.append()
        streams.live_until(*[streams.is_all_queued] * 8)
        assert streams.committed() == 0
        streams.delete_queue()
    streams.interval = "20ms"
    streams.finish()
    assert streams.emitted() == streams.undisturbed()


ARRANGEMENTS = [("memory", 1), ("persisted", 1), ("memory", 2)]


@pytest.mark.parametrize(("queue", "workers"), ARRANGEMENTS)
def test_results_are_those_of_a_run_without_kills(tmp_path: Path, queue: str, workers: int) -> None:
    check(tmp_path, queue, workers, kills=6, seed=11)


@pytest.mark.soak("Stateful filters (window, dedupe)")
@pytest.mark.parametrize(("queue", "workers"), ARRANGEMENTS)
def test_results_are_those_of_a_run_without_kills_for_long(tmp_path: Path, queue: str, workers: int, found: Found) -> None:
    found(check(tmp_path, queue, workers, rounds(), seed=random.randrange(1 << 30)))
