"""What the ways to read from Redis have in common: a connection, what is asked of it, batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

from ..batch import Batch, Chunk, Position
from ..codec import Codec
from ..context import Context
from ..contract import Outcome

_FEWEST, _MOST = 16, 1000


class Reading(NamedTuple):
    """How a source reads. ``most``: how many entries a batch has; ``claim_after``: seconds without
    a sign of life after which a consumer counts as dead; ``pause`` waits so many seconds, or until
    it is woken, and says whether it was; ``codec`` decodes what has to be decoded at once;
    ``renamed``: commands that have other names on this server.
    """

    context: Context
    key: str
    most: Callable[[], int]
    pause: Callable[[float], bool]
    claim_after: float
    codec: Codec
    renamed: Mapping[str, str]


class Source(Protocol):
    """A connection that entries are read from; made anew after each that broke."""

    def read(self, timeout: float) -> Batch | None:
        """As of ``Input``."""
        ...

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """As of ``Input``."""
        ...

    def tend(self) -> None:
        """As of ``Input``."""
        ...

    def lag(self) -> int | None:
        """Entries that are not acknowledged yet; None where the server does not tell."""
        ...

    def close(self) -> None:
        """Give back what is not acknowledged, as far as the server is there."""
        ...


class Size:
    """How many entries make a batch: what was asked for, or about as many bytes as suit the
    runtime.
    """

    def __init__(self, usual: int, is_fixed: bool) -> None:
        self._usual, self._is_fixed, self._bytes = usual, is_fixed, 0.0

    def note(self, batch: Batch, count: int) -> None:
        """A batch of so many entries was read."""
        self._bytes = max(1.0, batch.bytes / max(1, count))

    def most(self, chunk_bytes: int) -> int:
        """How many to read next."""
        if self._is_fixed or not self._bytes:
            return self._usual
        return max(_FEWEST, min(_MOST, int(4 * chunk_bytes / self._bytes)))


def chunk_of(
    values: Sequence[bytes],
    origin: Mapping[str, Any],
    origins: Sequence[Mapping[str, Any]] | None = None,
    owned: bool = False,
) -> Chunk:
    """Whole payloads as one chunk."""
    ends = list(accumulate(map(len, values)))
    return Chunk(b"".join(values), origin, 0, ends, origins, owned)
