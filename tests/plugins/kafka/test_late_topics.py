"""A reader that is there before its topic."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from servers.kafka_topics import Topic
from servers.penstock_process import Penstock

CONFIG = """
input {{ kafka {{ bootstrap_servers => "{address}" topics_pattern => "{name}-.*" group_id => "{name}" auto_offset_reset => "earliest" }} }}
output {{ file {{ path => "{path}" codec => line {{ format => "%{{message}}" }} }} }}
"""


def test_a_pattern_that_matches_nothing_yet_finds_its_topic_within_seconds(
    tmp_path: Path, broker: Any
) -> None:
    name, path = f"t-{uuid4().hex[:12]}", tmp_path / "out"
    config = CONFIG.format(address=broker.address, name=name, path=path)
    with Penstock(tmp_path, config) as reader:
        reader.until(lambda: "reading goes on" in reader.said(), "it looks for the topic")
        topic = Topic(broker.address, name=f"{name}-a")
        topic.put(["one", "two"])
        reader.until(
            lambda: path.exists() and sorted(path.read_text().split()) == ["one", "two"],
            "it reads the topic",
        )
        reader.stop()
