"""From one topic to another, exactly once, by processes of one group that tests kill, pause and stop."""
from __future__ import annotations

from collections import Counter
from pathlib import Path

from .kafka_topics import Topic
from .penstock_process import Penstock

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{source}"] group_id => "{source}" auto_offset_reset => "earliest"
    exactly_once => true session_timeout_ms => 2000 heartbeat_interval_ms => 500 poll_timeout_ms => 20 max_poll_records => 20 }} }}
output {{ kafka {{ bootstrap_servers => "{address}" topic_id => "{target}" codec => plain {{ format => "%{{message}}" }}
    exactly_once => true {more} }} }}
"""


class Flow:
    """From one topic to another, by processes of one group."""

    def __init__(self, directory: Path, source: Topic, target: Topic) -> None:
        self._directory, self.source, self.target = directory, source, target
        self.wanted: list[str] = []

    def put(self, count: int) -> None:
        more = [f"message {number}" for number in range(len(self.wanted), len(self.wanted) + count)]
        self.source.put(more)
        self.wanted += more

    def process(self, name: str = "run", *options: str, more: str = "") -> Penstock:
        config = CONFIG.format(address=self.source.address, source=self.source.name, target=self.target.name, more=more)
        return Penstock(self._directory, config, "--penstock.state.interval", "100ms", *options, name=name)

    def count(self, isolation: str = "read_committed") -> int:
        return len(self.target.values(isolation))

    def has_all(self) -> bool:
        return self.count() >= len(self.wanted)

    def check(self) -> None:
        """Each message is there once, and those of a partition are in order."""
        found = Counter(self.target.values())
        assert {value: count for value, count in found.items() if count > 1} == {}, "each message comes once"
        assert set(found) == set(self.wanted), "none is lost"
        assert sum(self.source.committed(self.source.name)) >= len(self.wanted)
