"""Members of a group that come, go and are killed: what one has delivered no other one reads, and nothing is left out."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from servers.kafka_topics import Topic
from servers.penstock_process import Penstock

pytestmark = pytest.mark.soak("Kafka, one node", "kafka")  # members that join and leave wait for time-outs of the group

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{topic}"] group_id => "{topic}" auto_offset_reset => "earliest"
    poll_timeout_ms => 20 max_poll_records => 50 {more} }} }}
output {{ file {{ path => "{path}" codec => line {{ format => "%{{message}}" }} }} }}
"""
CLASSIC = "session_timeout_ms => 2000 heartbeat_interval_ms => 500"
PROTOCOLS = {
    "cooperative": CLASSIC,
    "the protocol of Kafka 4": 'group_protocol => "consumer"',
    "eager": f'{CLASSIC} partition_assignment_strategy => "range"',
}
ASKED_FOR = [pytest.param(more, id=name, marks=() if name == "cooperative" else pytest.mark.soak("Kafka, one node", "kafka")) for name, more in PROTOCOLS.items()]


class Group:
    """Processes of one group that write to a file each."""

    def __init__(self, directory: Path, topic: Topic, more: str) -> None:
        self._directory, self.topic, self._more = directory, topic, more
        self.wanted: list[str] = []

    def put(self, count: int) -> None:
        messages = [f"message {number}" for number in range(len(self.wanted), len(self.wanted) + count)]
        self.topic.put(messages)
        self.wanted += messages

    def member(self, name: str) -> Penstock:
        config = CONFIG.format(
            address=self.topic.address, topic=self.topic.name, path=self._directory / f"{name}.out", more=self._more.replace("NAME", name)
        )
        return Penstock(self._directory, config, name=name)

    def of(self, name: str) -> list[str]:
        """What a member has written."""
        path = self._directory / f"{name}.out"
        return path.read_text().splitlines() if path.exists() else []

    def arrived(self) -> list[str]:
        return [line for path in sorted(self._directory.glob("*.out")) for line in path.read_text().splitlines()]

    def has_all(self) -> bool:
        return set(self.arrived()) >= set(self.wanted)


@pytest.fixture
def make_group(tmp_path: Path, make_topic: Callable[..., Topic]) -> Callable[..., Group]:
    return lambda more, partitions=4: Group(tmp_path, make_topic(partitions), more)


@pytest.mark.parametrize("more", ASKED_FOR)
def test_members_that_come_and_go_read_each_message_once(more: str, make_group: Callable[..., Group]) -> None:
    group = make_group(more)
    with group.member("first") as first:
        group.put(2000)
        first.until(lambda: bool(group.of("first")), "the first reads")
        with group.member("second") as second:
            while not group.of("second"):
                group.put(200)
                second.until(group.has_all, "both read")
            group.put(1000)
            first.stop()
            group.put(200)
            second.until(group.has_all, "the second has all")
            second.stop()
    assert Counter(group.arrived()) == Counter(group.wanted)
    assert sum(group.topic.committed(group.topic.name)) == len(group.wanted)


def test_what_a_killed_member_has_not_committed_another_one_reads(make_group: Callable[..., Group]) -> None:
    group = make_group(CLASSIC)
    group.put(3000)
    with group.member("first") as first, group.member("second") as second:
        first.until(lambda: bool(group.of("first")), "the first reads")
        first.kill()
        group.put(500)
        second.until(group.has_all, "nothing is lost")
        second.stop()


@pytest.mark.soak("Kafka, one node", "kafka")
def test_a_static_member_finds_its_partitions_again(make_group: Callable[..., Group]) -> None:
    """It leaves without a word, and the group waits for it as long as its session lasts."""
    group = make_group('session_timeout_ms => 30000 group_instance_id => "NAME"', partitions=2)
    with group.member("first") as first, group.member("second") as second:
        while not (group.of("first") and group.of("second")):
            group.put(20)
            second.until(group.has_all, "both read")
        first.stop()
        before = len(group.of("second"))
        group.put(20)
        second.until(lambda: len(group.of("second")) >= before + 10, "the second goes on with its own")
        assert not group.has_all(), "the partition of the first waits for it"
        with group.member("first") as again:
            again.until(group.has_all, "the first goes on")
            again.stop()
        second.stop()
    assert Counter(group.arrived()) == Counter(group.wanted)
    assert len(group.of("second")) == before + 10


def test_a_pattern_finds_topics_that_are_made_later(make_group: Callable[..., Group], tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    one, two = make_topic(1), make_topic(1)
    config = CONFIG.replace('topics => ["{topic}"]', 'topics_pattern => "{one}|{two}"').format(
        address=one.address, topic=one.name, one=one.name, two=two.name, path=tmp_path / "arrived.out", more="metadata_max_age_ms => 500"
    )
    path = tmp_path / "arrived.out"
    with Penstock(tmp_path, config) as run:
        one.put(["a"])
        two.put(["b"])
        run.until(lambda: path.exists() and set(path.read_text().split()) == {"a", "b"}, "both topics are read")
        run.stop()


def test_a_topic_that_is_made_anew_is_read_from_its_start(broker: object, tmp_path: Path, make_topic: Callable[..., Topic]) -> None:
    topic = make_topic(1)
    path = tmp_path / "arrived.out"
    config = CONFIG.format(address=topic.address, topic=topic.name, path=path, more=f"{CLASSIC} metadata_max_age_ms => 200")
    with Penstock(tmp_path, config) as run:
        topic.put([f"old {number}" for number in range(10)])
        run.until(lambda: path.exists() and len(path.read_text().splitlines()) == 10, "the old one is read")
        topic.make_anew()
        topic.put(["new 0", "new 1"])
        run.until(lambda: path.read_text().splitlines()[-2:] == ["new 0", "new 1"], "the new one is read")
        run.stop()
