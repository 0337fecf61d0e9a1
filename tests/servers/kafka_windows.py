"""Windows over a topic that processes of one group share out, while tests start, kill and pause them.

Each key comes in one partition, in the order of time; an event far ahead in each partition ends its
windows. So what is to come is known, whoever reads which partition.
"""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any

from .kafka_topics import Topic
from .penstock_process import Penstock

START = 1_756_972_800  # 2025-09-04T08:00:00Z
KEYS = 24
LOUD = ("--log.level", "debug")
LONGEST = 600.0
WINDOW = """window { id => "w" size => "1m" by => ["k"] count => { "n" => "v" } sum => { "s" => "v" } keep => false lateness => "0s"
    idle => "0s" remove_field => ["event", "window", "@version"] }"""
CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{source}"] group_id => "{source}" auto_offset_reset => "earliest"
    codec => json exactly_once => true session_timeout_ms => {session} heartbeat_interval_ms => 500 poll_timeout_ms => 20
    max_poll_records => {records} }} }}
filter {{ {filters} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => json exactly_once => true {more} }} }}
"""

Result = tuple[int, str, int, float]
"""A window's key, its start, and how many events it has and their sum."""


class Windows:
    """From a topic with ``topic.partitions`` to another one. ``pace``: events in a second of their own time."""

    def __init__(
        self, directory: Path, source: Topic, target: Topic, pace: int = 4, filters: str = WINDOW
    ) -> None:
        self._directory, self.source, self.target = directory, source, target
        self._pace, self._filters = pace, filters
        self.count = 0
        self._wanted: Counter[tuple[int, str]] = Counter()
        self._sums: Counter[tuple[int, str]] = Counter()

    def put(self, count: int) -> None:
        """Put so many more events."""
        rows: dict[int, list[str]] = {number: [] for number in range(self.source.partitions)}
        for number in range(self.count, self.count + count):
            key, second, value = number % KEYS, number // self._pace, number % 7
            rows[key % self.source.partitions].append(_event(second, key, value))
            window = key, _stamp(second // 60 * 60)
            self._wanted[window] += 1
            self._sums[window] += value
        self.count += count
        for partition, events in rows.items():
            self.source.put(events, partition=partition)

    def end(self) -> None:
        """Put the events that end all windows."""
        for partition in range(self.source.partitions):
            self.source.put(
                [_event(self.count + 1_000_000, -1 - partition, 0)], partition=partition
            )

    def process(
        self,
        name: str = "run",
        *options: str,
        session: int = 2000,
        records: int = 50,
        more: str = "",
    ) -> Penstock:
        """A process of the group, with a data directory of its own."""
        config = CONFIG.format(
            address=self.source.address,
            source=self.source.name,
            target=self.target.name,
            filters=self._filters,
            session=session,
            records=records,
            more=more,
        )
        return Penstock(
            self._directory, config, "--penstock.state.interval", "200ms", *options, name=name
        )

    def wanted(self) -> list[Result]:
        """What is to come, sorted."""
        return sorted(
            (*window, count, float(self._sums[window])) for window, count in self._wanted.items()
        )

    def results(self) -> list[Result]:
        """What has come, as who reads what is committed sees it, sorted."""
        events: list[dict[str, Any]] = [json.loads(value) for value in self.target.values()]
        return sorted(
            (event["k"], event["@timestamp"], event["n"], float(event["s"])) for event in events
        )

    def has_all(self) -> bool:
        return len(self.target.values()) >= len(self._wanted)

    def differences(self) -> tuple[int, int]:
        """How many results are lost or wrong, and how many have come beyond what is to come."""
        wanted, came = Counter(self.wanted()), Counter(self.results())
        return (wanted - came).total(), (came - wanted).total()

    def check(self) -> None:
        """Each window has come once, with all its events."""
        assert self.results() == self.wanted()


def _stamp(second: int) -> str:
    from penstock.dsl.timestamp import Timestamp

    return str(Timestamp.of_millis((START + second) * 1000))


def _event(second: int, key: int, value: int) -> str:
    return json.dumps({"@timestamp": _stamp(second), "k": key, "v": value})


def has_partitions(run: Penstock) -> bool:
    return "the state of partition" in run.said()


def grow_and_shrink(windows: Windows, count: int) -> None:
    """One process, three, then two, while events come: one is killed; one is paused, and another with its slot fences it."""
    part = count // 5
    slot = 'transactional_slot => "c"'
    a, b = (windows.process(name, *LOUD) for name in "ab")
    c, d = (windows.process(name, *LOUD, more=slot) for name in "cd")
    windows.put(part)
    with a:
        a.until(lambda: len(windows.results()) > 20, "the first one writes")
        with b, c:
            windows.put(part)
            a.until(
                lambda: has_partitions(b) and has_partitions(c),
                "three share the partitions",
                LONGEST,
            )
            windows.put(part)
            b.kill()
            windows.put(part)
            c.signal(signal.SIGSTOP)
            with d:
                windows.put(count - 4 * part)
                windows.end()
                a.until(windows.has_all, "all windows have come", LONGEST)
                c.signal(signal.SIGCONT)
                c.until(
                    lambda: "were lost" in c.said() or "fenced" in c.said(),
                    "the paused one hears that it is too late",
                )
                c.kill()
                d.stop()
        a.stop()
    windows.check()
