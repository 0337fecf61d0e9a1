"""The contract of inputs: sources that are read (``Input``) and sources that are talked to
(``Listener``).

Threads are the runtime's business: the methods of an input are called one at a time, in one thread,
except ``wake`` and, where ``settles_anywhere``, ``settle``. The runtime bounds how many batches are
under way, connects again with back-off, and keeps for each partition the position behind which
everything is settled; the input says where its events come from and does what its source calls an
acknowledgement.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from ..dsl.reference import Event
from .batch import Batch, Position
from .codec import Codec, made_codec
from .declaration import option
from .former import FORMAT
from .plugin import Plugin

CHUNK_BYTES = 1 << 15
"""What becomes a batch of events: more than 32 KiB falls out of a cache of half a megabyte."""


class Outcome(NamedTuple):
    """How a batch ended: its token, and why it was not delivered, or None where it was."""

    token: Any
    error: Exception | None


class Input(Plugin):
    """A source of events that is read. One that ``streams`` gets bytes without borders: there, the
    codec json means json_lines and plain means line.
    """

    former = FORMAT

    section = "input"
    default_codec: ClassVar[str] = "plain"
    streams: ClassVar[bool] = False
    reads_lines: ClassVar[bool] = False
    """Whether a codec of payloads, such as json, takes each line of its streams for one."""

    completes: ClassVar[bool] = False
    """Whether the events of its batches have ``@timestamp`` and ``@version`` already: those of
    ``Codec.complete`` do.
    """

    replays: bool = False
    """Whether what was not acknowledged can be had again, from the source or at the next start; set
    in ``prepare`` at the latest.
    """

    exclusive: ClassVar[bool] = False
    """Whether two of it cannot live side by side, for a port, a lock or a client id: a reload then
    closes the old one before the new one opens.
    """

    reloads: ClassVar[bool] = True
    """Whether it can go on in a new pipeline where it was in the old one."""

    local: ClassVar[bool] = False
    """Whether it needs no thread of its own: reading never waits long, and nothing is lost or ended
    where it is not tended for a while.
    """

    grouped: bool = False
    """Whether other processes may read other partitions of the same source: a key is then to come
    in one partition only, where filters keep state by it. Set in ``prepare`` at the latest.
    """

    scattered: str | None = None
    """The option because of which partitions with one number, of several topics, may be read by
    different processes; set in ``prepare``. Then no filter can keep state of them by partition.
    """

    alone: bool = False
    """Whether filters keep state that other processes lack; set by the runtime before ``connect``.
    An input whose source several processes may share out then refuses to be one of them.
    """

    settles_anywhere: ClassVar[bool] = False
    """Whether ``settle`` may be called from any thread, so that it need not wait for a read."""

    prompt: bool = False
    """Whether somebody waits for each acknowledgement, so that a disk queue is to be synced at once
    and not after a time; set in ``prepare`` at the latest.
    """

    awaits_outputs: bool = False
    """Whether its batches count as delivered when the outputs have them even where a disk queue
    stands in between; set in ``prepare`` at the latest.
    """

    add_field: dict[str, Any] = option(
        "Fields to add to every event.", default={}, common=True, literal=True
    )
    tags: list[str] = option("Tags to give every event.", default=[], common=True)
    type: str | None = option(
        "A value for the field `type`, where an event has none.", default=None, common=True
    )
    codec: Any = option("How bytes become events.", default=None, kind="codec", common=True)
    max_in_flight: int = option(
        "The most batches that are read and not yet acknowledged; above it nothing is read.",
        default=256,
        at_least=1,
        common=True,
    )

    decorate: Callable[[Event], None] | None = None
    """Applies type, tags and add_field; None when there is nothing to apply."""

    chunk_bytes: int = CHUNK_BYTES
    """How many bytes a chunk should have; the runtime sets it before ``open``: larger with
    workers.
    """

    @property
    def bounded(self) -> bool:
        """Whether it ends by itself."""
        return False

    def partition_counts(self) -> Mapping[str, int]:
        """How many partitions each of its topics has; asked for where it is ``grouped``, once it is
        connected.
        """
        return {}

    def total_bytes(self) -> int | None:
        """How much there is to read in all, where that is known before; for the progress line."""
        return None

    def found(self) -> list[tuple[str, int]]:
        """The files that there are now with their sizes, in the order in which they are read; for
        whoever reads files without this input, on several machines.
        """
        raise NotImplementedError(f"the input `{self.name}` does not read files")

    def codec_of(self, path: str) -> Codec:
        """A codec with the origin of a file, for all of its content."""
        raise NotImplementedError(f"the input `{self.name}` does not read files")

    def decoder(self) -> Codec | None:
        """The codec that decodes its chunks; None where its batches carry events. Asked for after
        ``prepare``, and the answer stays.
        """
        return None

    @property
    def rests(self) -> bool:
        """Whether nothing becomes due for it while it waits, so that one read may wait for a minute
        and not for a second: an idle process then sleeps.
        """
        return False

    def connect(self) -> None:
        """Make the connection to the source. Called before the first read and after Disconnected,
        with back-off, and without a ``close`` in between: let go of the old client first. Raises
        Disconnected or OSError where the source is not there yet, Misconfigured.
        """

    def probe(self) -> None:
        """Try whether the source can be reached, for ``penstock check --connect``: after ``open``,
        before ``close``. To be overridden where ``connect`` does nothing, since each request makes
        a connection of its own. Raises as ``connect``.
        """
        self.connect()

    def resume(self, positions: Mapping[str, Position]) -> None:
        """Begin behind these positions, by partition, where the source can; called after each
        ``connect`` where the runtime knows better than the source.
        """

    def runs_dry(self) -> bool:
        """Whether the source soon gives no more unless batches are settled, such as where half of a
        prefetch is used up: what they wait for is then committed. Asked before each read; it is
        said once for each such half.
        """
        return False

    def read(self, timeout: float) -> Batch | None:
        """What came, waiting for it up to so many seconds; None where nothing did. ``wake`` ends
        the wait. Raises Disconnected, EndOfInput.
        """
        raise NotImplementedError(f"the input `{self.name}` has no method `read`")

    def flush(self) -> Batch | None:
        """What it holds of streams, and can be given without cutting anything in two; called once
        when the run stops, behind the last read, but not after EndOfInput. What it raises is
        logged, and what it holds is then not given.
        """
        return None

    def wake(self) -> None:
        """End a read that waits, from any thread; called again and again it must stay cheap."""

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """Acknowledge: batches that have ended, and for each partition that moved the position
        behind which all is settled.

        An outcome with an error is to be given again, with all behind it in its partitions. A token
        of an older connection is to be ignored. What it raises is logged and fails no output;
        behind Disconnected or an OSError it is connected again, anything else is tried again with
        the next batch.
        """

    def tend(self, timeout: float) -> None:
        """Do what the source expects while nothing may be read: heartbeats, leases, visibility.
        Called at least once a second then. While reads go on it is not called: whoever has leases
        renews them in ``read`` too, which is called about once a second. What it raises is an
        outage: the source is connected again.
        """

    def new_codec(self, origin: Mapping[str, Any] | None = None) -> Codec:
        """A codec for a new stream of this input; ``origin`` as in ``Codec``."""
        made = made_codec(self.context, self.codec or self.default_codec, self.streams)
        made.of_lines = self.reads_lines
        return made.stream(origin)


Answer = Callable[[Exception | None], None]
"""Told once how a batch ended, from any thread; it must return at once."""


class Emit(Protocol):
    """What a listener hands its batches to."""

    def __call__(self, batch: Batch, answer: Answer | None = None) -> bool:
        """Take a batch; False, without waiting, where too many are under way: answer 429, stop
        accepting, send keep-alives. ``answer`` is called when the batch was delivered or failed.
        """
        ...

    def when_free(self, callback: Callable[[], None]) -> None:
        """Call back, once, from any thread, when a batch may be taken again."""
        ...

    @property
    def is_stopping(self) -> bool:
        """Whether the pipeline is to stop. It takes batches of a listener that ``holds`` until that
        calls ``end``, and of others none.
        """
        ...

    def end(self) -> None:
        """A listener that ``holds`` has emitted all that it held."""
        ...


class Listener(Input):
    """A source that is talked to: it serves connections and emits what they bring.

    ``connect`` takes the port (Misconfigured where it is taken); ``serve`` runs in a thread of its
    own until ``stop`` is set. ``emit`` may be called from any thread.
    """

    exclusive = True

    holds: ClassVar[bool] = False
    """Whether it takes in what nobody sends again, such as lines of a TCP connection. When the
    pipeline is to stop, ``wake`` is called, and it emits what it holds, then calls ``emit.end``.
    """

    def serve(self, emit: Emit, stop: threading.Event) -> None:
        """Serve until ``stop`` is set; returns soon after ``wake`` then. What it raises is an
        outage, after which it is connected and called again, with back-off; Misconfigured ends the
        run where it has never worked.
        """
        raise NotImplementedError
