"""Where a consumer begins in a stream, and whether that is still the stream it was.

A stream that was deleted and declared again counts from zero once more, and the server keeps silent
when it is asked for an offset that is not there yet. So a consumer that goes on asks for the last
message that it had: the server must give that one at once, or, where it was removed by then, one
behind it. If nothing comes, and the stream has fewer messages than were read of it, it is another
one, and is read from its beginning.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..batch import Position
from ..contract import Misconfigured
from ..rate_limit import PluginLog
from ._rabbitmq_messages import Message

_SILENCE = 3.0
_LOOKS = 2


class StreamStart:
    """``stream``: its id in positions; ``asked``: the offset to ask the server for. ``position``:
    up to where it was delivered, with a negative offset where it was not read yet; ``first``: where
    to begin then; ``count`` says how many messages the stream has.
    """

    def __init__(self, position: Position, first: Any, count: Callable[[], int]) -> None:
        self.stream = position.incarnation
        self._wanted = max(0, position.offset)
        self.asked: Any = self._wanted - 1 if self._wanted else first
        self._count = count
        self._is_settled = not self._wanted
        self._looks, self._looked = 0, time.monotonic()

    def of(self, messages: list[Message], name: str, log: PluginLog) -> list[Message]:
        """The messages that were asked for. Raises Misconfigured where they are not of a stream."""
        offset = messages[0].stream_offset
        if offset is None:
            raise Misconfigured("arguments", f"`{name}` is not a stream")
        if self._is_settled:
            return messages
        if offset > self._wanted:
            text = "%d messages were removed from the stream `%s` before they were read"
            log.warning(text, offset - self._wanted, name)
        wanted = [each for each in messages if (each.stream_offset or 0) >= self._wanted]
        self._is_settled = bool(wanted) or offset >= self._wanted - 1
        return wanted

    def is_another(self) -> bool:
        """Whether the stream is not the one that was read before; asked while nothing comes."""
        now = time.monotonic()
        if self._is_settled or now - self._looked < _SILENCE:
            return False
        self._looked = now
        # How many there are is known to the server a moment late: one look would not do.
        self._looks = self._looks + 1 if self._count() < self._wanted else 0
        return self._looks >= _LOOKS
