"""What the input and the output of one pipeline tell each other where it is exactly once: the group
whose offsets the output commits, and that both talk to one cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from confluent_kafka import TopicPartition

from ..batch import Position
from ..contract import Context, Disconnected, Misconfigured

_KEY = "kafka, exactly once"


def topic_and_number(partition: str) -> tuple[str, int]:
    """The topic and the number of a partition, by its name in positions."""
    topic, _, number = partition.rpartition("-")
    return topic, int(number)


class Group(Protocol):
    """A member of a consumer group; called from any thread."""

    def group_metadata(self) -> Any:
        """What shows that it is a member, and of which generation."""
        ...

    def assignments(self) -> dict[str, int]:
        """Its partitions, each with a number that is another with each assignment."""
        ...

    def place(self, name: str, position: Position) -> TopicPartition | None:
        """A position as the client library says it; None for a partition that has gone."""
        ...


class TransactionLink:
    """``group`` and ``instance`` are the input's options; ``member`` is there while it is
    connected.
    """

    def __init__(self) -> None:
        self.group = ""
        self.instance: str | None = None
        self.member: Group | None = None
        self._cluster: str | None = None

    def meet(self, cluster: str | None) -> None:
        """Each says, when it is connected, which cluster that is. Raises Misconfigured for the
        second, where it is another.
        """
        if self._cluster is None:
            self._cluster = cluster
        elif cluster is not None and cluster != self._cluster:
            raise Misconfigured(
                "bootstrap_servers",
                "input and output talk to different clusters, which no transaction spans",
                "remove `exactly_once` from both",
            )

    def assignments(self) -> dict[str, int]:
        """The partitions that are read here now; see ``Changelog``."""
        member = self.member
        return {} if member is None else member.assignments()

    def group_metadata(self) -> Any:
        """What the member shows to its group; None while there is none."""
        return None if self.member is None else self.member.group_metadata()

    def check(self, assignments: Mapping[str, int]) -> None:
        """Raise Disconnected where partitions are not those that were assigned then."""
        now = self.assignments()
        for name, number in assignments.items():
            if now.get(name) != number:
                raise Disconnected(f"{name} has been assigned again")

    def places(self, positions: Mapping[str, Position]) -> list[TopicPartition]:
        """Positions as offsets to commit; raises Disconnected where a partition has gone."""
        member = self.member
        found = []
        for name, position in positions.items():
            place = None if member is None else member.place(name, position)
            if place is None:
                raise Disconnected(f"{name} has gone to another process")
            found.append(place)
        return found


def link_of(context: Context) -> TransactionLink:
    """The link of a pipeline."""
    found: TransactionLink = context.shared(_KEY, TransactionLink)
    return found
