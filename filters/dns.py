"""The filter dns: host names to addresses, addresses to host names.

An answer takes its time, so the questions of a batch are asked beside each other before its events
are gone through; a question that several events have is asked once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dns.resolver import NoResolverConfiguration, Resolver

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.clients.cache import Cache
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._names import Names, TimedOutError, is_address, read_hosts

_SYSTEM_HOSTS = Path("/etc/hosts")
_THREADS = 16
_TIMED_OUT = object()

Question = tuple[str, str]
"""What is asked (resolve, reverse), and of which text."""


class Dns(Filter, name="dns"):
    """Look up host names and addresses.

    `resolve` names fields that hold host names, for which the addresses are looked up (IPv4 before
    IPv6); `reverse` names fields that hold addresses, for which the names are. What is found is put
    beside the value, as a list of both, or in its place with `action => replace`. First all names
    are resolved, then all addresses reversed; the first that cannot be found ends the work on the
    event, which then gets none of the common options. When no answer came in time it gets the tags
    of `tag_on_timeout`. A missing field is skipped; a list with more than one item ends the
    work.

    Hosts files are looked into first, those of `hostsfile` before the system's; then the servers of
    `nameserver` are asked, or the system's. With a `hostsfile` and no `nameserver`, none is.
    `nameserver` is an address, a list of them, or a hash of `address`, `search` (up to six domains
    to try for short names) and `ndots`.

    Answers are remembered when `hit_cache_size` is given, failures when `failed_cache_size` is: a
    log repeats itself, so give them. The questions of a batch are asked at the same time, the same
    question once.

    The filter needs the package dnspython: `pip install 'penstock[dns]'`.
    """

    external = True

    resolve: list[FieldRef] = option("Fields with host names.", default=[])
    reverse: list[FieldRef] = option("Fields with addresses.", default=[])
    action: str = option(
        "Whether to add what is found, or to put it in the value's place.",
        default="append",
        choices=("append", "replace"),
    )
    nameserver: Any = option(
        "The servers to ask: an address, a list, or a hash with address, search and ndots.",
        default=None,
    )
    hostsfile: list[Path] = option("Hosts files to look into before the system's.", default=[])
    timeout: float = option("How long to wait for an answer, in seconds.", default=0.5)
    max_retries: int = option("How many retries when no answer comes.", default=2, at_least=0)
    hit_cache_size: int = option("How many answers to cache.", default=0)
    hit_cache_ttl: float = option("How long an answer is cached, in seconds.", default=60)
    failed_cache_size: int = option("How many failures to cache.", default=0)
    failed_cache_ttl: float = option("How long a failure is cached, in seconds.", default=5)
    tag_on_timeout: list[str] = option(
        "Tags for an event when no answer came in time.", default=["_dnstimeout"]
    )

    examples = (
        Example(
            "an address for a name, and the name that belongs to it",
            'dns { hostsfile => "tests/data/dns/hosts" resolve => ["host"] reverse => ["ip"] action'
            ' => "replace" }',
            before={"host": "db", "ip": "192.0.2.11"},
            after={"host": "192.0.2.10", "ip": "web.example.net"},
        ),
        Example(
            "an address is its own answer, and no name is a missing field's",
            'dns { hostsfile => "tests/data/dns/hosts" resolve => ["[source][ip]", "gone"] add_tag'
            ' => ["looked_up"] }',
            before={"source": {"ip": "10.0.0.1"}},
            after={"source": {"ip": ["10.0.0.1", "10.0.0.1"]}, "tags": ["looked_up"]},
        ),
    )

    def prepare(self) -> None:
        hosts = read_hosts([*self.hostsfile, _SYSTEM_HOSTS])
        self._resolver = self._configured()
        self._names = Names(hosts, self._resolver, self.max_retries + 1)
        self._hits: Cache[str] = Cache(self.hit_cache_size, self.hit_cache_ttl)
        self._failures: Cache[bool] = Cache(self.failed_cache_size, self.failed_cache_ttl)
        self._pool: ThreadPoolExecutor | None = None
        resolved = set(self.resolve)
        self._first = [("resolve", ref) for ref in self.resolve]
        self._first += [("reverse", ref) for ref in self.reverse if ref not in resolved]

    def _configured(self) -> Resolver | None:
        given = self.nameserver
        if given is None and self.hostsfile:
            return None
        try:
            resolver = Resolver(configure=given is None)
        except NoResolverConfiguration:
            return None
        resolver.lifetime = resolver.timeout = self.timeout
        resolver.use_search_by_default = True
        if given is not None:
            self._set_servers(resolver, given if isinstance(given, dict) else {"address": given})
        return resolver

    def _set_servers(self, resolver: Resolver, given: dict[str, Any]) -> None:
        from dns.name import from_text

        for key in given.keys() - {"address", "search", "ndots"}:
            self.problem(
                "nameserver",
                f"`nameserver` has no `{key}`",
                "it has address, search and ndots",
                path=(key,),
            )
        servers, search = _listed(given.get("address")), _listed(given.get("search"))
        if not servers:
            self.problem(
                "nameserver", "`nameserver` has no address", 'write "address" => "10.0.0.53"'
            )
        if len(search) > 6:
            self.problem(
                "nameserver",
                "`search` has more than six domains",
                "remove some",
                path=("search",),
            )
        try:
            resolver.nameservers = servers
            resolver.search = [from_text(domain) for domain in search]
            resolver.ndots = int(given.get("ndots", 1))
        except (ValueError, TypeError) as error:
            self.problem(
                "nameserver",
                f"the name servers cannot be used: {error}",
                "give addresses, not names",
            )

    def run(self, events: list[Event]) -> list[Event]:
        questions = dict.fromkeys(
            question
            for event in events
            for kind, ref in self._first
            if (question := _question(kind, ref.get(event)))
        )
        unknown = [question for question in questions if not self._is_remembered("".join(question))]
        answers: dict[Question, Any] = {}
        if len(unknown) > 1:
            self._pool = self._pool or ThreadPoolExecutor(_THREADS, "dns")
            answers = dict(zip(unknown, self._pool.map(self._ask, unknown), strict=True))
        for event in events:
            try:
                if self._look_up(event, answers) and self.decorate is not None:
                    self.decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def apply(self, event: Event) -> bool:
        return self._look_up(event, {})

    def _look_up(self, event: Event, answers: dict[Question, Any]) -> bool:
        """Look up all fields of an event; whether all was found."""
        for kind, refs in (("resolve", self.resolve), ("reverse", self.reverse)):
            for ref in refs:
                value = ref.get(event)
                if value is None:
                    continue
                question = _question(kind, value)
                found = self._answer(question, answers) if question else None
                if found is _TIMED_OUT:
                    self.failures += 1
                    for tag in self.tag_on_timeout:
                        add_tag(event, tag)
                if not isinstance(found, str):
                    return False
                self._put(event, ref, value, found)
        return True

    def _put(self, event: Event, ref: FieldRef, value: Any, found: str) -> None:
        listed = type(value) is list
        if self.action == "replace":
            ref.set(event, [found] if listed else found)
        else:
            ref.set(event, [*value, found] if listed else [value, found])

    def _answer(self, question: Question, answers: dict[Question, Any]) -> Any:
        """A text, None for none, or that no answer came in time."""
        key = "".join(question)
        remembered = self._hits.get(key)
        if remembered is not None or self._failures.get(key):
            return remembered
        if question not in answers:
            answers[question] = self._ask(question)
        found = answers[question]
        if isinstance(found, str):
            self._hits.put(key, found)
        else:
            self._failures.put(key, True)
        return found

    def _is_remembered(self, key: str) -> bool:
        return self._hits.peek(key) is not None or self._failures.peek(key) is not None

    def stats(self) -> dict[str, int | float]:
        """How often an answer or a failure was remembered, and how often neither was."""
        return {
            "cache_hits": self._hits.hits + self._failures.hits,
            "cache_misses": self._failures.misses,
            "cache_entries": len(self._hits) + len(self._failures),
        }

    def _ask(self, question: Question) -> Any:
        kind, text = question
        try:
            return self._names.address(text) if kind == "resolve" else self._names.name(text)
        except TimedOutError:
            return _TIMED_OUT

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)


def _question(kind: str, value: Any) -> Question | None:
    """What to ask for a value; None for one that cannot be looked up."""
    if type(value) is list:
        value = value[0] if len(value) == 1 else None
    if type(value) is not str or not value or (kind == "reverse" and not is_address(value)):
        return None
    return kind, value


def _listed(value: Any) -> list[str]:
    return (
        []
        if value is None
        else [str(item) for item in (value if isinstance(value, list) else [value])]
    )
