"""From one topic to another by processes of one group that tests kill, pause and stop: exactly
once, or at least once.
"""
from __future__ import annotations

from collections import Counter
from pathlib import Path

from .kafka_topics import Topic
from .penstock_process import Penstock

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{source}"] group_id => "{source}" auto_offset_reset => "earliest"
    exactly_once => {once} auto_commit_interval_ms => 100 session_timeout_ms => 2000 heartbeat_interval_ms => 500
    poll_timeout_ms => 20 max_poll_records => 20 }} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => plain {{ format => "%{{message}}" }}
    exactly_once => {once} {more} }} }}
"""


class Flow:
    """From one topic to another, by processes of one group."""

    def __init__(self, directory: Path, source: Topic, target: Topic, once: bool = True) -> None:
        self._once = once
        self._directory, self.source, self.target = directory, source, target
        self.wanted: list[str] = []

    def put(self, count: int) -> None:
        more = [f"message {number}" for number in range(len(self.wanted), len(self.wanted) + count)]
        self.source.put(more)
        self.wanted += more

    def process(self, name: str = "run", *options: str, more: str = "") -> Penstock:
        return Penstock(self._directory, self.config(more), "--penstock.state.interval", "100ms", *options, name=name)

    def config(self, more: str = "") -> str:
        return CONFIG.format(
            address=self.source.address,
            source=self.source.name,
            target=self.target.name,
            once=str(self._once).lower(),
            more=more,
        )

    def count(self, isolation: str = "read_committed") -> int:
        return len(self.target.values(isolation))

    def has_all(self) -> bool:
        return set(self.target.values()) >= set(self.wanted)

    def check(self) -> None:
        """Each message is there once, and those of a partition are in order."""
        found = Counter(self.target.values())
        assert {value: count for value, count in found.items() if count > 1} == {}, "each message comes once"
        assert set(found) == set(self.wanted), "none is lost"
        assert sum(self.source.committed(self.source.name)) >= len(self.wanted)
