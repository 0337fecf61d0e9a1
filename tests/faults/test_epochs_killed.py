"""``kill -9`` of a process that counts events with a participant: positions and counts are committed together, so each is counted once.

The participant keeps both in sqlite. The input is a file that grows; it is read from the committed positions after each start.
"""
from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

LONGEST = 60.0

PLUGINS = '''
import sqlite3
from collections import Counter
from penstock.plugins.batch import Payload, Position
from penstock.plugins.declaration import option
from penstock.plugins.output import Output

class Counts:
    overlaps = True
    def __init__(self, path):
        self.database = sqlite3.connect(path, check_same_thread=False)
        self.database.execute("create table if not exists counts (value primary key, number)")
        self.database.execute("create table if not exists offsets (source, partition, incarnation, at, primary key (source, partition))")
        self.abort()
    def restored(self):
        found = {}
        for source, partition, incarnation, at in self.database.execute("select * from offsets"):
            found.setdefault(source, {})[partition] = Position(incarnation, at)
        return found
    def begin(self):
        pass
    def snapshot(self):
        return Counter(self.counts)
    def commit(self, offsets, state):
        with self.database:
            self.database.executemany("replace into counts values (?, ?)", state.items())
            rows = [(source, name, *at) for source, parts in offsets.items() for name, at in parts.items()]
            self.database.executemany("replace into offsets values (?, ?, ?, ?)", rows)
    def abort(self):
        self.counts = Counter(dict(self.database.execute("select value, number from counts")))

class CountingOutput(Output, name="counting"):
    """Counts messages where they are filtered, and commits in epochs."""
    path: str = option("The database.")
    def open(self):
        self.participant = Counts(self.path)
    def pack(self, events):
        self.participant.counts.update(event["message"] for event in events)
        return [Payload([1] * len(events), events)]
    def deliver(self, payload):
        pass
'''
ENTRIES = "[penstock.outputs]\ncounting = counting:CountingOutput\n"
CONFIG = """
input {{ file {{ path => "{directory}/in.log" start_position => "beginning" sincedb_path => "{directory}/sincedb" stat_interval => 0.01
                 sincedb_write_interval => 0.02 }} }}
output {{ counting {{ path => "{directory}/counts.db" }} }}
"""


class Counting:
    """A run that is started again and again, with lines that are appended to its input."""

    def __init__(self, directory: Path, queue: str, seed: int) -> None:
        self.directory, self.chance, self.lines = directory, random.Random(seed), list[str]()
        info = directory / "plugins" / "counting-1.dist-info"
        info.mkdir(parents=True)
        (info.parent / "counting.py").write_text(PLUGINS)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: counting\nVersion: 1\n")
        (info / "entry_points.txt").write_text(ENTRIES)
        (directory / "a.conf").write_text(CONFIG.format(directory=directory))
        settings = [f"queue.type={queue}", "penstock.state.interval=20ms", "queue.checkpoint.acks=100"]
        flags = [part for setting in settings for part in ("-S", setting)]
        self.command = [sys.executable, "-m", "penstock", "run", "-f", str(directory / "a.conf"), "--path.data", str(directory / "data"), *flags]

    def append(self) -> None:
        more = [f"value {self.chance.randrange(5)}" for _ in range(self.chance.choice([1, 50, 2000]))]
        with (self.directory / "in.log").open("a") as file:
            file.writelines(f"{line}\n" for line in more)
        self.lines += more

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """The process, until it is killed at the end of the block."""
        paths = [str(self.directory / "plugins"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        with (self.directory / "said").open("ab") as said:
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=said, env=environment)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def counts(self) -> Counter[str]:
        if not (self.directory / "counts.db").exists():
            return Counter()
        with closing(sqlite3.connect(self.directory / "counts.db", timeout=LONGEST)) as database:
            try:
                return Counter(dict(database.execute("select value, number from counts")))
            except sqlite3.OperationalError:
                return Counter()  # the tables are not there yet

    def wait_until_started(self, times: int) -> None:
        """Until a process has said for so many times that it runs."""
        end = time.monotonic() + LONGEST
        while (said := (self.directory / "said").read_text()).count("pipeline main: started") < times:
            assert time.monotonic() < end, said
            time.sleep(0.01)

    def wait_until_all_are_counted(self, process: subprocess.Popen[bytes]) -> None:
        """Each value at least as often as it was written; the total alone may come from repetitions."""
        end = time.monotonic() + LONGEST
        while not Counter(self.lines) <= self.counts():
            assert time.monotonic() < end, self.counts()
            assert process.poll() is None
            time.sleep(0.01)

    def wait_until_counted(self, at_least: int, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + LONGEST
        while self.counts().total() < at_least:
            said = (self.directory / "said").read_text()
            assert time.monotonic() < end, (self.counts(), at_least, said)
            assert process.poll() is None, said
            time.sleep(0.01)


@pytest.mark.parametrize("queue", ["memory", "persisted"])
def test_each_line_is_counted_once_though_the_process_is_killed_again_and_again(tmp_path: Path, queue: str) -> None:
    counting = Counting(tmp_path, queue, seed=7)
    for number in range(6):
        with counting.running() as process:
            counting.wait_until_started(number + 1)
            counting.append()
            counted = counting.counts().total()
            counting.wait_until_counted(min(counted + 1, len(counting.lines)), process)
            counting.append()
    with counting.running() as process:
        counting.wait_until_started(7)  # it listens to signals by then
        counting.wait_until_all_are_counted(process)
        process.terminate()
        assert process.wait(LONGEST) == 0
    if queue == "memory":
        assert counting.counts() == Counter(counting.lines)
    else:  # what the input gave again after a kill is in the queue twice
        assert Counter(counting.lines) <= counting.counts()
