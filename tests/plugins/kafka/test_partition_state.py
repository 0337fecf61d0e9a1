"""State of filters kept with the partitions of a topic: whoever has a partition goes on where the one before it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from servers.kafka_topics import Topic
from servers.kafka_windows import LOUD, Windows, grow_and_shrink
from servers.penstock_process import Penstock

ALONE = """
input {{ kafka {{ bootstrap_servers => "{address}" topics => ["{source}"] group_id => "{source}" codec => json
    session_timeout_ms => 2000 heartbeat_interval_ms => 500 }} }}
filter {{ {filters} }}
output {{ null {{ }} }}
"""


@pytest.fixture
def windows(tmp_path: Path, make_topic: Callable[..., Topic]) -> Windows:
    return Windows(tmp_path, make_topic(4), make_topic(2))


def test_a_process_that_was_killed_is_followed_by_one_with_nothing_on_its_disk(
    windows: Windows,
) -> None:
    for life in range(3):
        windows.put(1500)
        before = len(windows.results())
        with windows.process(f"life{life}") as run:
            run.until(lambda before=before: len(windows.results()) > before + 20, "it writes")
            run.kill()
    windows.end()
    with windows.process("last") as run:
        run.until(windows.has_all, "all windows have come")
        run.stop()
    windows.check()


def test_processes_come_and_go_and_are_killed_and_paused_and_each_window_comes_once(
    windows: Windows,
) -> None:
    grow_and_shrink(windows, 20_000)


@pytest.mark.parametrize(
    ("filters", "is_refused"), [('dedupe { id => "d" by => ["k"] within => "1m" }', True), ("mutate { }", False)], ids=["holds state", "holds nothing"]
)
def test_without_exactly_once_a_second_process_is_refused_where_filters_hold_state(
    tmp_path: Path, make_topic: Callable[..., Topic], filters: str, is_refused: bool
) -> None:
    topic = make_topic()
    config = ALONE.format(address=topic.address, source=topic.name, filters=filters)
    with Penstock(tmp_path, config, *LOUD, name="first") as first:
        first.until(lambda: f"assigned: {topic.name}" in first.said(), "it is a member")
        with Penstock(tmp_path, config, *LOUD, name="second") as second:
            if is_refused:
                assert second.wait() != 0
                assert "another process of the group" in second.said()
            else:
                second.until(lambda: f"assigned: {topic.name}" in second.said(), "it is a member, too")
        first.stop()
