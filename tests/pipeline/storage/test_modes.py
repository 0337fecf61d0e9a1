"""What holds values of events on disk is for the user of the process alone."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.pipeline.storage.dead_letters import DeadLetters
from penstock.pipeline.storage.queue import DiskQueue
from penstock.pipeline.storage.state_store import StateStore


@pytest.fixture(autouse=True)
def wide_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("make", [DiskQueue, DeadLetters, StateStore])
def test_a_directory_with_events_can_be_entered_by_its_owner_only(make: Callable[[Path], Any], tmp_path: Path) -> None:
    directory = tmp_path / "data" / "main"
    made = make(directory)
    made.close()
    assert directory.stat().st_mode & 0o777 == 0o700
