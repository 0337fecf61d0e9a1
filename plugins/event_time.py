"""What the runtime and the filters of event time tell each other: which partition of the input
events come from, how a run ends, and what is held.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, ClassVar, Literal, Protocol, Self

import msgspec

from ..dsl.reference import Event
from ..dsl.spec import PluginSpec

Ending = Literal["end", "keep", "stop"]
"""What becomes of what filters hold when a run ends: the inputs have ended, and all is emitted;
state is kept for the next start; there is no place for it, and it is emitted as parts.
"""


class Here(msgspec.Struct):
    """The partition that the events of the moment come from; None where that is not known.
    ``is_shared``: other processes may have other partitions, and with them events of a key.
    ``shard_of``: where state is kept with the partitions, gives the shard of one by its name in
    positions; ``shard`` is that of the moment.
    """

    partition: Hashable = None
    is_shared: bool = False
    shard_of: Callable[[str], str] | None = None
    shard: str = ""


class Seen(msgspec.Struct, frozen=True):
    """An event as a filter sees it, for a trace: its key, also as a text, its time, the side that
    it is of and the windows that it lies in; times in milliseconds.
    """

    key: Any
    key_text: str
    time: int
    spans: tuple[tuple[int, int], ...] = ()


class GivesColumns(Protocol):
    """A filter that may be given columns of events, made in another process, for the events."""

    def columns_of(self, events: list[Event]) -> list[list[Any]] | None:
        """What it needs of events; None where one of them goes on by itself."""
        ...

    def take_columns(self, columns: list[list[Any]]) -> list[Event] | None:
        """Take them in, and give the results; None where the events are needed, since one may be
        late: then nothing was taken in.
        """
        ...


class KeepsState(Protocol):
    """A filter whose state goes by the time of events, as the runtime sees it."""

    spec: ClassVar[PluginSpec]
    id: str | None
    ending: Ending
    leftover: Sequence[Event]
    here: Here
    begins_partial: bool
    """Whether what was held before was lost: results are parts until the first full window."""

    @property
    def name(self) -> str:
        """The filter's name in configurations."""
        ...

    def meaning(self) -> dict[str, str]:
        """The options that say what its state means, as texts."""
        ...

    def snapshot(self) -> dict[str, Any]:
        """What changed since the last call (all, at the first one) as plain data."""
        ...

    def restore(self, data: dict[str, Any]) -> None:
        """Go on from a snapshot; several are given in the order in which they were taken."""
        ...

    def note_changes(self) -> None:
        """What is held now is known: from now on, snapshots have what changes."""
        ...

    def forget_changes(self) -> None:
        """The next snapshot has all that is held."""
        ...

    def committed(self, seconds: float) -> None:
        """The last snapshot is on the disk, which took so long."""
        ...

    def begin_anew(self) -> None:
        """Forget all that is held."""
        ...

    @property
    def has_changed(self) -> bool:
        """Whether a snapshot would have something."""
        ...

    def divide(self) -> None:
        """Hold state by shard from now on, beginning with none."""
        ...

    def open_shard(self, name: str) -> Self:
        """The filter of a new shard, which holds nothing; what comes while ``here`` says that shard
        goes there.
        """
        ...

    def drop_shard(self, name: str) -> None:
        """Forget a shard, without a result."""
        ...

    def drain(self, reason: str) -> list[Event]:
        """All that is held, as parts of what there would have been; then nothing is."""
        ...

    @property
    def watermark(self) -> int:
        """How far time has come, in milliseconds."""
        ...

    @property
    def lateness_millis(self) -> int:
        """How long events out of order are waited for."""
        ...

    @property
    def late_events(self) -> int:
        """How many events came too late so far."""
        ...

    late_by: int
    """By how much the last of them did, in milliseconds."""

    def seen(self, event: Event) -> Seen | None:
        """An event as it will be taken in; None where it passes by. For a trace."""
        ...

    def is_part(self, seen: Seen, result: Event) -> bool:
        """Whether a result was made of an event. For a trace."""
        ...

    def begin_partitions(self, names: Iterable[Hashable]) -> None:
        """Make partitions known that have not begun: time waits for them."""
        ...

    def idle_partition(self, name: Hashable) -> list[Event]:
        """Wait for a partition no longer until it speaks again; what is due because of that."""
        ...

    def finish_partition(self, name: Hashable) -> list[Event]:
        """Wait for a partition no longer: it has ended; what is due because of that."""
        ...
