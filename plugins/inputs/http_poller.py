"""The input http_poller: URLs that are asked for by a schedule.

The requests of a poll are under way beside each other, in threads; the reading thread starts them
when they are due and makes events of the answers. While the pipeline is full nothing is read, so
that no further poll begins: what is missed is left out, not made up for.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from ...dsl.joda.zones import get_zone
from ...dsl.reference import Event, FieldError, FieldRef
from ..batch import Batch, Part, Position
from ..clients.http import HttpClient, HttpOptions, Response, check_options
from ..clients.http_probe import probe
from ..clients.tls import ClientTls, client_tls
from ..contract import Ecs, Input, Outcome
from ..declaration import option
from ..former import FormerOption, renamed
from ..schedule import ScheduleError
from ..wake_pipe import WakePipe
from ._poll_events import Asked, PollFields
from ._poll_requests import BadRequest, Poll, poll_of
from ._poll_schedule import polls

_UNCHANGED = 304


class HttpPoller(HttpOptions, ClientTls, Ecs, Input, name="http_poller"):
    """Ask for URLs by a schedule; what they answer becomes events.

    `urls` has a URL for each name, or a hash: `url`, `method`, `headers`, `query`, `body`, `user`
    and `password`, and the timeouts and `follow_redirects` of this request. `schedule` is one of
    `every => "10s"` (the first time at once), `cron => "*/5 * * * * Europe/Rome"`, `in => "1m"`
    and `at => "2030-01-01 12:00"`. All URLs are asked for at the same time, over up to
    `pool_max` connections; a poll that is due before the last one has ended is left out.

    An answer is decoded by the codec, whatever its status; one without a body is an event without
    data. With `target` the data goes beneath that field. A request without an answer is an event
    tagged `_http_request_failure`, with `[error][message]`, `[url][full]`, `[host][hostname]`,
    `[http][request][method]` and `[event][duration]` (without ECS `error`, `name`, `request` and
    `runtime_seconds` in `http_request_failure`).

    Beneath `metadata_target`, events have what was asked and how it was answered. With ECS it is in
    `[input][http_poller]`: `[request][name]`, `[request][original]`, `[request][host][hostname]`,
    `[request][retry_count]`, `[response][status_code]`, `[response][status_message]`,
    `[response][headers]`, `[response][elapsed_time_ns]`. Without ECS: `name`, `request`, `host`,
    `times_retried`, `code`, `response_message`, `response_headers`, `runtime_seconds`.

    With `skip_unchanged` a URL that said an ETag or Last-Modified is only asked for what has
    changed since; an answer that nothing has (304) is not an event. After a restart all is asked
    for again. What the outputs did not take is given to them again, as long as the process lives.

    The input needs the package urllib3: `pip install 'penstock[http_poller]'`.

    Differs from Logstash: `skip_unchanged` is new. What events say of a request has no credentials.
    Failures have no backtrace. A time without a zone is in `penstock.timezone`. Keys and
    certificates are PEM files; Java's stores are an error. `validate_after_inactivity` has no
    effect.
    """

    former = renamed({"interval": FormerOption("schedule", entry=("every", "{}s"))})

    default_codec = "json"
    local = True

    urls: dict[str, Any] = option("The URLs, by name; or hashes with a `url` and more.")
    schedule: dict[str, Any] = option("When to ask: `every`, `cron`, `in` or `at`.")
    target: FieldRef | None = option(
        "The field for the data, instead of the event's root.", default=None
    )
    metadata_target: FieldRef = option(
        "The field for what was asked and how it was answered.", default=FieldRef("@metadata")
    )
    skip_unchanged: bool = option(
        "Ask only for what has changed, by ETag and Last-Modified.", default=False
    )

    _pipe: WakePipe | None = None
    _pool: ThreadPoolExecutor | None = None

    def prepare(self) -> None:
        self._tls = client_tls(self, self)
        check_options(self, self)
        self._codec = self.new_codec()
        self._polls = [poll for poll in map(self._poll, self.urls.items()) if poll is not None]
        if not self.urls:
            self.problem("urls", "`urls` is empty", 'write urls => { name => "https://…" }')
        try:
            zone = get_zone(str(self.context.settings.get("penstock.timezone") or "UTC"))
            self._schedule = polls(self.schedule, zone)
        except ScheduleError as error:
            self.problem("schedule", str(error), 'write schedule => { every => "10s" }')
        self._check_targets()
        self._fields = PollFields(self.ecs, self.metadata_target)

    def _poll(self, entry: tuple[str, Any]) -> Poll | None:
        name, given = entry
        try:
            return poll_of(name, given)
        except BadRequest as error:
            self.problem("urls", f"`{name}`: {error}", error.help, path=(name, *error.path))
            return None

    def _check_targets(self) -> None:
        for name in ("target", "metadata_target"):
            field: FieldRef | None = getattr(self, name)
            try:
                if field is not None:
                    field.set({}, {})
            except FieldError as error:
                self.problem(name, str(error), "name another field")

    def open(self) -> None:
        self._pipe, self._done = WakePipe(), deque[Asked]()
        self._pool = ThreadPoolExecutor(self.pool_max, "http_poller")
        self._clients = {poll.name: self._client(poll.overrides) for poll in self._polls}
        self._validators: dict[str, dict[str, str]] = {}
        self._under_way = self._given = 0
        self._incarnation = str(_now())  # what was given in another run is not there any more
        self._due = self._schedule.first(_now())

    def _client(self, overrides: Mapping[str, Any]) -> HttpClient:
        names = HttpOptions._declared  # type: ignore[attr-defined]
        options = {name: getattr(self, name) for name in names}
        merged = SimpleNamespace(**{**options, **overrides})
        return HttpClient(cast(HttpOptions, merged), self._tls)

    def probe(self) -> None:
        """Try to reach the server of each URL."""
        for poll in self._polls:
            probe(poll.request.url, self, self._tls)

    def read(self, timeout: float) -> Batch | None:
        assert self._pipe is not None
        self._begin_if_due()
        if not self._done:
            self._pipe.wait(min(timeout, self._until_due()))
            self._begin_if_due()
        return self._batch(self._done.popleft()) if self._done else None

    def _until_due(self) -> float:
        """Seconds to the next poll."""
        return 3600.0 if self._due is None else max(0.0, (self._due - _now()) / 1000)

    def _begin_if_due(self) -> None:
        now = _now()
        if self._due is None or self._due > now:
            return
        due, self._due = self._due, self._schedule.after(self._due, now)
        if self._under_way:
            self.context.log.warning(
                "the poll of %d s ago is left out: the one before has not ended",
                (now - due) // 1000,
            )
            return
        assert self._pool is not None
        for poll in self._polls:
            self._under_way += 1
            self._pool.submit(self._ask, poll)

    def _ask(self, poll: Poll) -> None:
        """Send a request, in a thread of its own."""
        request, started = poll.request, time.perf_counter()
        validators = self._validators.get(poll.name)
        if validators:
            request = replace(request, headers={**validators, **request.headers})
        answer: Response | Exception
        try:
            answer = self._clients[poll.name].send(request)
        except Exception as error:
            answer = error
        pipe = self._pipe
        self._done.append(Asked(poll, answer, time.perf_counter() - started))
        if pipe is not None:
            pipe.wake()

    def _batch(self, asked: Asked) -> Batch | None:
        self._under_way -= 1
        answer = asked.answer
        if isinstance(answer, Response) and self.skip_unchanged:
            if answer.status == _UNCHANGED and asked.poll.name in self._validators:
                return None
            self._validators[asked.poll.name] = _validators_of(answer)
        return self._batch_of(asked)

    def _batch_of(self, asked: Asked) -> Batch | None:
        events = self._events(asked)
        if not events:
            return None
        for event in events:
            self._fields.describe(event, asked)
        size = len(asked.answer.body) if isinstance(asked.answer, Response) else 0
        self._given += 1
        position = Position(self._incarnation, self._given)
        parts = [Part(asked.poll.name, position, len(events))]
        return Batch(events, token=asked, parts=parts, bytes=size)

    def _events(self, asked: Asked) -> list[Event]:
        if not isinstance(asked.answer, Response):
            self.context.log.warning("`%s` has no answer: %s", asked.poll.name, asked.answer)
            return [self._fields.failure(asked)]
        if not asked.answer.body:
            return [{}]
        codec = self._codec.stream()
        events = codec.decode_or_keep(asked.answer.body)
        events = codec.complete([*events, *codec.flush()])
        if self.target is None:
            return events
        made: list[Event] = []
        for event in events:
            made.append({})
            self.target.set(made[-1], event)
        return made

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        for asked, error in outcomes:
            if error is not None:
                self._under_way += 1
                self._validators.pop(asked.poll.name, None)
                self._done.append(asked)

    def wake(self) -> None:
        pipe = self._pipe
        if pipe is not None:
            pipe.wake()

    def close(self) -> None:
        pool, self._pool, self._pipe = self._pool, None, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
            for client in self._clients.values():
                client.close()


def _validators_of(answer: Response) -> dict[str, str]:
    """The headers that ask for what has changed since an answer; none after a failure."""
    if not 200 <= answer.status <= 299:
        return {}
    named = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
    found = {header: answer.headers.get(name) for header, name in named.items()}
    return {header: value for header, value in found.items() if isinstance(value, str)}


def _now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000
