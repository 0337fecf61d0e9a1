"""Messages of channels: whoever listens gets them, and nobody keeps them.

It has neither acknowledgement nor back-pressure: while nothing is read, messages wait in the
system's buffers and in the server, which ends a connection that lags too far behind
(``client-output-buffer-limit pubsub``), and with it what was waiting.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import redis

from ..batch import Batch, Position
from ..clients.redis import asked, close
from ..contract import Outcome
from ._redis_source import Reading, Size, chunk_of

_SLICE = 0.1
_PING_AFTER = 10.0


class ChannelSource:
    """A channel, or all that a pattern matches. Raises Disconnected, Misconfigured."""

    def __init__(self, client: redis.Redis, reading: Reading, size: Size, is_pattern: bool) -> None:
        self._client, self._reading, self._size = client, reading, size
        self._listener = client.pubsub()  # type: ignore[no-untyped-call]
        subscribe = self._listener.psubscribe if is_pattern else self._listener.subscribe
        asked(subscribe, reading.key)
        self._heard = time.monotonic()

    def read(self, timeout: float) -> Batch | None:
        """What has come."""
        end = time.monotonic() + timeout
        while True:
            left = end - time.monotonic()
            message = self._message(min(_SLICE, max(left, 0.0)))
            if message is not None:
                return self._batch(message)
            if left <= 0 or self._reading.pause(0.0):
                return None

    def _message(self, wait: float) -> Any:
        """The next message that somebody published."""
        while True:
            found = asked(self._listener.get_message, timeout=wait)
            if found is None:
                self._ping()
                return None
            self._heard = time.monotonic()
            if found["type"] in ("message", "pmessage"):
                return found

    def _ping(self) -> None:
        """See whether a connection on which nothing comes is still there."""
        now = time.monotonic()
        if now - self._heard > _PING_AFTER:
            self._heard = now
            asked(self._listener.ping)

    def _batch(self, message: Any) -> Batch:
        values, channels = [message["data"]], [message["channel"]]
        for _ in range(self._reading.most() - 1):
            message = self._message(0.0)
            if message is None:
                break
            values.append(message["data"])
            channels.append(message["channel"])
        known = {name: _origin(name) for name in set(channels)}
        is_one = len(known) == 1
        origins = None if is_one else [known[name] for name in channels]
        origin = known[channels[0]] if is_one else {}
        chunk = chunk_of(values, origin, origins)
        batch = Batch(chunks=[chunk], bytes=len(chunk.data))
        self._size.note(batch, len(values))
        return batch

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """There is nobody to tell."""

    def tend(self) -> None:
        """Nothing is due: what comes waits in buffers."""

    def lag(self) -> int | None:
        """Nothing waits on the server."""
        return None

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()
        close(self._client)


def _origin(channel: bytes) -> Mapping[str, Any]:
    name = channel.decode("utf-8", "backslashreplace")
    return {"@metadata": {"redis_channel": name, "redis": {"key": name}}}
