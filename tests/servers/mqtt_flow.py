"""A pipeline that reads topics of MQTT and writes lines of JSON, with what came in ``[@metadata]``."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mqtt_peer import Peer
from .penstock_process import Penstock
from .written import events_in, size_of


class Reading:
    """``name``: of a pipeline with a data directory of its own; ``filters``: more filters."""

    def __init__(self, directory: Path, options: str, name: str = "reads", filters: str = "") -> None:
        self._directory, self.path, self._name = directory, directory / f"{name}.arrived", name
        metadata = f'filter {{ mutate {{ copy => {{ "[@metadata]" => "meta" }} }} {filters} }}'
        self._config = f'input {{ mqtt {{ host => "127.0.0.1" {options} }} }}\n{metadata}\noutput {{ file {{ path => "{self.path}" }} }}'

    def process(self, *options: str) -> Penstock:
        return Penstock(self._directory, self._config, *options, name=self._name)

    def events(self) -> list[Any]:
        return events_in(self.path)

    def size(self) -> int:
        """How many bytes have arrived."""
        return size_of(self.path)

    def messages(self) -> set[str]:
        """The messages that came, but for those that asked whether it listens."""
        return {event.get("message", "") for event in self.events()} - {"hello"}

    def listens(self, run: Penstock, peer: Peer, topic: str) -> None:
        """Wait until what is published arrives: from then on the broker has its session."""
        count = len(self.events())

        def hears() -> bool:
            peer.publish(topic, ["hello"])
            return len(self.events()) > count

        run.until(hears, "it listens")

    def all(self, run: Penstock, holds: Callable[[list[Any]], bool], what: str) -> list[Any]:
        """What has come when something holds."""
        run.until(lambda: holds(self.events()), what)
        return self.events()


def write(directory: Path, options: str, lines: list[str], *more: str, name: str = "writes") -> str:
    """Publish lines of JSON through a pipeline; what it said."""
    config = f'input {{ stdin {{ codec => json_lines }} }}\noutput {{ mqtt {{ host => "127.0.0.1" {options} }} }}'
    with Penstock(directory, config, *more, name=name, stdin="".join(f"{line}\n" for line in lines).encode()) as run:
        assert run.wait() == 0, run.said()
        return run.said()
