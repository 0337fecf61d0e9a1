"""The contract of connectors, shown with the connectors that Penstock has."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from penstock.dsl.settings import settled
from penstock.pipeline.delivery.dead_letter_writer import DeadLetterWriter
from penstock.plugins.inputs.generator import Generator
from penstock.testing.connectors import InputContract, OutputContract

NO_SERVER = "it reads the file system: no server"
LOCAL = {
    "wrong_credentials_are_said_at_their_option": "it asks for no credentials",
    "tokens_of_an_older_connection_are_ignored": NO_SERVER,
    "a_server_that_is_away_at_the_start_is_waited_for": NO_SERVER,
    "a_server_that_dies_in_the_middle_loses_nothing": NO_SERVER,
}


class Directory:
    """A directory in the place of a server."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {"DIRECTORY": str(directory)}

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Lines(Directory):
    def put(self, messages: Sequence[str]) -> None:
        with (self.directory / "in.log").open("a", encoding="utf-8") as file:
            file.write("".join(f"{message}\n" for message in messages))


class DeadLetters(Directory):
    _writer: DeadLetterWriter | None = None

    def put(self, messages: Sequence[str]) -> None:
        if self._writer is None:
            settings = {"path.dead_letter_queue": str(self.directory / "letters"), "dead_letter_queue.flush_interval": 1000}
            self._writer = DeadLetterWriter(settled(settings))
        for message in messages:
            self._writer.write(Generator({}), [{"message": message}], "it is wanted")

    def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()


class TestFileInput(InputContract):
    config = 'file { path => "${DIRECTORY}/in.log" start_position => "beginning" sincedb_path => "${DIRECTORY}/sincedb" stat_interval => 0.02 }'
    absent = LOCAL

    def server(self, directory: Path) -> Lines:
        return Lines(directory)


class TestDeadLetterQueueInput(InputContract):
    flood, flood_bytes = 8192, 8192
    config = 'dead_letter_queue { path => "${DIRECTORY}/letters" sincedb_path => "${DIRECTORY}/sincedb" }'
    absent = LOCAL

    def server(self, directory: Path) -> DeadLetters:
        (directory / "letters").mkdir(exist_ok=True)
        return DeadLetters(directory)


class Written(Directory):
    def received(self) -> list[str]:
        path = self.directory / "out.log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def answer(self, kind: str, *values: object) -> None:
        raise NotImplementedError("a file does not answer")


class TestFileOutput(OutputContract):
    config = 'file { path => "${DIRECTORY}/out.log" codec => line { format => "%{message}" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": "it asks for no credentials",
        "a_target_that_is_away_at_the_start_is_waited_for": "it writes to the file system",
        "a_connection_that_breaks_loses_nothing": "it writes to the file system",
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "a file never says when to come again",
        "refused_items_are_named_by_their_index": "a file takes every item",
        "a_stop_does_not_wait_for_a_target_that_is_away": "it writes to the file system",
    }

    def server(self, directory: Path) -> Written:
        return Written(directory)
