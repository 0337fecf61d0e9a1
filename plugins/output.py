"""The contract of outputs: events are packed where they were filtered, and delivered from there.

``pack`` runs in the worker and makes plain data; the runtime joins what waits, keeps the order of
each lane, bounds what is in flight, and decides by the error that ``deliver`` raises (see
``errors``) what happens next. ``connect``, ``deliver`` and ``tend`` are called one at a time. Where
``max_in_flight`` is more than one, and the output is not ``pipelined``, so many threads call them:
``connect`` is still alone with itself, ``deliver`` and ``tend`` may overlap with anything.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ..dsl.reference import Event
from .batch import Payload
from .codec import Codec, made_codec
from .declaration import Bytes, Duration, option
from .plugin import Plugin

if TYPE_CHECKING:
    from concurrent.futures import Future


class Batching(NamedTuple):
    """How much of what waits becomes one request: up to so many bytes and events; the oldest waits
    for more no longer than ``age`` seconds.
    """

    bytes: int = 4 << 20
    events: int = 10_000
    age: float = 0.0


class Output(Plugin):
    """A target of events."""

    section = "output"
    default_codec: ClassVar[str] = "plain"

    batching: ClassVar[Batching] = Batching()

    immediate: ClassVar[bool] = False
    """Whether ``deliver`` only hands bytes to the operating system: a single output of this kind is
    delivered to where its events are filtered, without a buffer and a thread.
    """

    pipelined: ClassVar[bool] = False
    """Whether ``deliver`` answers at once with a Future, since its client keeps order by
    itself: one thread then has up to ``max_in_flight`` requests under way.
    """

    exclusive: bool = False
    """Whether two of it cannot live side by side; as of inputs, set in ``prepare`` at the latest.
    """

    identified_by: ClassVar[str] = ""
    """The option that gives an event an identity at the target, so that the same one delivered
    twice is there once; nothing where there is none.
    """

    ends_with_its_reader: ClassVar[bool] = False
    """Whether a broken pipe says that nobody wants its events any more, so that the run ends,
    without an error.
    """

    codec: Any = option("How events become bytes.", default=None, kind="codec", common=True)
    buffer_size: Bytes = option(
        "How many bytes of events may wait in memory for this output, where there are several, or"
        " `when_full` is not `block`.",
        default=Bytes(16 << 20),
        common=True,
    )
    when_full: str = option(
        "What happens to events when so much waits: all wait (`block`), they go to disk and come"
        " later, in order (`spill`), some are dropped, counted and logged, or go to the dead"
        " letters (where there are none they are dropped).",
        default="block",
        choices=("block", "spill", "drop_oldest", "drop_newest", "dead_letter"),
        common=True,
    )
    spill_max_bytes: Bytes = option(
        "How much may wait on disk with `when_full => spill`; then all wait. Give the output an"
        " `id`: its directory is named after it, else after its options, and is not found"
        " again when they are changed.",
        default=Bytes(1 << 30),
        common=True,
    )
    workers: int = option(
        "Ignored.", default=1, deprecated="remove it: it has no effect", common=True
    )
    type: str | None = option(
        "Removed.", default=None, obsolete="use a conditional around the output", common=True
    )
    tags: list[str] = option(
        "Removed.", default=[], obsolete="use a conditional around the output", common=True
    )
    exclude_tags: list[str] = option(
        "Removed.", default=[], obsolete="use a conditional around the output", common=True
    )

    batch_bytes: Bytes | None = option(
        "The most bytes that become one request.", default=None, at_least=1, common=True
    )
    batch_events: int | None = option(
        "The most events that become one request; no more than `pipeline.batch.size`, where that "
        "is set.",
        default=None,
        at_least=1,
        common=True,
    )
    batch_age: Duration | None = option(
        "How long an event may wait for others to fill a request.",
        default=None,
        at_least=0,
        common=True,
    )
    max_in_flight: int = option(
        "How many requests may be under way at once; more than one keep the order of events only "
        "where the output says so.",
        default=1,
        at_least=1,
        common=True,
    )
    attempts: int = option(
        "How often a delivery is tried that fails for a reason the output does not know; then its "
        "events go to the dead letters.",
        default=5,
        at_least=1,
        common=True,
    )

    def pack(self, events: list[Event]) -> list[Payload]:
        """What ``deliver`` needs of a batch, as plain data: bytes, or lists of texts, numbers,
        instants and dicts. It may go through another process or to disk. Runs where events are
        filtered; they are shared and must be left as they are. Where it raises, it is called for
        each event alone, and one for which it raises again goes to the dead letters.
        """
        return [Payload(events, events)]

    def plain_encoding(self) -> tuple[Codec, Hashable] | None:
        """Where ``pack`` does no more than encode a batch as one payload: the codec and the
        lane.
        """
        return None

    def join(self, payloads: Sequence[Payload]) -> Payload:
        """Several payloads of one lane as one request; item i is event i over all of them."""
        data = [payload.data for payload in payloads]
        is_bytes = isinstance(data[0], bytes)
        whole: Any = b"".join(data) if is_bytes else [item for items in data for item in items]
        return Payload(whole, None, payloads[0].lane, sum(payload.count for payload in payloads))

    def joins(self, payload: Payload) -> bool:
        """Whether a payload can be joined with others of its lane."""
        return type(payload.data) in (bytes, list)

    def select(self, payload: Payload, indexes: Sequence[int]) -> Payload:
        """A part of a payload, for a second try. An output that raises Retry or Rejected with
        indexes has lists as data, or its own way to take a part.
        """
        return Payload([payload.data[i] for i in indexes], None, payload.lane, len(indexes))

    def connect(self) -> None:
        """Make the connection to the target. Called before the first delivery and after
        Disconnected, with back-off, for as long as it takes; let go of the old client first. Raises
        Disconnected or OSError where the target is not there, Misconfigured.
        """

    def probe(self) -> None:
        """Try whether the target can be reached, for ``penstock check --connect``; as of inputs."""
        self.connect()

    def deliver(self, payload: Payload) -> Future[None] | None:
        """Hand a payload over, and leave it as it is. Returns when the target has it, or at once
        with a Future where the client keeps order by itself. Raises the errors of ``errors``.
        """
        raise NotImplementedError(f"the output `{self.name}` has no method `deliver`")

    def tend(self, timeout: float) -> None:
        """Do what is due while nothing is delivered: delivery reports, heartbeats, rotation by
        time. Called at least once a second then, if a subclass has it. Where it raises Disconnected
        or an OSError the output is connected again; anything else is only logged.
        """

    @property
    def tending_is_due(self) -> bool:
        """Whether ``tend`` may have something to do before the next delivery; otherwise the thread
        sleeps.
        """
        return True

    def write(self, events: list[Event]) -> None:
        """Pack and deliver a batch; the runtime puts its own way in this place."""
        for payload in self.pack(events):
            self.deliver(payload)

    def new_codec(self) -> Codec:
        """The codec of this output."""
        return made_codec(self.context, self.codec or self.default_codec)
