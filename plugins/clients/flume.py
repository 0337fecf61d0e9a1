"""What Flume's two protocols have in common: events with headers, calls with several of them, and
a status as the answer.

Both are spoken from both sides. A server *receives* calls, one after another, and answers each; a
client makes calls, each with a serial number, and *feeds* what comes back to learn the answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ...dsl.diagnostics import PenstockError

OK, FAILED = "OK", "FAILED"

MOST_EVENTS = 100_000
"""As many events a call may have: one of Avro takes two bytes, and hundreds when it is read."""

Read = Callable[[int], Awaitable[bytes]]
"""Reads exactly so many bytes; raises IncompleteReadError."""

Expect = Callable[[int], Awaitable[None]]
"""Told how many bytes of a call are read next; raises what ends the connection."""


class ProtocolError(PenstockError):
    """The other end does not speak the protocol."""


def check_count(count: int) -> None:
    """Raise ProtocolError where a call says that it has too many events."""
    if count > MOST_EVENTS:
        raise ProtocolError(f"a call has more than {MOST_EVENTS} events")


class Sent(NamedTuple):
    """An event."""

    headers: Mapping[str, str]
    body: bytes


class Call(NamedTuple):
    """A call that came. ``reply`` makes the bytes of its answer, of a status."""

    events: Sequence[Sent]
    reply: Callable[[str], bytes]


class Answer(NamedTuple):
    """An answer that came: to which call, and its status; or why the server could not do it."""

    serial: int
    status: str
    error: str = ""


class Server(Protocol):
    """One connection of a server."""

    async def receive(self, read: Read, expect: Expect) -> Call:
        """The next call. Raises ProtocolError."""
        ...


class Client(Protocol):
    """One connection of a client."""

    def hello(self, serial: int) -> bytes:
        """A call without events that begins a connection; nothing where there is none."""
        ...

    def call(self, serial: int, items: Sequence[bytes]) -> bytes:
        """A call with encoded events."""
        ...

    def feed(self, data: bytes) -> list[Answer]:
        """The answers that are complete with these bytes. Raises ProtocolError."""
        ...


Encode = Callable[[Mapping[str, str], bytes], bytes]
"""An event's headers and body as an item of a call."""
