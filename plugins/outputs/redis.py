"""The output redis: entries pushed to lists, added to streams or published to channels, many in one
request.

A request is one pipeline of commands: one push for each list, however many entries it gets. The
server answers each command by itself, so that what it refuses is known by its index.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence, Set
from typing import Any, NoReturn

import redis
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.redis import RedisClient, RedisOptions, close, is_away, raise_as_ours
from ..contract import Batching, Disconnected, Misconfigured, Output, Rejected, Retry
from ..declaration import Duration, option

_LARGEST = 512 << 20
_FULL = "the server's memory is full"


class Redis(RedisOptions, Output, name="redis"):
    """Push events to a list of Redis, add them to a stream, or publish them to a channel.

    Events that wait are written together, in one request, in their order. They count as delivered
    when the server has answered; what it keeps of that when it dies itself is a matter of its
    `appendfsync`. Of several hosts one is written to; another is taken when that fails, or has
    become a replica. A server whose memory is full is tried again; an entry that its key does not
    take is a dead letter, where `key` has fields of events in it.

    `congestion_threshold`: while a list is longer than that, nothing is pushed to it, and the
    events wait here.

    Differs from Logstash: `stream`, `user` and `path` are additions; events are written together
    whatever `batch` says.
    """

    default_codec = "json"
    # One request at a time keeps the order: where the server is far, its size bounds the rate.
    batching = Batching(bytes=8 << 20, events=20_000)

    data_type: str = option("What the key is.", choices=("list", "channel", "stream"))
    key: Template = option("The name of the list, stream or channel; takes fields of the event.")
    host: list[str] = option(
        "The hosts, as `host` or `host:port`; one of them is used.", default=["127.0.0.1"]
    )
    path: str | None = option("A UNIX socket, instead of `host` and `port`.", default=None)
    shuffle_hosts: bool = option("Whether to begin with any of the hosts.", default=True)
    reconnect_interval: Duration = option(
        "Seconds before the next attempt to connect; default: ever longer.",
        default=Duration(1.0),
        at_least=0,
    )
    batch: bool = option(
        "With it an event may wait up to `batch_timeout` for others to fill a request; what waits"
        " anyway is always written together.",
        default=False,
    )
    batch_timeout: Duration = option(
        "How many seconds that is, where `batch` is set.", default=Duration(5.0), at_least=0
    )
    congestion_threshold: int = option(
        "How many entries a list may have for more to be pushed; 0: any number.",
        default=0,
        at_least=0,
    )
    congestion_interval: Duration = option(
        "Seconds between looks at how long a list is; 0: before each request.",
        default=Duration(1.0),
        at_least=0,
    )
    stream_field: str = option("The field that entries of a stream have.", default="message")
    stream_max_length: int | None = option(
        "About how many entries a stream keeps: older ones are cut off, read or not.",
        default=None,
        at_least=1,
    )

    _client: redis.Redis | None = None

    def prepare(self) -> None:
        self._connections = RedisClient(self, self)
        self._hosts = [self._address(place, text) for place, text in enumerate(self.host)]
        if self.shuffle_hosts:
            random.shuffle(self._hosts)
        self._encode = self.new_codec().encode_messages
        self._constant = self.key.text if self.key.is_constant else None
        self._looked: dict[str, float] = {}
        self._unheard = self.context.metrics.counter("published_to_nobody")
        if not self.key.text:
            self.problem("key", "the key is empty", 'write key => "name"')
        if not self.host:
            self.problem("host", "`host` is empty", 'write host => ["name"]')
        if self.congestion_threshold and self.data_type != "list":
            self.problem("congestion_threshold", "it requires data_type => list", "remove it")
        if self.batch and self.batch_age is None:
            self.batch_age = self.batch_timeout

    def _address(self, place: int, text: str) -> tuple[str, int]:
        name, colon, port = text.strip().rpartition(":")
        if not colon or (":" in name and not name.endswith("]")) or text.endswith("]"):
            return text.strip("[] "), self.port
        if not port.isdigit() or not 0 < int(port) < 65536:
            message = f"`{port}` is not a valid port"
            self.problem("host", message, "write host:6379", path=(place,))
            return name, self.port
        return name.strip("[]"), int(port)

    def pack(self, events: list[Event]) -> list[Payload]:
        values: list[Any] = self._encode(events)
        if self._constant is None:
            render = self.key.render
            values = [[render(event), value] for event, value in zip(events, values, strict=True)]
        return [Payload(values, events)]

    def connect(self) -> None:
        self.close()
        failure: Exception = Disconnected("`host` is empty")
        for _ in range(len(self._hosts)):
            host, port = self._hosts[0]
            try:
                self._client = self._connections.connect(host, port, self.path)
                return
            except (Disconnected, Misconfigured) as error:
                if isinstance(failure, Misconfigured):
                    continue
                failure = error
            finally:
                if self._client is None:
                    self._hosts.append(self._hosts.pop(0))
        if isinstance(failure, Disconnected) and "reconnect_interval" in self.given:
            failure.after = float(self.reconnect_interval)
        raise failure

    def deliver(self, payload: Payload) -> None:
        if self._client is None:
            raise Disconnected("not connected")
        by_key = self._by_key(payload.data)
        refused = self._too_large(payload.data)
        waiting = self._congested(by_key)
        if not refused and not waiting:
            self._write(self._client, by_key, payload.data, {})
            return
        left = {
            key: [i for i in indexes if i not in refused and i not in waiting]
            for key, indexes in by_key.items()
        }
        self._write(self._client, left, payload.data, refused, waiting)

    def _by_key(self, items: Sequence[Any]) -> dict[str, list[int]]:
        """The indexes of the items of each key, in order."""
        if self._constant is not None:
            return {self._constant: list(range(len(items)))}
        found: dict[str, list[int]] = {}
        for index, (key, _) in enumerate(items):
            found.setdefault(key, []).append(index)
        return found

    def _value(self, item: Any) -> Any:
        return item if self._constant is not None else item[1]

    def _too_large(self, items: Sequence[Any]) -> dict[int, str]:
        reason = "it is larger than the 512 MB that Redis takes"
        sizes = ((i, len(self._value(item))) for i, item in enumerate(items))
        return {index: reason for index, size in sizes if size > _LARGEST}

    def _congested(self, by_key: dict[str, list[int]]) -> set[int]:
        """The items whose list is too long for now."""
        found: set[int] = set()
        for key, indexes in by_key.items() if self.congestion_threshold else ():
            if self._is_congested(key):
                found.update(indexes)
        return found

    def _is_congested(self, key: str) -> bool:
        now = time.monotonic()
        if now - self._looked.get(key, float("-inf")) < self.congestion_interval:
            return False
        assert self._client is not None
        try:
            length: Any = self._client.llen(key)
        except ResponseError:
            return False  # the push hears the same, and knows whom to blame
        except (RedisError, OSError) as error:
            self._lost(error)
        if length > self.congestion_threshold:
            self._looked.pop(key, None)
            text = "the list `%s` has %d entries, more than congestion_threshold; waiting"
            self.context.log.warning(text, key, length, about="congestion")
            return True
        if len(self._looked) > 10_000:
            self._looked.clear()
        self._looked[key] = now
        return False

    def _write(
        self,
        client: redis.Redis,
        by_key: dict[str, list[int]],
        items: Sequence[Any],
        refused: dict[int, str],
        waiting: Set[int] = frozenset(),
    ) -> None:
        pipe = client.pipeline(transaction=False)
        answers_of: list[tuple[str, list[int]]] = []
        for key, indexes in by_key.items():
            if indexes:
                answers_of += self._commands(pipe, key, indexes, items)
        try:
            answers = pipe.execute(raise_on_error=False) if answers_of else []
        except (RedisError, OSError) as error:
            self._lost(error)
        reasons, again = dict(refused), set(waiting)
        for (key, indexes), answer in zip(answers_of, answers, strict=True):
            if isinstance(answer, Exception):
                self._hear(key, indexes, answer, reasons, again)
            elif answer == 0 and self.data_type == "channel":
                self._unheard.add(len(indexes))
        after = float(self.congestion_interval) if waiting else None
        if reasons:
            raise Rejected(reasons, again, after)
        if again:
            why = "a list is longer than congestion_threshold" if waiting else _FULL
            raise Retry(why, again, after)

    def _commands(
        self, pipe: Any, key: str, indexes: list[int], items: Sequence[Any]
    ) -> list[tuple[str, list[int]]]:
        """Queue the commands for one key; which items each of them has."""
        values = [self._value(items[i]) for i in indexes]
        if self.data_type == "list":
            pipe.rpush(key, *values)
            return [(key, indexes)]
        for value in values:
            if self.data_type == "channel":
                pipe.publish(key, value)
            else:
                entry = {self.stream_field: value}
                pipe.xadd(key, entry, maxlen=self.stream_max_length, approximate=True)
        return [(key, [index]) for index in indexes]

    def _hear(
        self,
        key: str,
        indexes: list[int],
        answer: Exception,
        reasons: dict[int, str],
        again: set[int],
    ) -> None:
        """What the server says of a command that it has not carried out."""
        if isinstance(answer, OutOfMemoryError) or str(answer).startswith("OOM"):
            again.update(indexes)
        elif is_away(answer) or not isinstance(answer, ResponseError) or self._constant is not None:
            self._lost(answer)
        else:
            reasons |= dict.fromkeys(indexes, f"`{key}`: {answer}")

    def _lost(self, error: Exception) -> NoReturn:
        """Take another host the next time, unless an option is to blame."""
        try:
            raise_as_ours(error)
        except Disconnected:
            self._hosts.append(self._hosts.pop(0))
            raise

    def close(self) -> None:
        client, self._client = self._client, None
        close(client)
