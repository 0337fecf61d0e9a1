"""Entries of a list, which stay in the server until the outputs have them.

A script moves them, many at once, to the end of a *processing list*, and gives them. That list is
a log of what is under way: a position is how many entries have gone into it, an acknowledgement
cuts it at its front, a failed batch is read from it again. What is in there when its consumer dies
goes back to the front of the list that it came from.

The hard part is who owns it. Each connection is a consumer of its own, in a sorted set with the
time of its last sign of life. Whoever takes over a consumer's entries removes it from the set in
the same script, and the scripts of a consumer that is not in there do nothing: one that was
believed dead, and is not, hears that it is gone, and can neither move nor acknowledge what is
another's now. The same holds where the processing list is not as long as it should be: the server
has forgotten the last second when it died, and positions mean something else.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import redis

from ..batch import Batch, Part, Position
from ..clients.redis import asked, close
from ..contract import Disconnected, Outcome
from ._redis_source import Reading, Size, chunk_of

_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1
_SIGNS = 6.0

_ALIVE = """
if ARGV[2] ~= 'new' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return false end
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
return 1
"""
_MOVE = """
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) then return false end
if redis.call('LLEN', KEYS[2]) ~= tonumber(ARGV[3]) then return false end
local found = redis.call('LRANGE', KEYS[1], 0, ARGV[2] - 1)
for i = 1, #found, 1000 do
  redis.call('RPUSH', KEYS[2], unpack(found, i, math.min(i + 999, #found)))
end
if #found > 0 then redis.call('LTRIM', KEYS[1], #found, -1) end
return found
"""
_ACKNOWLEDGE = """
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return false end
if redis.call('LLEN', KEYS[1]) ~= tonumber(ARGV[3]) then return false end
redis.call('LTRIM', KEYS[1], ARGV[2], -1)
return 1
"""
_GIVE_BACK = """
local seen = redis.call('ZSCORE', KEYS[3], ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if seen and now - seen < tonumber(ARGV[2]) then return 0 end
local count = 0
while redis.call('RPOPLPUSH', KEYS[2], KEYS[1]) do count = count + 1 end
redis.call('ZREM', KEYS[3], ARGV[1])
return count
"""
_GONE = "the entries under way were taken over by another consumer, or forgotten by the server"


class ListSource:
    """A list, read as a consumer of a name. ``abandoned``: names whose entries are to be taken over
    at once. Raises Disconnected, Misconfigured.
    """

    def __init__(
        self,
        client: redis.Redis,
        reading: Reading,
        size: Size,
        name: str,
        abandoned: Iterable[str],
    ) -> None:
        self._client, self._reading, self._size = client, reading, size
        self._name = name
        self._id = f"{name}/{uuid4().hex[:12]}"
        tagged = reading.key if "{" in reading.key else f"{{{reading.key}}}"
        self._prefix = f"{tagged}:penstock:processing:"
        self._consumers = f"{tagged}:penstock:consumers"
        self._busy = self._prefix + self._id
        scripts = (_ALIVE, _MOVE, _ACKNOWLEDGE, _GIVE_BACK)
        registered = [client.register_script(_named(each, reading.renamed)) for each in scripts]
        self._alive, self._move, self._acknowledge, self._give_back = registered
        self._first = self._next = self._end = 0
        self._is_owner = True
        self._give_sign("new")
        asked(client.lrange, reading.key, 0, 0)  # whether the key holds a list
        self._take_over({name, *abandoned})

    def _give_sign(self, how: str = "") -> None:
        if not asked(self._alive, [self._consumers], [self._id, how]):
            raise self._disowned()
        self._signed = time.monotonic()

    def _disowned(self) -> Disconnected:
        self._is_owner = False
        return Disconnected(_GONE)

    def _take_over(self, names: set[str]) -> None:
        """Give back what dead consumers had, at once what those of these names had."""
        for member, _ in asked(self._client.zrange, self._consumers, 0, -1, withscores=True):
            other = member.decode("utf-8", "surrogateescape")
            if other == self._id:
                continue
            is_known = other.rpartition("/")[0] in names
            patience = 0 if is_known else int(self._reading.claim_after * 1000)
            self._give_back_of(other, patience)

    def _give_back_of(self, consumer: str, patience: int) -> None:
        keys = [self._reading.key, self._prefix + consumer, self._consumers]
        count = asked(self._give_back, keys, [consumer, patience])
        if count and consumer != self._id:
            text = "%d entries of `%s` were not acknowledged and are read again"
            self._reading.context.log.info(text, count, consumer)

    def read(self, timeout: float) -> Batch | None:
        """The next entries; those that failed first."""
        self.tend()
        if self._next < self._end:
            return self._batch(self._again())
        end = time.monotonic() + timeout
        pause = _FIRST_PAUSE
        while True:
            found = self._moved()
            if found:
                return self._batch(found)
            left = end - time.monotonic()
            if left <= 0 or self._reading.pause(min(pause, left)):
                return None
            pause = min(2 * pause, _LONGEST_PAUSE)

    @property
    def _held(self) -> int:
        """How long the processing list is, unless the server has forgotten a part of it."""
        return self._end - self._first

    def _moved(self) -> list[bytes]:
        keys = [self._reading.key, self._busy, self._consumers]
        found = asked(self._move, keys, [self._id, self._reading.most(), self._held])
        if found is None:
            raise self._disowned()
        self._end += len(found)
        moved: list[bytes] = found
        return moved

    def _again(self) -> list[bytes]:
        start = self._next - self._first
        last = min(start + self._reading.most(), self._end - self._first) - 1
        found: list[bytes] = asked(self._client.lrange, self._busy, start, last)
        if len(found) != last - start + 1:
            raise self._disowned()
        return found

    def _batch(self, values: list[bytes]) -> Batch:
        start = self._next
        self._next += len(values)
        key = self._reading.key
        part = Part(key, Position(self._id, self._next))
        origin: Mapping[str, Any] = {"@metadata": {"redis": {"key": key}}}
        chunk = chunk_of(values, origin)
        batch = Batch(chunks=[chunk], token=(self._id, start), parts=[part], bytes=len(chunk.data))
        self._size.note(batch, len(values))
        return batch

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        """Cut off what is settled, and go back to what has failed."""
        failed = [t[1] for t, error in outcomes if error is not None and t[0] == self._id]
        if failed:
            self._next = min(self._next, *failed)
        position = behind.get(self._reading.key)
        if position is None or position.incarnation != self._id:
            return
        count = position.offset - self._first
        if count > 0:
            self._cut(count)

    def _cut(self, count: int) -> None:
        done = asked(
            self._acknowledge, [self._busy, self._consumers], [self._id, count, self._held]
        )
        if not done:
            raise self._disowned()
        self._first += count

    def tend(self) -> None:
        """Give a sign of life, and look after the dead, now and then."""
        if not self._is_owner:
            raise Disconnected(_GONE)
        now = time.monotonic()
        if now - self._signed < self._reading.claim_after / _SIGNS:
            return
        self._give_sign()
        self._take_over(set())

    def lag(self) -> int | None:
        """Entries of the list, and those that are under way here."""
        waiting: int = asked(self._client.llen, self._reading.key)
        return waiting + self._held

    def close(self) -> None:
        """Give back what is not acknowledged."""
        with contextlib.suppress(Exception):
            if self._is_owner:
                self._give_back_of(self._id, 0)
        close(self._client)


def _named(script: str, renamed: Mapping[str, str]) -> str:
    """A script whose commands have the names that the server knows."""
    for old, new in renamed.items():
        script = script.replace(f"'{old.upper()}'", f"'{new}'")
    return script
