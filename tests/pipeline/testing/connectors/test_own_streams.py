"""The contract of connectors, shown with standard input and output: pipes in the place of servers."""
from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from penstock.testing.connectors import InputContract, OutputContract

NO_CREDENTIALS = "it asks for no credentials"
NO_SERVER = "it reads what the process was started with: no server"
GIVEN_ONCE = "what was read of a pipe cannot be had again (`replays` is False)"
NO_TARGET = "it writes to what the process was started with: no server"


class Pipe:
    """A pipe that is standard input, of this process and of runs."""

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self.read_end, self._write_end = os.pipe()
        self._before, sys.stdin = sys.stdin, os.fdopen(os.dup(self.read_end))

    def start(self) -> None: ...

    def put(self, messages: Sequence[str]) -> None:
        left = memoryview("".join(f"{message}\n" for message in messages).encode())
        while left:
            left = left[os.write(self._write_end, left) :]

    def stop(self) -> None:
        sys.stdin.close()
        sys.stdin = self._before
        for end in (self.read_end, self._write_end):
            os.close(end)


class TestStdinInput(InputContract):
    backend: Pipe
    config = "stdin { }"
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": NO_CREDENTIALS,
        "nothing_is_acknowledged_before_it_was_delivered": GIVEN_ONCE,
        "batches_settled_out_of_order_acknowledge_nothing_before_a_gap": GIVEN_ONCE,
        "a_failed_batch_and_all_behind_it_is_given_again": GIVEN_ONCE,
        "a_killed_process_gives_again_what_was_not_delivered": GIVEN_ONCE,
        "tokens_of_an_older_connection_are_ignored": NO_SERVER,
        "a_server_that_is_away_at_the_start_is_waited_for": NO_SERVER,
        "a_server_that_dies_in_the_middle_loses_nothing": NO_SERVER,
        "a_reload_that_changes_the_input_loses_and_repeats_nothing": "such a reload is refused (`reloads` is False)",
    }

    def server(self, directory: Path) -> Pipe:
        return Pipe()

    def standard_input(self) -> int:
        return self.backend.read_end


class Screen:
    """A file that is standard output, of this process and of runs."""

    def __init__(self, directory: Path) -> None:
        self.environment: dict[str, str] = {}
        self._path = directory / "out.log"
        self.file = self._path.open("a", encoding="utf-8")

    def start(self) -> None:
        self._before, sys.stdout = sys.stdout, self.file

    def stop(self) -> None:
        if sys.stdout is self.file:
            sys.stdout = self._before
        self.file.close()

    def received(self) -> list[str]:
        return self._path.read_text(encoding="utf-8").splitlines()

    def answer(self, kind: str, *values: Any) -> None:
        raise NotImplementedError("standard output does not answer")


class TestStdoutOutput(OutputContract):
    backend: Screen
    config = 'stdout { codec => line { format => "%{message}" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": NO_CREDENTIALS,
        "a_target_that_is_away_at_the_start_is_waited_for": NO_TARGET,
        "a_connection_that_breaks_loses_nothing": NO_TARGET,
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "a descriptor never says when to come again",
        "refused_items_are_named_by_their_index": "a descriptor takes every item",
        "a_stop_does_not_wait_for_a_target_that_is_away": NO_TARGET,
    }

    def server(self, directory: Path) -> Screen:
        return Screen(directory)

    def standard_output(self) -> int:
        return self.backend.file.fileno()
