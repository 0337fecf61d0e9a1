"""The filter memcached: values that other programs left under a key, and values that are left for
them.

What the events of a batch ask for is asked in one go, and so is what they leave; only where a
filter does both does each event wait for its own, since the next may ask for what it left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..dsl.template import Template
from ..dsl.values import copy
from ..plugins.clients.cache import Cache
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ._memcached_servers import Host, Servers, key_bytes, parse_host, restore, store
from ._per_process import PerProcess
from ._references import named_field, named_template, set_each


class _Failed:
    """Stands for a value that could not be looked up."""


_FAILED = _Failed()


class Memcached(Filter, name="memcached"):
    """Get values from memcached, or set them there.

    `get` says which field takes the value of a key: `{ "user:%{id}" => "[user][name]" }`; `set`
    says under which key the value of a field is kept: `{ "[user][name]" => "user:%{id}" }`, for
    `ttl` seconds, or for ever. Keys stand behind the `namespace` and a colon. First all is set,
    then all is got. The common options apply when something was set or found; an event that could
    not be served gets the tag of `tag_on_failure` instead. A server that could not be reached is
    retried after a second; until then its keys fail at once.

    `hosts` are `host`, `host:port`, `host:port:weight`, IPv6 addresses (in brackets before a port),
    or paths of sockets. Keys are shared out among several as Logstash does, which must be given the
    same list.

    Text is kept as it is, so that any program can read it; numbers, booleans, lists and maps
    are kept as Logstash keeps them, in Ruby's Marshal format, and come back as what they were. What
    Logstash has kept is read; what others have is text.

    Values that are asked for again and again can be remembered: `cache_size` says for how many
    keys, `cache_expiration` for how many seconds.

    The filter needs the package pymemcache: `pip install 'penstock[memcached]'`.

    Differs from Logstash: a server that cannot be reached when the pipeline starts does not stop
    it. A key with white space, which memcached's text protocol does not have, is a failure. Text is
    kept plainly (there, in Marshal's format, too). `cache_size` and `cache_expiration` are new.
    """

    external = True

    hosts: list[str] = option("The servers.", default=["localhost"])
    namespace: str | None = option("What stands before every key, with a colon.", default=None)
    get: dict[str, str] = option(
        "Keys, with templates, and the fields for their values.", default={}
    )
    set: dict[str, str] = option(
        "Fields, and the keys, with templates, under which their values are kept.", default={}
    )
    ttl: int = option(
        "For how many seconds values are kept; 0 for no limit.", default=0, at_least=0
    )
    tag_on_failure: str = option(
        "A tag for an event that could not be served.", default="_memcached_failure"
    )
    cache_size: int = option("For how many keys values are cached.", default=0)
    cache_expiration: float = option("For how many seconds a value is cached.", default=5.0)

    examples = (
        Example(
            "servers that cannot be reached",
            'memcached { hosts => ["127.0.0.1:1"] get => { "name:%{ip}" => "[host][name]" } add_tag'
            ' => ["named"] }',
            before={"ip": "10.0.0.1"},
            after={"ip": "10.0.0.1", "tags": ["_memcached_failure"]},
        ),
        Example(
            "nothing to set",
            'memcached { hosts => ["127.0.0.1:1"] namespace => "seen" set => { "[user]" => "%{ip}"'
            ' } add_tag => ["kept"] }',
            before={"ip": "10.0.0.1"},
            after={"ip": "10.0.0.1"},
        ),
    )

    def prepare(self) -> None:
        hosts = self._read_hosts()
        self._servers = PerProcess(lambda: Servers(hosts), Servers.close)
        self._cache: Cache[tuple[Any]] = Cache(self.cache_size, self.cache_expiration)
        self._gets = [
            (named_template(self, "get", key, (key,)), named_field(self, "get", field, (key,)))
            for key, field in self.get.items()
        ]
        self._sets = [
            (named_field(self, "set", field, (field,)), named_template(self, "set", key, (field,)))
            for field, key in self.set.items()
        ]

    def _read_hosts(self) -> list[Host]:
        hosts = []
        for place, text in enumerate(self.hosts):
            host = parse_host(text)
            if host is None:
                self.problem(
                    "hosts",
                    f"`{text}` is not a valid server",
                    "write host, host:port or [IPv6]:port",
                    path=(place,),
                )
            else:
                hosts.append(host)
        if not self.hosts:
            self.problem("hosts", "`hosts` is empty", 'write hosts => ["localhost:11211"]')
        return hosts

    def open(self) -> None:
        try:
            self._servers.get().reach()
        except Exception as error:
            self._complain("memcached does not answer", error)

    def run(self, events: list[Event]) -> list[Event]:
        groups = [[event] for event in events] if self._gets and self._sets else [events]
        for group in groups:
            kept = self._set_all(group) if self._sets else [False] * len(group)
            found = self._get_all(group) if self._gets and kept != [None] else [False] * len(group)
            for event, was_kept, was_found in zip(group, kept, found, strict=True):
                if was_kept is None or was_found is None:
                    self.failures += 1
                    add_tag(event, self.tag_on_failure)
                elif (was_kept or was_found) and self.decorate is not None:
                    self.decorate(event)
        return events

    def _set_all(self, events: Sequence[Event]) -> list[bool | None]:
        """For each event, whether something was set; None where this failed."""
        values: dict[bytes, tuple[bytes, int]] = {}
        keys: list[list[bytes] | None] = []
        for event in events:
            try:
                held = [(key, field.get(event)) for field, key in self._sets]
                own = {
                    self._named(key, event): store(value)
                    for key, value in held
                    if value is not None
                }
            except Exception as error:
                self._complain("a value cannot be stored", error)
                keys.append(None)
                continue
            values |= own
            keys.append(list(own))
        failed = self._servers.get().set(values, self.ttl) if values else {}
        self._complain_of(failed)
        for key in values if self._cache.size else ():
            self._cache.drop(key)
        return [
            None if own is None or any(key in failed for key in own) else bool(own) for own in keys
        ]

    def _get_all(self, events: Sequence[Event]) -> list[bool | None]:
        """For each event, whether something was found, which is set; None where looking for it
        failed.
        """
        keys: list[list[bytes] | None] = []
        for event in events:
            try:
                keys.append([self._named(key, event) for key, _ in self._gets])
            except Exception as error:
                self._complain("the key is missing", error)
                keys.append(None)
        values = self._look_up(keys)
        return [
            None if own is None else self._fill(event, [values[key] for key in own])
            for event, own in zip(events, keys, strict=True)
        ]

    def _look_up(self, asked: Sequence[list[bytes] | None]) -> dict[bytes, Any]:
        """The values of keys: None where there is none, _FAILED where it cannot be known."""
        values: dict[bytes, Any] = {}
        unknown: dict[bytes, None] = {}
        for key in [key for own in asked for key in own or ()]:
            remembered = self._cache.get(key) if self._cache.size else None
            if remembered is None:
                unknown[key] = None
            else:
                values[key] = remembered[0]
        found, failed = self._servers.get().get(unknown) if unknown else ({}, {})
        self._complain_of(failed)
        for key in unknown:
            values[key] = _FAILED if key in failed else self._restored(found.get(key))
            if values[key] is not _FAILED:
                self._cache.put(key, (values[key],))
        return values

    def _restored(self, stored: tuple[bytes, int] | None) -> Any:
        try:
            return None if stored is None else restore(stored)
        except Exception as error:
            self._complain("a value cannot be read", error)
            return _FAILED

    def _fill(self, event: Event, values: list[Any]) -> bool | None:
        if _FAILED in values:
            return None
        try:
            pairs = zip(self._gets, values, strict=True)
            found = [(field, copy(value)) for (_, field), value in pairs if value is not None]
            set_each(event, found)
        except Exception as error:
            self._complain("a value cannot be set", error)
            return None
        return any(value is not None for value in values)

    def _named(self, key: Template, event: Event) -> bytes:
        text = key.render(event)
        if not text:
            raise ValueError("the key is empty")
        return key_bytes(text, self.namespace)

    def _complain_of(self, failed: dict[bytes, Exception]) -> None:
        for error in list(failed.values())[:1]:
            self._complain(f"{len(failed)} keys could not be served", error)

    def _complain(self, what: str, error: Exception) -> None:
        complain(f"{self.context.where} {what}", "%s: %s: %s", self.context.where, what, error)

    def stats(self) -> dict[str, int | float]:
        return self._cache.stats() if self._cache.size else {}

    def close(self) -> None:
        self._servers.close()
