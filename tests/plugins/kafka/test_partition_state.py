"""State of filters kept with the partitions of a topic: whoever has a partition goes on where the one before it was."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from servers.kafka_topics import Topic
from servers.kafka_windows import Windows


@pytest.fixture
def windows(tmp_path: Path, make_topic: Callable[..., Topic]) -> Windows:
    return Windows(tmp_path, make_topic(4), make_topic(2))


def test_a_process_that_was_killed_is_followed_by_one_with_nothing_on_its_disk(windows: Windows) -> None:
    for life in range(3):
        windows.put(1500)
        with windows.process(f"life{life}") as run:
            before = len(windows.results())
            run.until(lambda before=before: len(windows.results()) > before + 20, "it writes")
            run.kill()
    windows.end()
    with windows.process("last") as run:
        run.until(windows.has_all, "all windows have come")
        run.stop()
    windows.check()
