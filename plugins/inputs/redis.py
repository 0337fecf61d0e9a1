"""The input redis: a list, a stream or channels.

The parts: ``_redis_list``, ``_redis_stream``, ``_redis_channel`` (each way to read),
``_consumer_names`` (who a consumer is after a crash) and ``clients.redis`` (the connection).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping, Sequence

import redis

from ..batch import Batch, Position
from ..clients.redis import RedisClient, RedisOptions, close
from ..codec import Codec
from ..contract import Disconnected, Input, Misconfigured, Outcome
from ..declaration import Duration, option
from ._consumer_names import ConsumerName
from ._redis_channel import ChannelSource
from ._redis_list import ListSource
from ._redis_source import Reading, Size, Source
from ._redis_stream import Membership, StreamSource

_STREAM_ONLY = ("group", "stream_field", "stream_start", "decorate_events")

_LAG_EVERY = 5.0


class Redis(RedisOptions, Input, name="redis"):
    """Read from a list, a stream or channels of Redis.

    `data_type => "list"`: entries are moved, many at once, to a list of this consumer, and are
    removed from there when every output has them: a kill loses nothing. What a consumer that died
    had under way goes back to the front of the list, at the next start on the same machine at once,
    elsewhere after `claim_after`. Any number of consumers share a list.

    `data_type => "stream"`: a member of a consumer group, which acknowledges entries when every
    output has them, reads those again that it had when it was killed, and claims those of members
    that died. The value of `stream_field` goes through the codec; an entry without that field is an
    event with the fields of the entry. `[@metadata][redis]` has `key`, `group` and `id`.

    `data_type => "channel"` and `"pattern_channel"`: what is published while it listens. Nothing
    gives it twice, and the server drops it where it is not read fast enough.
    `[@metadata][redis_channel]` has the channel.

    Needs Redis 6.2 or later for streams, 5 for the rest. Differs from Logstash: `stream`, `user`
    and what begins with `ssl_` are additions; lists are never popped before their entries were
    delivered.
    """

    replays = True
    default_codec = "json"

    data_type: str = option(
        "What the key is.", choices=("list", "channel", "pattern_channel", "stream")
    )
    key: str = option("The name of the list, stream or channel, or the pattern of channels.")
    host: str = option("The host.", default="127.0.0.1")
    path: str | None = option("A UNIX socket, instead of `host` and `port`.", default=None)
    ssl: bool = option("As `ssl_enabled`.", default=False)
    batch_count: int = option(
        "The most entries of a batch; default: as many as make a batch of a good size.",
        default=125,
        at_least=1,
    )
    threads: int = option(
        "Accepted, and without effect: one connection reads as fast as the server gives, and"
        " decoding is parallel with `pipeline.workers`.",
        default=1,
        at_least=1,
    )
    command_map: dict[str, str] = option("Commands that the server has renamed.", default={})
    consumer: str | None = option(
        "The name of this consumer of a list or stream, which no other may have; by default one is"
        " made and kept below `path.data`.",
        default=None,
    )
    claim_after: Duration = option(
        "Seconds without a sign of life after which a consumer counts as dead, and others take over"
        " what it had.",
        default=Duration(60.0),
        at_least=1,
    )
    group: str = option(
        "The consumer group of a stream, made where it is missing.", default="penstock"
    )
    stream_start: str = option(
        "Where a group that is new begins.", default="beginning", choices=("beginning", "end")
    )
    stream_field: str = option("The field of entries that the codec decodes.", default="message")
    decorate_events: bool = option(
        "Whether events of a stream have the id of their entry.", default=True
    )

    _source: Source | None = None
    _consumer: ConsumerName | None = None
    _measured = 0.0

    def prepare(self) -> None:
        self.ssl_enabled = self.ssl_enabled or self.ssl
        self.replays = self.data_type in ("list", "stream")
        self._check()
        self._connections = RedisClient(self, self, self.command_map)
        self._codec = self.new_codec()
        self._woken = threading.Event()
        self._size = Size(self.batch_count, "batch_count" in self.given)

    def _check(self) -> None:
        if not self.key:
            self.problem("key", "the key is empty", 'write key => "name"')
        if self.path is not None and self.ssl_enabled:
            given = "ssl" if "ssl" in self.given else "ssl_enabled"
            self.problem(given, "TLS is not used on a UNIX socket", "remove it, or remove `path`")
        if self.consumer == "":
            self.problem("consumer", "the name is empty", "remove it, or give a name")
        for name in _STREAM_ONLY if self.data_type != "stream" else ():
            if name in self.given:
                self.problem(name, f"`{name}` requires data_type => stream", "remove it")

    def decoder(self) -> Codec | None:
        return self._codec

    def connect(self) -> None:
        self._leave()
        client = self._connections.connect(self.host, self.port, self.path)
        try:
            self._source = self._made(client)
        except BaseException:
            close(client)
            raise

    def _made(self, client: redis.Redis) -> Source:
        reading = Reading(
            self.context,
            self.key,
            self._most,
            self._pause,
            self.claim_after,
            self._codec,
            self.command_map,
        )
        if not self.replays:
            is_pattern = self.data_type == "pattern_channel"
            return ChannelSource(client, reading, self._size, is_pattern)
        consumer = self._named()
        name, abandoned = consumer.name, consumer.abandoned()
        if self.data_type == "list":
            return ListSource(client, reading, self._size, name, abandoned)
        start = "0" if self.stream_start == "beginning" else "$"
        membership = Membership(self.group, self.stream_field, start, self.decorate_events)
        return StreamSource(client, reading, self._size, name, abandoned, membership)

    def _named(self) -> ConsumerName:
        if self._consumer is None:
            where = self.path or f"{self.host}:{self.port}"
            group = self.group if self.data_type == "stream" else ""
            source = where, self.db, self.data_type, self.key, group
            directory = self.context.data_directory / "redis"
            own, prefix = self.consumer or "", socket.gethostname()
            try:
                self._consumer = ConsumerName(directory, own, prefix, *source)
            except OSError as error:
                reason = f"no name can be kept in `{directory}`: {error.strerror or error}"
                raise Misconfigured("data_type", reason, "check path.data") from error
        return self._consumer

    def _most(self) -> int:
        return self._size.most(self.chunk_bytes)

    def _pause(self, seconds: float) -> bool:
        woken = self._woken.wait(seconds)
        self._woken.clear()
        return woken

    def read(self, timeout: float) -> Batch | None:
        if self._source is None:
            raise Disconnected("not connected")
        self._measure(self._source)
        return self._source.read(timeout)

    def _measure(self, source: Source) -> None:
        """Ask now and then how much waits, unless the user may not ask that."""
        now = time.monotonic()
        if now - self._measured < _LAG_EVERY:
            return
        self._measured = now
        try:
            lag = source.lag()
        except Misconfigured as error:
            self.context.log.info("its lag is not measured: %s", error)
            self._measured = float("inf")
            return
        if lag is not None:
            self.context.metrics.gauge("lag").set(lag)

    def wake(self) -> None:
        self._woken.set()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        if self._source is not None:
            self._source.settle(outcomes, behind)

    def tend(self, timeout: float) -> None:
        if self._source is not None:
            self._source.tend()
            self._measure(self._source)

    def _leave(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def close(self) -> None:
        self._leave()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.release()
